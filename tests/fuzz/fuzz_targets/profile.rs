#![no_main]

libfuzzer_sys::fuzz_target!(|document: &[u8]| tapio_fuzz::profile::profile(document));
