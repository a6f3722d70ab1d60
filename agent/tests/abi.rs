//! The table in `common`, the C header and the compiled objects say the same.
//!
//! Read from the type information in each object: names, offsets and types of every field, so
//! that an `int` that became `unsigned` is found though its size is the same.

// Brings what libbpf calls of libelf.
use tapio_agent as _;

use libbpf_rs::btf::types::{Array, MemberAttr, Struct};
use libbpf_rs::btf::{BtfKind, BtfType};
use libbpf_rs::{Btf, btf::types};
use tapio_common::abi::header::LAYOUTS;
use tapio_common::abi::{Field, Layout};

/// A field as C says it: name, byte offset, element type, count.
type Said = (String, usize, String, Option<usize>);

fn said_by_table(field: &Field) -> Said {
    (
        field.name.to_owned(),
        field.offset,
        field.c_type.to_owned(),
        field.count,
    )
}

/// The name under which C wrote a type: a typedef's, or a struct's with its keyword.
fn c_name(of: BtfType<'_>) -> String {
    let name = of
        .name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    match of.kind() {
        BtfKind::Struct => format!("struct {name}"),
        _ => name,
    }
}

fn said_by_object(btf: &Btf<'_>, member: &types::StructMember<'_>) -> Said {
    let name = member
        .name
        .expect("a named field")
        .to_string_lossy()
        .into_owned();
    let MemberAttr::Normal { offset } = member.attr else {
        panic!("{name} is a bit field");
    };
    let offset = usize::try_from(offset / 8).expect("an offset");
    let of: BtfType<'_> = btf.type_by_id(member.ty).expect("its type");
    match Array::try_from(of) {
        Ok(array) => {
            let element: BtfType<'_> = btf.type_by_id(array.ty()).expect("its element type");
            (name, offset, c_name(element), Some(array.capacity()))
        }
        Err(of) => (name, offset, c_name(of), None),
    }
}

fn compare(object: &str, btf: &Btf<'_>, layout: &Layout) -> bool {
    use libbpf_rs::btf::HasSize;
    let Some(found) = btf.type_by_name::<Struct<'_>>(layout.name) else {
        return false;
    };
    assert_eq!(found.size(), layout.size, "{object}: {}", layout.name);
    let table: Vec<_> = layout.fields.iter().map(said_by_table).collect();
    let said: Vec<_> = found
        .iter()
        .map(|member| said_by_object(btf, &member))
        .collect();
    assert_eq!(said, table, "{object}: {}", layout.name);
    true
}

#[test]
fn every_layout_is_in_some_object_just_as_the_table_has_it() {
    let mut missing: Vec<_> = LAYOUTS.iter().map(|layout| layout.name).collect();
    for (name, object) in tapio_bpf::ALL {
        let btf = Btf::from_raw(name, object())
            .expect("an object")
            .expect("with types");
        for layout in LAYOUTS {
            if compare(name, &btf, layout) {
                missing.retain(|missing| *missing != layout.name);
            }
        }
    }
    assert!(missing.is_empty(), "in no object: {missing:?}");
}
