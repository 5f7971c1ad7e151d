use collado_files::{Checkpoint, PathFile, ReadOptions};
use collado_models::Arch;
use collado_risk::PathKind;
use serde_json::json;

use crate::support::{
    checkpoint, f32s, file, message, path_file, ramp, raw, reading, safetensors, spec, values,
};

fn arch() -> Arch {
    spec("relu:3-4-2").with_ends(0, 0)
}

fn chain(knots: &[f64]) -> PathKind {
    PathKind::Polychain { knots: knots.to_vec() }
}

#[test]
fn paths_read_back() {
    let (_dir, path) = file("path.safetensors");
    let cases = [(chain(&[0., 0.1 + 0.2, 1.]), 3), (PathKind::Bezier, 4), (chain(&[0., 1.]), 2)];
    for (kind, points) in cases {
        for arch in [arch(), Arch::two_layer(3, 5, 2).unwrap()] {
            let mut written = path_file(arch, kind.clone(), points);
            written.provenance = json!({"method": "neb", "permutations": [[1, 0]]});
            written.write(&path).unwrap();
            let read = PathFile::read(&path).unwrap();
            assert_eq!(
                (&read.arch, read.path.kind(), &read.provenance),
                (&written.arch, &kind, &written.provenance)
            );
            let (read, written) = (read.path.vertices(), written.path.vertices());
            assert_eq!(read.dims(), written.dims());
            assert_eq!(values(read), values(written));
        }
    }
}

#[test]
fn a_slice_is_a_vertex() {
    let (_dir, path) = file("path.safetensors");
    path_file(arch(), PathKind::Bezier, 3).write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let bias = file.tensor("0.bias").unwrap();
    assert_eq!(bias.shape(), [3, 4]);
    // Columns 12 to 15 of rows of 26.
    let ramp = ramp(3 * 26);
    let expected: Vec<u8> =
        [12, 38, 64].iter().flat_map(|&i| ramp[i..i + 4].iter().flat_map(|v| v.to_le_bytes())).collect();
    assert_eq!(bias.data(), expected);
}

#[test]
fn the_json_of_kinds_is_that_of_the_contract() {
    assert_eq!(
        serde_json::to_string(&chain(&[0., 1.])).unwrap(),
        r#"{"kind":"polychain","knots":[0.0,1.0]}"#
    );
    assert_eq!(serde_json::to_string(&PathKind::Bezier).unwrap(), r#"{"kind":"bezier"}"#);
    let (_dir, path) = file("p.safetensors");
    let mut repaired = path_file(arch(), chain(&[0., 1.]), 2);
    repaired.provenance = json!({"method": "repair"});
    repaired.write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let written = &header.metadata().as_ref().unwrap()["collado.path"];
    assert_eq!(written, r#"{"kind":"repair","knots":[0.0,1.0]}"#);
    assert_eq!(PathFile::read(&path).unwrap().path.kind(), &chain(&[0., 1.]));
    let whole: PathKind = serde_json::from_str(r#"{"knots":[0,1],"kind":"polychain"}"#).unwrap();
    assert_eq!(whole, chain(&[0., 1.]));
}

#[test]
fn a_path_of_another_network_is_refused() {
    let (_dir, path) = file("p.safetensors");
    let flat =
        PathFile { arch: spec("relu:3-5-2").with_ends(0, 0), ..path_file(arch(), PathKind::Bezier, 2) };
    assert_eq!(message(&path, flat.write(&path)), "vertices: expected [V, 32], found [2, 26]");
    assert!(!path.exists());
}

#[test]
fn files_that_are_no_path() {
    let (_dir, path) = file("p.safetensors");
    let say = |what: &str| format!("p.safetensors: {what}");
    let wrong = |kind: &str, arch: &str| {
        let tensors = [f32s("0.weight", &[2, 4, 3]), f32s("0.bias", &[2, 4])];
        safetensors(&path, &tensors, json!({"collado.arch": arch, "collado.path": kind}));
        message(&path, PathFile::read(&path))
    };
    let two = r#"{"kind":"polychain","knots":[0,1]}"#;
    let three = r#"{"kind":"polychain","knots":[0,0.5,1]}"#;
    assert_eq!(
        wrong(three, "relu:3-4"),
        say("tensor '0.weight': expected 3 points along the first axis, found [2, 4, 3]")
    );
    assert_eq!(wrong(two, "relu:3-5"), say("tensor '0.weight': expected [2, 5, 3], found [2, 4, 3]"));
    assert_eq!(
        wrong(r#"{"kind":"spiral"}"#, "relu:3-4"),
        say(
            "metadata 'collado.path': unknown variant `spiral`, expected one of `polychain`, `bezier`, `repair` at line 1 column 16"
        )
    );
    assert_eq!(
        wrong(r#"{"kind":"polychain","knots":[0,2]}"#, "relu:3-4"),
        say("metadata 'collado.path': expected knots from 0 to 1, found 0 to 2")
    );
    assert!(wrong(r#"{"kind":"polychain"}"#, "relu:3-4").contains("missing field `knots`"));
    safetensors(&path, &[f32s("0.weight", &[2, 4, 3])], json!({"collado.path": two}));
    assert_eq!(message(&path, PathFile::read(&path)), say("has no metadata 'collado.arch'"));
    safetensors(
        &path,
        &[f32s("0.weight", &[1, 4, 3])],
        json!({"collado.arch": "relu:3-4", "collado.path": r#"{"kind":"bezier"}"#}),
    );
    assert_eq!(
        message(&path, PathFile::read(&path)),
        say("metadata 'collado.path': expected at least 2 vertices, found 1")
    );
    checkpoint(arch(), candle_core::DType::F32).write(&path).unwrap();
    assert_eq!(
        message(&path, PathFile::read(&path)),
        say("has no metadata 'collado.path': it is not a path")
    );
    path_file(arch(), PathKind::Bezier, 2).write(&path).unwrap();
    assert_eq!(
        reading(&path, None),
        say("is a path, expected a checkpoint; 'collado point' takes one out of it")
    );
}

#[test]
fn provenance_may_be_empty_or_absent() {
    let (_dir, path) = file("p.safetensors");
    let metadata = r#"{"collado.arch":"linear:1-1","collado.path":"{\"kind\":\"bezier\"}"PROVENANCE}"#;
    for (provenance, works) in
        [("", true), (r#","collado.provenance":"{}""#, true), (r#","collado.provenance":"{""#, false)]
    {
        let metadata = metadata.replace("PROVENANCE", provenance);
        raw(
            &path,
            &format!(
                r#"{{"__metadata__":{metadata},"0.weight":{{"dtype":"F32","shape":[2,1,1],"data_offsets":[0,8]}}}}"#
            ),
            &[0; 8],
        );
        match PathFile::read(&path) {
            Ok(read) => assert!(works && read.provenance == json!({})),
            Err(e) => assert!(!works && e.to_string().contains("metadata 'collado.provenance': EOF"), "{e}"),
        }
    }
    assert!(Checkpoint::read(&path, &ReadOptions::default()).is_err());
}
