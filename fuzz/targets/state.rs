//! Saved states of stopped runs.
#![no_main]

use collado_files::State;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = State::<serde_json::Value>::from_bytes(bytes);
});
