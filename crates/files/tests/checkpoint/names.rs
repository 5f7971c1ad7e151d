//! Networks go back where they came from: under the names, and in the form, of the file that they were read from.

use std::{fs, io::Read};

use candle_core::DType;
use collado_files::{Checkpoint, PathFile, ReadOptions};
use collado_models::Arch;
use collado_risk::PathKind;
use safetensors::SafeTensors;
use serde_json::json;

use crate::support::{Raw, checkpoint, f32s, file, message, path_file, safetensors, spec, values};

fn read(path: &std::path::Path) -> Checkpoint {
    Checkpoint::read(path, &ReadOptions::default()).unwrap()
}

fn cases() -> Vec<(&'static str, Vec<Raw<'static>>)> {
    vec![
        (
            "relu:3-4-2",
            vec![
                f32s("module.out.bias", &[2]),
                f32s("module.out.weight", &[2, 4]),
                f32s("module.fc1.weight", &[4, 3]),
                f32s("module.fc1.bias", &[4]),
            ],
        ),
        ("linear:3-4-2", vec![f32s("net.0.weight", &[4, 3]), f32s("net.1.weight", &[2, 4])]),
        ("two-layer:4", vec![f32s("a.kernel", &[3, 4]), f32s("a.bias", &[4]), f32s("b.kernel", &[4, 2])]),
        ("relu:1-1", vec![f32s("weight", &[1, 1]), f32s("bias", &[1])]),
        ("relu:3-4-2?bias=false", vec![f32s("0.weight", &[4, 3]), f32s("2.weight", &[2, 4])]),
    ]
}

#[test]
fn checkpoints_keep_the_names_of_their_file() {
    for (arch, tensors) in cases() {
        let (dir, path) = file("c.safetensors");
        safetensors(&path, &tensors, json!({"collado.seen": "1"}));
        let first = Checkpoint::read(&path, &crate::support::options(Some(arch))).unwrap();
        for name in ["d.safetensors", "d.pt", "d.pth"] {
            let copy = dir.path().join(name);
            first.write(&copy).unwrap();
            let second = read(&copy);
            assert_eq!((&second.arch, &second.names), (&first.arch, &first.names));
            assert_eq!(values(&second.theta), values(&first.theta));
            assert_eq!((second.theta.dtype(), second.notes.len()), (DType::F32, 0));
        }
        // Tensor by tensor the same as they came.
        let bytes = fs::read(dir.path().join("d.safetensors")).unwrap();
        let written = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(written.len(), tensors.len());
        for (name, _, shape, data) in &tensors {
            let tensor = written.tensor(name).unwrap();
            assert_eq!((tensor.shape(), tensor.data()), (*shape, data.as_slice()), "{name}");
        }
    }
}

#[test]
fn paths_keep_the_names_of_a() {
    for (arch, tensors) in cases() {
        let (_dir, path) = file("c.safetensors");
        safetensors(&path, &tensors, json!({}));
        let names = Checkpoint::read(&path, &crate::support::options(Some(arch))).unwrap().names;
        let arch: Arch = spec(arch).with_ends(3, 2);
        let written = path_file(arch.clone(), PathKind::Bezier, 3).named(names);
        written.write(&path).unwrap();
        let found = PathFile::read(&path).unwrap();
        assert_eq!((&found.arch, &found.names), (&arch, &written.names));
        assert_eq!(values(found.path.vertices()), values(written.path.vertices()));
        let bytes = fs::read(&path).unwrap();
        let written = SafeTensors::deserialize(&bytes).unwrap();
        for (name, _, shape, _) in &tensors {
            assert_eq!(written.tensor(name).unwrap().shape(), [&[3], *shape].concat(), "{name}");
        }
    }
}

/// A file with the layout's own names says nothing more than before.
#[test]
fn names_are_recorded_where_they_are_others() {
    let (_dir, path) = file("c.safetensors");
    let plain = checkpoint(spec("relu:3-4-2").with_ends(0, 0), DType::F32);
    plain.write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("collado.names"));
    read(&path).write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);

    let tensors = [f32s("a.weight", &[4, 3]), f32s("b.weight", &[2, 4])];
    let wrong = |names: &str| {
        safetensors(&path, &tensors, json!({"collado.arch": "linear:3-4-2", "collado.names": names}));
        message(&path, Checkpoint::read(&path, &ReadOptions::default()))
    };
    let say = |what: &str| format!("c.safetensors: {what}");
    let different = "metadata 'collado.names': expected 2 different names, found";
    assert_eq!(wrong(r#"["a.weight"]"#), say(&format!("{different} 1")));
    assert_eq!(wrong(r#"["a.weight","a.weight"]"#), say(&format!("{different} 1")));
    assert_eq!(wrong(r#"["b.weight","a.weight"]"#), say("tensor 'b.weight': expected [4, 3], found [2, 4]"));
    assert_eq!(wrong(r#"["a.weight","c.weight"]"#), say("tensor 'c.weight': expected [2, 4], found none"));
    assert!(wrong("[1]").starts_with("c.safetensors: metadata 'collado.names': invalid type"));

    // Names of another network.
    let other = checkpoint(spec("relu:3-2").with_ends(0, 0), DType::F32);
    safetensors(&path, &tensors, json!({}));
    let names = Checkpoint::read(&path, &ReadOptions::default()).unwrap().names;
    let tall = checkpoint(spec("relu:3-4-2").with_ends(0, 0), DType::F32).named(names.clone());
    assert_eq!(message(&path, tall.write(&path)), "names of tensors: expected 4, found 2");
    assert!(other.named(names).write(&path).is_ok());
}

/// What `torch.load(…, weights_only=True)` needs: entries that are stored, and a pickle of nothing but tensors.
#[test]
fn pt_files_are_those_of_torch_save() {
    let (dir, path) = file("c.pt");
    let mut written = checkpoint(spec("tanh:3-300-2").with_ends(0, 0), DType::F64);
    written.provenance.seed = Some(7);
    written.write(&path).unwrap();
    let mut zip = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    let names: Vec<String> = zip.file_names().map(Into::into).collect();
    let tensors = (0..4).map(|i| format!("archive/data/{i}"));
    for name in
        ["data.pkl", "byteorder", "version"].map(|n| format!("archive/{n}")).into_iter().chain(tensors)
    {
        assert!(names.contains(&name), "{name}");
        let entry = zip.by_name(&name).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!(entry.data_start().unwrap() % 64, 0);
    }
    let mut pickle = Vec::new();
    zip.by_name("archive/data.pkl").unwrap().read_to_end(&mut pickle).unwrap();
    assert!(pickle.starts_with(b"\x80\x02ccollections\nOrderedDict\n)R(X\x08\0\0\x000.weight"));
    let found = read(&path);
    assert_eq!((&found.arch, found.theta.dtype()), (&written.arch, DType::F64));
    assert_eq!(values(&found.theta), values(&written.theta));
    assert_eq!((&found.provenance, found.notes.len()), (&written.provenance, 0));
    let again = dir.path().join("d.pt");
    found.write(&again).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&path).unwrap());
}
