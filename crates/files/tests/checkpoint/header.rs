use std::fs;

use crate::support::{file, raw, reading};

/// What reading a file says whose header is `header` and which has `data` bytes after it.
fn wrong(header: &str, data: usize) -> String {
    let (_dir, path) = file("c.safetensors");
    raw(&path, header, &vec![0; data]);
    reading(&path, None)
}

const GOOD: &str = r#"{"0.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;

#[test]
fn what_is_no_file_of_tensors() {
    let (dir, path) = file("c.safetensors");
    assert_eq!(reading(&path, None), "c.safetensors: no such file");
    fs::write(&path, "").unwrap();
    assert_eq!(reading(&path, None), "c.safetensors: is empty");
    for content in ["0.weight", "some text that is long enough"] {
        fs::write(&path, content).unwrap();
        assert_eq!(
            reading(&path, None),
            "c.safetensors: is neither a safetensors file nor one of PyTorch or ONNX"
        );
    }
    fs::write(&path, b"\x80\x02}.").unwrap();
    assert_eq!(
        reading(&path, None),
        "c.safetensors: is a pickle, but none of PyTorch's; save a 'state_dict()' with torch.save or safetensors"
    );
    fs::create_dir(dir.path().join("d")).unwrap();
    assert_eq!(reading(&dir.path().join("d"), None), "d: is a directory, expected a file");
    #[cfg(unix)]
    assert_eq!(reading("/dev/null".as_ref(), None), "null: is not a regular file");
}

#[test]
fn files_that_are_cut_or_too_long() {
    assert_eq!(
        wrong(GOOD, 20),
        "c.safetensors: is cut off or damaged: its tensors should have 24 bytes, 20 are there"
    );
    assert_eq!(
        wrong(GOOD, 25),
        "c.safetensors: is cut off or damaged: its tensors should have 24 bytes, 25 are there"
    );
    let (_dir, path) = file("c.safetensors");
    for size in [200, u64::MAX] {
        fs::write(&path, [&size.to_le_bytes(), GOOD.as_bytes()].concat()).unwrap();
        let expected = format!("its header should have {size} bytes, {} are there", GOOD.len());
        assert_eq!(reading(&path, None), format!("c.safetensors: is cut off or damaged: {expected}"));
    }
}

#[test]
fn headers_that_contradict_themselves() {
    let cases = [
        ("{", "c.safetensors: its header is damaged: EOF while parsing an object at line 1 column 1"),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            "c.safetensors: its header is damaged: tensor 'a' is named twice at line 1 column 57",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
            "c.safetensors: its header is damaged: invalid value: integer `-1`, expected usize at line 1 column 31",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
            "c.safetensors: tensor 'a': expected a size that memory can hold, found [4294967296, 4294967296]",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,4]}}"#,
            "c.safetensors: tensor 'a': expected 24 bytes for F32 [2, 3], found 4",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            "c.safetensors: tensor 'a': expected data from byte 0, found from byte 4",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"c":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            "c.safetensors: tensor 'c': expected data from byte 4, found from byte 0",
        ),
        (
            r#"{"a":{"dtype":"Q7","shape":[1],"data_offsets":[0,4]}}"#,
            "c.safetensors: tensor 'a': expected F32, F64, F16 or BF16, found Q7",
        ),
    ];
    for (header, expected) in cases {
        assert_eq!(wrong(header, 4), expected);
    }
}

/// Sizes that add up to the file's own length beyond 2^64.
#[test]
fn sizes_do_not_wrap_around() {
    let quarter = 1_u64 << 62;
    let tensor = |k: u64| {
        let end = k.wrapping_add(1).wrapping_mul(quarter);
        format!(r#""{k}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{end}]}}"#, quarter / 4, k * quarter)
    };
    let header = format!("{{{}}}", [0, 1, 2, 3].map(tensor).join(","));
    assert_eq!(
        wrong(&header, 8),
        "c.safetensors: tensor '3': expected data that end after their start, found bytes 13835058055282163712 to 0"
    );
}
