//! What this kernel looks like, read from its own type information before anything is loaded.
//!
//! Stable kernels carry backports, so nothing is ever decided from a version number.

use libbpf_rs::Btf;
use libbpf_rs::btf::types::{FuncProto, Ptr, Struct, Typedef};
use libbpf_rs::btf::{BtfType, ReferencesType};

/// The running kernel's types.
#[derive(Debug)]
pub struct KernelTypes {
    btf: Btf<'static>,
}

impl KernelTypes {
    pub fn of_this_kernel() -> libbpf_rs::Result<Self> {
        Ok(Self {
            btf: Btf::from_vmlinux()?,
        })
    }

    /// How many arguments a tracepoint hands over; `None` if there is no such tracepoint.
    pub fn hook_arguments(&self, name: &str) -> Option<usize> {
        // The first parameter is the tracer's own data and no argument.
        self.prototype(name)?.len().checked_sub(1)
    }

    /// Whether argument `at` of a tracepoint is a pointer to this struct.
    pub fn hook_passes(&self, name: &str, at: usize, expected: &str) -> bool {
        let pointed_at = || {
            let prototype = self.prototype(name)?;
            let argument = prototype.get(at + 1)?;
            let argument: BtfType<'_> = self.btf.type_by_id(argument.ty)?;
            let pointer = Ptr::try_from(argument.skip_mods_and_typedefs()).ok()?;
            let target = pointer.referenced_type().skip_mods_and_typedefs();
            Some(target.name()? == expected)
        };
        pointed_at().unwrap_or(false)
    }

    /// Whether argument `at` of a tracepoint is declared as this type.
    pub fn hook_takes(&self, name: &str, at: usize, expected: &str) -> bool {
        let declared = || {
            let prototype = self.prototype(name)?;
            let argument = prototype.get(at + 1)?;
            let argument: Typedef<'_> = self.btf.type_by_id(argument.ty)?;
            Some(argument.name()? == expected)
        };
        declared().unwrap_or(false)
    }

    pub fn has_struct(&self, name: &str) -> bool {
        self.btf.type_by_name::<Struct<'_>>(name).is_some()
    }

    fn prototype(&self, hook: &str) -> Option<FuncProto<'_>> {
        let named: Typedef<'_> = self.btf.type_by_name(&format!("btf_trace_{hook}"))?;
        let pointer = Ptr::try_from(named.referenced_type()).ok()?;
        FuncProto::try_from(pointer.referenced_type()).ok()
    }
}

#[cfg(test)]
mod tests;
