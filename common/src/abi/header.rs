//! The C header, printed from the table.
//!
//! `bpf/include/tapio_abi.h` is checked in so that C is read and built without running Rust; the
//! test below fails when it is not what the table says, and rewrites it when `TAPIO_ABI_WRITE`
//! is set. Sizes and offsets are asserted by the C compiler as well.

use std::fmt::Write;

use super::{
    Constant, Described, Field, Layout, cgroup, container, network, node, shared, storage,
};

/// Every struct that crosses the boundary, in an order in which C can read them.
pub const LAYOUTS: &[Layout] = &[
    shared::CgroupRef::LAYOUT,
    shared::RecordHeader::LAYOUT,
    shared::ProcessRef::LAYOUT,
    shared::TypeCounters::LAYOUT,
    shared::CounterRow::LAYOUT,
    shared::FairShare::LAYOUT,
    shared::FoldSlot::LAYOUT,
    container::ContainerShape::LAYOUT,
    container::OomKill::LAYOUT,
    container::AbnormalExit::LAYOUT,
    container::ContainerConfig::LAYOUT,
    container::ContainerControl::LAYOUT,
    network::NetworkShape::LAYOUT,
    network::Connection::LAYOUT,
    network::ConnectionFact::LAYOUT,
    network::NetworkConfig::LAYOUT,
    network::NetworkControl::LAYOUT,
    network::Destination::LAYOUT,
    network::DestinationSlot::LAYOUT,
    storage::StorageShape::LAYOUT,
    storage::RequestFact::LAYOUT,
    storage::StorageConfig::LAYOUT,
    storage::StorageControl::LAYOUT,
    node::CpuTurn::LAYOUT,
    node::NodeConfig::LAYOUT,
    node::NodeControl::LAYOUT,
    cgroup::CgroupName::LAYOUT,
    cgroup::CgroupLosses::LAYOUT,
];

const CONSTANTS: &[&[Constant]] = &[
    shared::CONSTANTS,
    container::CONSTANTS,
    network::CONSTANTS,
    storage::CONSTANTS,
    node::CONSTANTS,
    cgroup::CONSTANTS,
];

const OPENING: &str = "\
/* SPDX-License-Identifier: GPL-2.0-only */
/* Printed from common/src/abi by its test; edit the table there, not this file. */
#ifndef TAPIO_ABI_H
#define TAPIO_ABI_H
";

/// The whole header.
pub fn text() -> String {
    let mut out = String::from(OPENING);
    for group in CONSTANTS {
        out.push('\n');
        for constant in *group {
            line(
                &mut out,
                format_args!("#define TAPIO_{} {}", constant.name, constant.value),
            );
        }
    }
    for layout in LAYOUTS {
        declare(&mut out, layout);
    }
    out.push_str("\n#endif\n");
    out
}

fn declare(out: &mut String, layout: &Layout) {
    line(out, format_args!("\nstruct {} {{", layout.name));
    for field in layout.fields {
        let Field { c_type, name, .. } = field;
        match field.count {
            Some(count) => line(out, format_args!("\t{c_type} {name}[{count}];")),
            None => line(out, format_args!("\t{c_type} {name};")),
        }
    }
    line(out, format_args!("}};"));
    let name = layout.name;
    assertion(
        out,
        format_args!("sizeof(struct {name}) == {}", layout.size),
    );
    for field in layout.fields {
        let Field {
            name: of, offset, ..
        } = field;
        assertion(
            out,
            format_args!("__builtin_offsetof(struct {name}, {of}) == {offset}"),
        );
    }
}

fn assertion(out: &mut String, fact: std::fmt::Arguments<'_>) {
    line(out, format_args!("_Static_assert({fact}, \"tapio abi\");"));
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_checked_in_header_is_what_the_table_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bpf/include/tapio_abi.h");
        if std::env::var_os("TAPIO_ABI_WRITE").is_some() {
            std::fs::write(&path, text()).expect("the header can be written");
        }
        let checked_in = std::fs::read_to_string(&path).expect("the header is checked in");
        assert!(
            checked_in == text(),
            "bpf/include/tapio_abi.h is stale: TAPIO_ABI_WRITE=1 cargo test -p tapio-common abi"
        );
    }

    #[test]
    fn a_constant_is_defined_once() {
        let mut names: Vec<_> = CONSTANTS
            .iter()
            .copied()
            .flatten()
            .map(|row| row.name)
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
