//! Checkpoints of every kind: safetensors, `.pt` archives, the format before PyTorch 1.6.
#![no_main]

use collado_files::{Checkpoint, ReadOptions};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::from_bytes(bytes, &ReadOptions::default()) {
        assert_eq!(checkpoint.theta.dims(), [checkpoint.arch.layout().len()]);
    }
});
