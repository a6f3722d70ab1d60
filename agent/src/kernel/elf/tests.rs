//! The embedded objects are read as they are, and every broken one is refused.

use super::*;

/// A copy that may be changed, aligned as an object has to be.
fn copy_of(object: &[u8]) -> Vec<u64> {
    object
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        })
        .collect()
}

fn bytes_of(words: &mut [u64]) -> &mut [u8] {
    // SAFETY: the same memory as bytes, any of which are a valid value of both.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 8) }
}

fn section_named<'a>(elf: &'a Elf, wanted: &str) -> Option<&'a Section> {
    elf.sections.iter().find(|section| {
        let names = usize::from(elf.header.names_index);
        let at = usize::try_from(section.header.name).expect("an offset");
        let name = elf.text(names, at).expect("a name");
        // SAFETY: `text` answers with NUL-terminated bytes only.
        let name = unsafe { std::ffi::CStr::from_ptr(name.cast()) };
        name.to_bytes() == wanted.as_bytes()
    })
}

#[test]
fn the_objects_of_this_build_have_their_sections() {
    for (name, object) in tapio_bpf::ALL {
        let elf = Elf::parse(object()).unwrap_or_else(|| panic!("{name} is no object"));
        for wanted in [".BTF", ".BTF.ext", ".maps", "license"] {
            let section = section_named(&elf, wanted).unwrap_or_else(|| panic!("{name}: {wanted}"));
            assert!(!section.bytes().is_empty(), "{name}: {wanted}");
        }
        let license = section_named(&elf, "license").expect("found above");
        assert_eq!(license.bytes(), b"GPL\0");
    }
}

#[test]
fn a_truncated_object_is_refused_or_lacks_nothing() {
    let object = tapio_bpf::cgroup();
    for len in 0..object.len() {
        assert!(
            Elf::parse(&object[..len]).is_none(),
            "{len} of {}",
            object.len()
        );
    }
}

#[test]
fn an_unaligned_object_is_refused() {
    let mut words = copy_of(tapio_bpf::cgroup());
    words.push(0);
    let len = tapio_bpf::cgroup().len();
    let bytes = bytes_of(&mut words);
    bytes.copy_within(0..len, 4);
    assert!(Elf::parse(&bytes[4..4 + len]).is_none());
}

/// Every byte of the header and of the section table, at its extremes: refused, or every range
/// that is handed out is inside the image.
#[test]
fn no_broken_number_leads_out_of_the_image() {
    let object = tapio_bpf::cgroup();
    let whole = Elf::parse(object).expect("an object");
    let table = usize::try_from(whole.header.sections_at).expect("an offset");
    let mut words = copy_of(object);
    let len = object.len();
    let places = (0..size_of::<FileHeader>()).chain(table..len);
    for at in places {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let bytes = &mut bytes_of(&mut words)[..len];
            let kept = std::mem::replace(&mut bytes[at], value);
            let range = bytes.as_ptr_range();
            if let Some(elf) = Elf::parse(bytes) {
                for section in &elf.sections {
                    let inside = section.bytes().as_ptr_range();
                    let is_inside = section.bytes().is_empty()
                        || (inside.start >= range.start && inside.end <= range.end);
                    assert!(is_inside, "byte {at} = {value}");
                }
                for offset in [0, 1, len, usize::MAX] {
                    let names = usize::from(elf.header.names_index);
                    assert!(
                        elf.text(names, offset)
                            .is_none_or(|text| range.contains(&text))
                    );
                }
            }
            bytes_of(&mut words)[at] = kept;
        }
    }
}

#[test]
fn text_is_given_only_with_its_end() {
    let object = tapio_bpf::cgroup();
    let mut words = copy_of(object);
    let elf = Elf::parse(object).expect("an object");
    let names = usize::from(elf.header.names_index);
    let strings = elf.section(names).expect("the names");
    let (from, len) = (strings.header.offset, strings.bytes().len());
    let last = usize::try_from(from).expect("an offset") + len - 1;
    assert!(elf.text(names, len - 2).is_some());
    assert!(elf.text(names, len).is_none());
    assert!(elf.text(0, 0).is_none());
    let bytes = &mut bytes_of(&mut words)[..object.len()];
    bytes[last] = b'x';
    let open = Elf::parse(bytes).expect("still an object");
    assert!(open.text(names, len - 2).is_none());
}
