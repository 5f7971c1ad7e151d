//! The four IDX files of MNIST: images and labels out of one input, cut at its first byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, rest)) = bytes.split_first() else { return };
    let (images, labels) = rest.split_at(rest.len() * usize::from(cut) / 256);
    let files = [
        ("train-images-idx3-ubyte", images),
        ("train-labels-idx1-ubyte", labels),
        ("t10k-images-idx3-ubyte", images),
        ("t10k-labels-idx1-ubyte", labels),
    ];
    let spec: collado_data::Spec = "mnist:.".parse().expect("the string is one that is known");
    let _ = spec.load_from(&files);
});
