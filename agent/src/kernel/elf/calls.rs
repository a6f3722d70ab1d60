//! The C interface: libelf's names, with libelf's contract, over the checked image.
//!
//! Every function takes the pointers that another one gave out, or null, as libelf does, and
//! answers null or -1 when there is nothing to give. What is not offered at all refuses.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::{null, null_mut};

use super::{Elf, FileHeader, Section, SectionData, SectionHeader};

const VERSION: c_uint = 1;
const CLASS_64: c_int = 2;
const KIND_ELF: c_int = 3;
const REFUSED: &CStr = c"not a whole 64-bit ELF object of this machine's byte order";

/// Gives `value` out through a pointer of the caller's.
///
/// # Safety
/// `out` must be null or valid for a write of `T`.
unsafe fn give<T: Copy>(out: *mut T, value: Option<T>) -> *mut T {
    match value {
        Some(value) if !out.is_null() => {
            // SAFETY: not null, and then valid by the caller's promise.
            unsafe { out.write(value) };
            out
        }
        Some(_) | None => null_mut(),
    }
}

/// Gives a number out as libelf does: 0, or -1 when there is none.
///
/// # Safety
/// As for [`give`].
unsafe fn give_number(out: *mut usize, value: Option<usize>) -> c_int {
    // SAFETY: the caller's promise is passed on.
    if unsafe { give(out, value) }.is_null() {
        -1
    } else {
        0
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty $body:block)+) => { $(
        $(#[$doc])*
        ///
        /// # Safety
        /// Pointers are null, or what another of these functions gave out and `elf_end` has not
        /// taken back, or the caller's own room for what is asked.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $kind),*) -> $answer $body
    )+ };
}

