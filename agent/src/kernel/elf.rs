//! An ELF image in memory, checked whole before any of it is handed out.
//!
//! What libbpf needs of libelf to open an object: sections, their data, their names. Every range
//! is checked against the image once, so that [`calls`], the C interface on top, has nothing left
//! to get wrong. Reading files, writing, program headers and notes are absent: objects come from
//! memory, and no probe of ours looks into other people's binaries.

mod calls;

use std::ffi::c_void;

const IDENT: [u8; 6] = [0x7f, b'E', b'L', b'F', CLASS_64, NATIVE_ORDER];
const CLASS_64: u8 = 2;
const NATIVE_ORDER: u8 = if cfg!(target_endian = "little") { 1 } else { 2 };
const NO_BITS: u32 = 8;
const STRINGS: u32 = 3;

/// `Elf64_Ehdr`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileHeader {
    ident: [u8; 16],
    kind: u16,
    machine: u16,
    version: u32,
    entry: u64,
    segments_at: u64,
    sections_at: u64,
    flags: u32,
    bytes: u16,
    segment_bytes: u16,
    segments: u16,
    section_bytes: u16,
    sections: u16,
    names_index: u16,
}

/// `Elf64_Shdr`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SectionHeader {
    name: u32,
    kind: u32,
    flags: u64,
    address: u64,
    offset: u64,
    bytes: u64,
    link: u32,
    info: u32,
    alignment: u64,
    entry_bytes: u64,
}

/// `Elf_Data`.
#[repr(C)]
#[derive(Debug)]
struct SectionData {
    start: *mut c_void,
    kind: u32,
    version: u32,
    bytes: usize,
    offset: i64,
    alignment: usize,
}

/// `Elf_Scn`.
#[derive(Debug)]
struct Section {
    index: usize,
    header: SectionHeader,
    data: SectionData,
}

/// `Elf`. Its sections never move.
#[derive(Debug)]
struct Elf {
    header: FileHeader,
    sections: Box<[Section]>,
}

/// Types without padding that any bytes are a value of.
trait Raw: Copy {}
impl Raw for FileHeader {}
impl Raw for SectionHeader {}

/// The value at `at`, if the image reaches that far.
fn read<T: Raw>(image: &[u8], at: usize) -> Option<T> {
    let bytes = image.get(at..at.checked_add(size_of::<T>())?)?;
    // SAFETY: the slice has the size of `T`, which is `Raw`, and the read needs no alignment.
    Some(unsafe { std::ptr::read_unaligned(bytes.as_ptr().cast()) })
}

impl Elf {
    /// `None` for anything but a whole 64-bit image in this machine's byte order, with every
    /// section inside it and aligned as it says, in an image that is 8-byte aligned itself.
    fn parse(image: &[u8]) -> Option<Self> {
        let header: FileHeader = read(image, 0)?;
        let is_ours = header.ident.starts_with(&IDENT)
            && usize::from(header.section_bytes) == size_of::<SectionHeader>()
            && image.as_ptr().cast::<u64>().is_aligned();
        if !is_ours {
            return None;
        }
        let from = usize::try_from(header.sections_at).ok()?;
        let sections = (0..usize::from(header.sections))
            .map(|index| {
                let at = from.checked_add(index * size_of::<SectionHeader>())?;
                Section::parse(image, index, read(image, at)?)
            })
            .collect::<Option<Box<[Section]>>>()?;
        Some(Self { header, sections })
    }

    fn section(&self, index: usize) -> Option<&Section> {
        self.sections.get(index)
    }

    /// The NUL-terminated text at `offset` of a section of strings.
    fn text(&self, index: usize, offset: usize) -> Option<*const u8> {
        let section = self.section(index)?;
        let bytes = section.bytes();
        let is_text = section.header.kind == STRINGS && bytes.get(offset..)?.contains(&0);
        is_text.then(|| bytes[offset..].as_ptr())
    }
}

impl Section {
    fn parse(image: &[u8], index: usize, header: SectionHeader) -> Option<Self> {
        let offset = usize::try_from(header.offset).ok()?;
        let bytes = usize::try_from(header.bytes).ok()?;
        let alignment = usize::try_from(header.alignment).ok()?.max(1);
        let start = if header.kind == NO_BITS || bytes == 0 {
            std::ptr::null()
        } else {
            let content = image.get(offset..offset.checked_add(bytes)?)?;
            // Nothing in an object is read in wider steps than eight bytes.
            let is_aligned =
                alignment.is_power_of_two() && content.as_ptr().addr() % alignment.min(8) == 0;
            if !is_aligned {
                return None;
            }
            content.as_ptr()
        };
        let data = SectionData {
            start: start.cast_mut().cast(),
            kind: 0,
            version: 1,
            bytes,
            offset: 0,
            alignment,
        };
        Some(Self {
            index,
            header,
            data,
        })
    }

    /// What the image holds of this section: nothing, where it only reserves room.
    fn bytes(&self) -> &[u8] {
        if self.data.start.is_null() {
            return &[];
        }
        // SAFETY: `parse` has checked this range against the image, which its owner keeps alive
        // and unchanged for as long as the `Elf` lives (that is libelf's own contract).
        unsafe { std::slice::from_raw_parts(self.data.start.cast(), self.data.bytes) }
    }
}

#[cfg(test)]
mod tests;
