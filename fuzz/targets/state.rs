//! Saved states of stopped runs.
#![no_main]

use collado_files::SavedState;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = SavedState::from_bytes(bytes);
});
