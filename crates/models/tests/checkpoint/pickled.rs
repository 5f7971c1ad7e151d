use collado_models::{Checkpoint, ReadOptions};
use zip::CompressionMethod::Stored;

use crate::support::{allocated, archive, dict, file, int, pickle, reading, tensor, text};

/// What reading an archive says with this pickle and a storage of 6 floats.
fn wrong(data: &[u8]) -> String {
    let (_dir, path) = file("c.pt");
    archive(&path, &[("data.pkl", data), ("data/0", &[0; 24])], Stored);
    reading(&path, None).strip_prefix("c.pt: ").unwrap().to_owned()
}

fn weight() -> Vec<u8> {
    tensor("FloatStorage", 6, 0, &[2, 3], &[3, 1])
}

#[test]
fn state_dicts_are_found_under_the_usual_keys() {
    let inner = || dict(&[("0.weight", weight())]);
    for outer in ["state_dict", "model_state_dict", "model", "model_state"] {
        let (_dir, path) = file("c.pt");
        let data = pickle(dict(&[("epoch", int(3)), (outer, inner()), ("optimizer", dict(&[]))]));
        archive(&path, &[("data.pkl", &data), ("data/0", &[0; 24])], Stored);
        assert_eq!(Checkpoint::read(&path, &ReadOptions::default()).unwrap().arch.to_string(), "linear:3-2");
    }
    let cases = [
        (
            dict(&[("model", inner()), ("state_dict", inner())]),
            "holds more than one state dict, under 'model' and 'state_dict'",
        ),
        (
            dict(&[("net", inner()), ("epoch", int(3))]),
            "holds no tensors, neither at the top nor under one of state_dict, model_state_dict, model, model_state",
        ),
        (dict(&[("0.weight", weight()), ("epoch", int(3))]), "'epoch' stands among the tensors, but is none"),
        (dict(&[("0.weight", weight()), ("0.weight", weight())]), "tensor '0.weight' is named twice"),
        ([b"}".to_vec(), int(0), weight(), b"s".to_vec()].concat(), "has a tensor whose name is no text"),
        (weight(), "holds no state dict, but another Python object"),
        (
            dict(&[]),
            "holds no tensors, neither at the top nor under one of state_dict, model_state_dict, model, model_state",
        ),
    ];
    for (object, expected) in cases {
        assert_eq!(wrong(&pickle(object)), expected);
    }
}

#[test]
fn parameters_are_tensors() {
    let (_dir, path) = file("c.pt");
    let parameter =
        [b"ctorch._utils\n_rebuild_parameter\n(".to_vec(), weight(), b"\x88NtR".to_vec()].concat();
    let data = pickle(dict(&[("0.weight", parameter)]));
    archive(&path, &[("data.pkl", &data), ("data/0", &[0; 24])], Stored);
    assert_eq!(Checkpoint::read(&path, &ReadOptions::default()).unwrap().arch.to_string(), "linear:3-2");
}

#[test]
fn nothing_is_executed() {
    assert_eq!(
        wrong(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."),
        "holds the Python object 'os.system', which is not part of a state dict; save 'model.state_dict()' alone"
    );
    assert_eq!(
        wrong(b"\x80\x04\x8c\x05posix\x8c\x06system\x93."),
        "holds the Python object 'posix.system', which is not part of a state dict; save 'model.state_dict()' alone"
    );
    assert!(wrong(b"ctorch.nn.modules.container\nSequential\n)\x81.").contains("container.Sequential"));
    assert!(wrong(b"ca\x1b[31m\nb\n.").contains(r"'a\u{1b}[31m.b'"));
    assert_eq!(
        wrong(b"ccollections\nOrderedDict\nK\x01\x85R."),
        "calls 'collections.OrderedDict' with 1 arguments, which no state dict does"
    );
    for code in [b'i', b'o', 0x81, 0x92, b'P', b'S', b'I', 0x82] {
        let expected = format!("has the pickle instruction {code:#04x}, which no state dict needs");
        assert_eq!(wrong(&[code, b'.']), expected);
    }
}

#[test]
fn damaged_pickles() {
    let stack = "is damaged: its pickle takes from an empty stack";
    let short = "is damaged: its pickle ends too early";
    let cases: [(&[u8], &str); 18] = [
        (b"", short),
        (b"\x80", short),
        (b"N", short),
        (b"X\xff\xff\xff\xff", short),
        (b"\x8a\xff", short),
        (b"\x95\x00", short),
        (b"ca\nb", short),
        (b".", stack),
        (b"t.", stack),
        (b"N(.", stack),
        (b"N(\x85.", stack),
        (b"N(Nq\x01tR.", "is damaged: its pickle calls something that is no function"),
        (b"h\x00.", "is damaged: its pickle recalls what it never kept"),
        (b"}(Nu.", "is damaged: its pickle fills something that is no list or dict"),
        (b"NNa.", "is damaged: its pickle fills something that is no list or dict"),
        (b"NN\x93.", "is damaged: its pickle has a name that is no text"),
        (b"NNb.", "is damaged: its pickle sets the state of something that is no dict"),
        (b"X\x01\x00\x00\x00\xff.", "is damaged: its pickle has a text that is not UTF-8"),
    ];
    for (data, expected) in cases {
        assert_eq!(wrong(data), expected, "{data:?}");
    }
    let bad = [b"ctorch._utils\n_rebuild_tensor_v2\n(".to_vec(), text("a"), b"NNNtR".to_vec()].concat();
    assert_eq!(wrong(&pickle(dict(&[("a\nb", bad)]))), r"tensor 'a\nb' is described wrongly");
}

/// Objects that contain themselves, nest a million deep, or would grow when copied out of the memo.
#[test]
fn bombs_cost_no_more_than_their_bytes() {
    let cyclic = b"}q\x00X\x01\x00\x00\x00ah\x00s.".to_vec();
    assert!(wrong(&cyclic).starts_with("holds no tensors"));
    let deep = [&b"N"[..], &[0x85; 1_000_000], b"."].concat();
    assert_eq!(wrong(&deep), "holds no state dict, but another Python object");
    // Each step makes a pair of what the last one made.
    let doubling = [&b"N"[..], &b"q\x00h\x00\x86".repeat(200_000), b"."].concat();
    let (found, bytes) = allocated(|| wrong(&doubling));
    assert_eq!(found, "holds no state dict, but another Python object");
    assert!(bytes < 200 * doubling.len(), "{bytes}");
    assert_eq!(
        wrong(&vec![b'N'; (16 << 20) + 1]),
        "entry 'x/data.pkl' has 16777217 bytes, expected at most 16777216"
    );
}
