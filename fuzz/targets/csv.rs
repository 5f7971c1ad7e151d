//! Data in `data.csv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let spec: collado_data::Spec = "csv:data.csv".parse().expect("the string is one that is known");
    if let Ok(data) = spec.load_from(&[("data.csv", bytes)]) {
        assert!(data.features() > 0 && data.train.len() > 0);
    }
});
