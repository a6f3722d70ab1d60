//! The kernel programs, compiled by the build script and embedded.
//!
//! Each object is 8-byte aligned, because its tables are read in place. Loading them is the
//! agent's; this crate only holds the bytes.

#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)+) => {
        $(
        $(#[$doc])*
        pub fn $name() -> &'static [u8] {
            static OBJECT: &Aligned<[u8]> =
                &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".bpf.o")));
            &OBJECT.0
        }
    )+

        /// Every object with its name.
        pub const ALL: &[(&str, fn() -> &'static [u8])] = &[$(($file, $name)),+];
    };
}

objects! {
    /// Names of cgroups, for every observer.
    cgroup = "cgroup";
    /// OOM kills and abnormal exits.
    container = "container";
    /// Connections that fail, die, or become slow.
    network = "network";
    /// CPUs that stall, wait for memory or get little done.
    node = "node";
    /// Requests to block devices that fail or take long.
    storage = "storage";
}
