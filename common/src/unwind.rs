//! No unwinding, and therefore no unwinder, in what ships.
//!
//! The shipped agent and CLI abort on a panic and are stripped, so a backtrace could only be a list
//! of bare addresses. std brings an unwinder and a reader of debugging tables for it all the same, a
//! tenth of the binary. These are the calls by which it reaches them; answered here, at once and
//! with nothing, nothing of that is linked. Only in that build: tests unwind as ever.

use std::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK`.
const END_OF_STACK: c_int = 5;

/// The stack has no frames to be told of.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_on_frame: *const c_void, _argument: *mut c_void) -> c_int {
    END_OF_STACK
}

/// What only code that unwinds could call.
macro_rules! never_reached {
    ($($name:ident)+) => { $(
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> usize { std::process::abort() }
    )+ };
}

never_reached! {
    _Unwind_FindEnclosingFunction
    _Unwind_GetCFA
    _Unwind_GetDataRelBase
    _Unwind_GetIP
    _Unwind_GetIPInfo
    _Unwind_GetLanguageSpecificData
    _Unwind_GetRegionStart
    _Unwind_GetTextRelBase
    _Unwind_Resume
    _Unwind_SetGR
    _Unwind_SetIP
}