calls! {
    fn elf_version(_version: c_uint) -> c_uint { VERSION }

    fn elf_errmsg(_error: c_int) -> *const c_char { REFUSED.as_ptr() }

    /// Files are not read.
    fn elf_begin(_fd: c_int, _command: c_int, _archive: *mut c_void) -> *mut Elf { null_mut() }

    /// The image stays the caller's, who keeps it alive and unchanged until `elf_end`.
    fn elf_memory(image: *const u8, bytes: usize) -> *mut Elf {
        if image.is_null() {
            return null_mut();
        }
        // SAFETY: the caller hands over an image of that many bytes.
        let image = unsafe { std::slice::from_raw_parts(image, bytes) };
        Elf::parse(image).map_or(null_mut(), |elf| Box::into_raw(Box::new(elf)))
    }

    fn elf_end(elf: *mut Elf) -> c_int {
        if !elf.is_null() {
            // SAFETY: `elf_memory` made it with `Box::into_raw`, and it is given back once.
            drop(unsafe { Box::from_raw(elf) });
        }
        0
    }

    fn elf_kind(elf: *const Elf) -> c_int { if elf.is_null() { 0 } else { KIND_ELF } }

    fn gelf_getclass(elf: *const Elf) -> c_int { if elf.is_null() { 0 } else { CLASS_64 } }

    fn elf64_getehdr(elf: *const Elf) -> *const FileHeader {
        // SAFETY: null or a live `Elf`, see above; so in every `as_ref` below.
        unsafe { elf.as_ref() }.map_or(null(), |elf| &raw const elf.header)
    }

    fn gelf_getehdr(elf: *const Elf, out: *mut FileHeader) -> *mut FileHeader {
        // SAFETY: as above, and `out` is the caller's room.
        unsafe { give(out, elf.as_ref().map(|elf| elf.header)) }
    }

    fn elf_getshdrnum(elf: *const Elf, out: *mut usize) -> c_int {
        // SAFETY: as above.
        unsafe { give_number(out, elf.as_ref().map(|elf| elf.sections.len())) }
    }

    fn elf_getshdrstrndx(elf: *const Elf, out: *mut usize) -> c_int {
        // SAFETY: as above.
        unsafe { give_number(out, elf.as_ref().map(|elf| elf.header.names_index.into())) }
    }

    /// Programs have segments; objects have none.
    fn elf_getphdrnum(_elf: *const Elf, _out: *mut usize) -> c_int { -1 }

    fn elf_strptr(elf: *const Elf, section: usize, offset: usize) -> *const u8 {
        // SAFETY: as above.
        let elf = unsafe { elf.as_ref() };
        elf.and_then(|elf| elf.text(section, offset)).unwrap_or(null())
    }

    fn elf_getscn(elf: *const Elf, index: usize) -> *const Section {
        // SAFETY: as above.
        let elf = unsafe { elf.as_ref() };
        elf.and_then(|elf| elf.section(index)).map_or(null(), |section| &raw const *section)
    }

    /// The section after this one; after null, the first but the null section.
    fn elf_nextscn(elf: *const Elf, section: *const Section) -> *const Section {
        // SAFETY: as above.
        let next = unsafe { section.as_ref() }.map_or(1, |section| section.index + 1);
        // SAFETY: as above.
        unsafe { elf_getscn(elf, next) }
    }

    fn elf_ndxscn(section: *const Section) -> usize {
        // SAFETY: as above.
        unsafe { section.as_ref() }.map_or(0, |section| section.index)
    }

    fn elf64_getshdr(section: *const Section) -> *const SectionHeader {
        // SAFETY: as above.
        unsafe { section.as_ref() }.map_or(null(), |section| &raw const section.header)
    }

    fn gelf_getshdr(section: *const Section, out: *mut SectionHeader) -> *mut SectionHeader {
        // SAFETY: as above, and `out` is the caller's room.
        unsafe { give(out, section.as_ref().map(|section| section.header)) }
    }

    /// A section is one piece: there is no other after `before`.
    fn elf_getdata(section: *const Section, before: *const SectionData) -> *const SectionData {
        // SAFETY: as above.
        match unsafe { section.as_ref() } {
            Some(section) if before.is_null() => &raw const section.data,
            Some(_) | None => null(),
        }
    }

    fn elf_rawdata(section: *const Section, before: *const SectionData) -> *const SectionData {
        // SAFETY: passed on as it came.
        unsafe { elf_getdata(section, before) }
    }

    // What looks into programs, for user-space probes, finds nothing.
    fn gelf_getphdr(_elf: *const Elf, _index: c_int, _out: *mut c_void) -> *mut c_void { null_mut() }
    fn gelf_getsym(_data: *const SectionData, _at: c_int, _out: *mut c_void) -> *mut c_void { null_mut() }
    fn gelf_getversym(_data: *const SectionData, _at: c_int, _out: *mut c_void) -> *mut c_void { null_mut() }
    fn gelf_getverdef(_data: *const SectionData, _at: c_int, _out: *mut c_void) -> *mut c_void { null_mut() }
    fn gelf_getverdaux(_data: *const SectionData, _at: c_int, _out: *mut c_void) -> *mut c_void { null_mut() }
    fn gelf_getnote(_data: *const SectionData, _at: usize, _out: *mut c_void, _name: *mut usize, _descriptor: *mut usize) -> usize { 0 }

    // Nothing is linked.
    fn elf64_newehdr(_elf: *mut Elf) -> *mut FileHeader { null_mut() }
    fn elf_newscn(_elf: *mut Elf) -> *mut Section { null_mut() }
    fn elf_newdata(_section: *mut Section) -> *mut SectionData { null_mut() }
    fn elf_update(_elf: *mut Elf, _command: c_int) -> i64 { -1 }

    // A compressed kernel config is not read: no object of ours asks for one.
    fn gzopen(_path: *const c_char, _mode: *const c_char) -> *mut c_void { null_mut() }
    /// The same by the name it has where libbpf was compiled against a system's header.
    fn gzopen64(_path: *const c_char, _mode: *const c_char) -> *mut c_void {
        null_mut()
    }
    fn gzgets(_file: *mut c_void, _out: *mut c_char, _size: c_int) -> *mut c_char { null_mut() }
    fn gzclose(_file: *mut c_void) -> c_int { 0 }
}
