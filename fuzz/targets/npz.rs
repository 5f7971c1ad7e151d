//! Data in `data.npz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let spec: collado_data::Spec = "npz:data.npz".parse().expect("the string is one that is known");
    if let Ok(data) = spec.load_from(&[("data.npz", bytes)]) {
        assert!(data.features() > 0 && data.train.len() > 0);
    }
});
