#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| tapio_fuzz::wire::responses(body));
