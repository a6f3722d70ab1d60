//! What kernel programs and the agent say to each other, defined once.
//!
//! The [`abi!`] table yields the `#[repr(C)]` struct, the compile-time proof that it has no
//! implicit padding, and the row from which [`header`] prints `bpf/include/tapio_abi.h`; a test
//! fails when the checked-in header is stale. Every record is zeroed after reserve, zero config
//! is inert, and fields are added at the end with [`shared::ABI_VERSION`] bumped in the same commit. Nothing
//! here reads a clock or a kernel.

pub mod cgroup;
pub mod container;
pub mod header;
pub mod network;
pub mod node;
pub mod shared;
pub mod storage;

/// A type that any bytes of its size are a valid value of, and that has a name in C.
///
/// # Safety
/// Every bit pattern must be a value, and there must be no padding.
pub unsafe trait Plain: Copy + 'static {
    /// The C type, of one element if this is an array.
    const C_TYPE: &'static str;
    /// The number of elements if this is an array.
    const COUNT: Option<usize> = None;

    /// All bytes zero: inert config, an empty record.
    fn zeroed() -> Self {
        // SAFETY: all-zero bytes are a value of every `Plain` type, by the trait's own contract.
        unsafe { std::mem::zeroed() }
    }

    /// The value that exactly these bytes are; `None` for any other length.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != size_of::<Self>() {
            return None;
        }
        // SAFETY: the length is that of `Self`, any bytes are a value of it, and the read does
        // not ask for alignment.
        Some(unsafe { std::ptr::read_unaligned(bytes.as_ptr().cast()) })
    }

    fn as_bytes(&self) -> &[u8] {
        // SAFETY: `self` is valid for its size and has no padding, so every byte is initialised.
        unsafe { std::slice::from_raw_parts((&raw const *self).cast(), size_of::<Self>()) }
    }
}

macro_rules! plain_numbers {
    ($($number:ty = $c:literal),+) => {
        // SAFETY: every bit pattern is a value of a fixed-width integer.
        $(unsafe impl Plain for $number { const C_TYPE: &'static str = $c; })+
    };
}
plain_numbers!(
    u8 = "__u8",
    u16 = "__u16",
    u32 = "__u32",
    u64 = "__u64",
    i32 = "__s32"
);

// SAFETY: an array has no padding of its own, and its elements are plain.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    const C_TYPE: &'static str = T::C_TYPE;
    const COUNT: Option<usize> = Some(N);
}

/// One field as both languages must see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub c_type: &'static str,
    pub count: Option<usize>,
    pub offset: usize,
    pub size: usize,
}

/// One struct as both languages must see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The struct's name in C, without `struct`.
    pub name: &'static str,
    pub size: usize,
    pub fields: &'static [Field],
}

/// A struct of the table.
pub trait Described: Plain {
    const LAYOUT: Layout;
}

macro_rules! abi {
    ($($(#[$doc:meta])* $name:ident = $c:literal {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty,)+
    })+) => { $(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)+ }

        const _: () = assert!(
            size_of::<$name>() == 0 $(+ size_of::<$kind>())+,
            concat!($c, " has implicit padding")
        );

        // SAFETY: every field is plain, and the assertion above leaves no room for padding.
        unsafe impl $crate::abi::Plain for $name {
            const C_TYPE: &'static str = concat!("struct ", $c);
        }

        impl $crate::abi::Described for $name {
            const LAYOUT: $crate::abi::Layout = $crate::abi::Layout {
                name: $c,
                size: size_of::<$name>(),
                fields: &[$($crate::abi::Field {
                    name: stringify!($field),
                    c_type: <$kind as $crate::abi::Plain>::C_TYPE,
                    count: <$kind as $crate::abi::Plain>::COUNT,
                    offset: std::mem::offset_of!($name, $field),
                    size: size_of::<$kind>(),
                }),+],
            };
        }
    )+ };
}
pub(crate) use abi;

/// One named number of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constant {
    pub name: &'static str,
    pub value: u64,
}

macro_rules! constants {
    ($list:ident: $($(#[$doc:meta])* $name:ident: $kind:ty = $value:expr;)+) => {
        $($(#[$doc])* pub const $name: $kind = $value;)+

        /// The numbers of this module, for the header.
        pub const $list: &[$crate::abi::Constant] =
            &[$($crate::abi::Constant { name: stringify!($name), value: $value }),+];
    };
}
pub(crate) use constants;

#[cfg(test)]
mod tests {
    use super::shared::CgroupRef;
    use super::*;

    #[test]
    fn a_record_is_read_from_exactly_its_own_length() {
        let bytes: Vec<u8> = (1..=16).collect();
        let read = CgroupRef::from_bytes(&bytes).expect("sixteen bytes");
        assert_eq!(read.id, u64::from_ne_bytes([1, 2, 3, 4, 5, 6, 7, 8]));
        assert_eq!(read.as_bytes(), bytes);
        for wrong in [0, 15] {
            assert_eq!(CgroupRef::from_bytes(&bytes[..wrong]), None);
        }
        assert_eq!(CgroupRef::from_bytes(&[0; 17]), None);
    }
}
