//! Lets the linker find what libbpf asks for by name, and finds nothing in it.
//!
//! libbpf-sys links `elf` and `z`; what libbpf calls of them is in `src/kernel/elf`. Two empty
//! archives, ahead of whatever the machine has, keep the real ones out.

use std::path::PathBuf;

const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for name in ["libelf.a", "libz.a"] {
        std::fs::write(out.join(name), EMPTY_ARCHIVE).expect("OUT_DIR is writable");
    }
    println!("cargo:rustc-link-search=native={}", out.display());
}
