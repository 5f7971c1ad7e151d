use collado_files::{Checkpoint, ReadOptions};
use zip::CompressionMethod::Stored;

use crate::support::{allocated, archive, dict, file, int, pickle, reading, tensor, text};

/// What reading an archive says with this pickle and a storage of 6 floats.
fn wrong(data: &[u8]) -> String {
    let (_dir, path) = file("c.pt");
    archive(&path, &[("data.pkl", data), ("data/0", &[0; 24])], Stored);
    reading(&path, None).strip_prefix("c.pt: ").unwrap().to_owned()
}

const NOTHING: &str = "holds no dictionary of tensors, neither at the top nor up to two keys deep";

/// A NumPy array as it is pickled.
fn opaque() -> Vec<u8> {
    b"cnumpy\nndarray\n)R(K\x01)U\x02\xff\xfftb".to_vec()
}

fn weight() -> Vec<u8> {
    tensor("FloatStorage", 6, 0, &[2, 3], &[3, 1])
}

#[test]
fn state_dicts_are_found_under_the_usual_keys() {
    let inner = || dict(&[("0.weight", weight())]);
    for outer in ["state_dict", "model_state_dict", "model", "model_state", "net", "weights", "übermodell"] {
        let (_dir, path) = file("c.pt");
        let data = pickle(dict(&[("epoch", int(3)), (outer, inner()), ("optimizer", dict(&[]))]));
        archive(&path, &[("data.pkl", &data), ("data/0", &[0; 24])], Stored);
        assert_eq!(Checkpoint::read(&path, &ReadOptions::default()).unwrap().arch.to_string(), "linear:3-2");
    }
    let cases = [
        (
            dict(&[("model", inner()), ("state_dict", inner())]),
            "holds 2 dictionaries of tensors: model, state_dict",
        ),
        (
            dict(&[("model", dict(&[("net", inner()), ("ema", inner())])), ("0.weight", weight())]),
            "holds 3 dictionaries of tensors: ., model.net, model.ema",
        ),
        (
            dict(&[("0.weight", weight()), ("0.bias", opaque())]),
            "'0.bias' stands among the tensors, but is a Python object 'numpy.ndarray'",
        ),
        (
            opaque(),
            "holds a whole Python object 'numpy.ndarray', which is not executed; save its 'state_dict()' instead",
        ),
        (
            dict(&[("epoch", int(3)), ("net", b"ctorch.nn\nLinear\n)\x81".to_vec())]),
            "holds no tensors, but 'net' is a Python object 'torch.nn.Linear', which is not executed; \
             save its 'state_dict()' instead",
        ),
        (dict(&[("0.weight", weight()), ("0.weight", weight())]), "tensor '0.weight' is named twice"),
        (
            [dict(&[("0.weight", weight())]), int(0), weight(), b"s".to_vec()].concat(),
            "has a tensor whose name is no text",
        ),
        ([b"}".to_vec(), int(0), weight(), b"s".to_vec()].concat(), NOTHING),
        (weight(), NOTHING),
        (dict(&[]), NOTHING),
        (dict(&[("metrics", dict(&[("loss", tensor("FloatStorage", 6, 0, &[], &[]))]))]), NOTHING),
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
    let whole = |name: &str| {
        format!(
            "holds a whole Python object '{name}', which is not executed; save its 'state_dict()' instead"
        )
    };
    assert_eq!(wrong(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."), whole("os.system"));
    assert_eq!(wrong(b"\x80\x04\x8c\x05posix\x8c\x06system\x93."), whole("posix.system"));
    assert_eq!(wrong(b"ctorch.nn\nSequential\n)\x81}b."), whole("torch.nn.Sequential"));
    assert_eq!(wrong(b"(ios\nsystem\n."), whole("os.system"));
    assert_eq!(wrong(b"(cos\nsystem\nNo."), whole("os.system"));
    assert_eq!(wrong(b"ca\x1b[31m\nb\n)R."), whole(r"a\u{1b}[31m.b"));
    assert_eq!(wrong(b"ccollections\nOrderedDict\nK\x01\x85R."), NOTHING);
    for code in [0x82, 0x97, 0xff] {
        let expected = format!("has the pickle instruction {code:#04x}, which no checkpoint needs");
        assert_eq!(wrong(&[code, b'.']), expected);
    }
}

/// Whatever stands beside a state dict is skipped: arrays, sets, numbers of every kind, objects of unknown classes,
/// Python 2's ordered dicts, and dicts that contain themselves.
#[test]
fn what_stands_beside_a_state_dict_does_no_harm() {
    let inner = || dict(&[("0.weight", weight())]);
    let beside: &[&[u8]] = &[
        b"N",
        b"\x88",
        b"K\x01",
        b"J\xff\xff\xff\xff",
        b"G\0\0\0\0\0\0\0\0",
        b"I01\n",
        b"L5L\n",
        b"F1.5\n",
        b"\x8a\x09\0\0\0\0\0\0\0\0\x01",
        b"\x8b\x01\0\0\0\x05",
        b"U\x02\xff\xff",
        b"S'a'\n",
        b"VA\n",
        b"C\x01\xff",
        b"B\x01\0\0\0\xff",
        b"\x8e\x01\0\0\0\0\0\0\0\xff",
        b"\x96\x01\0\0\0\0\0\0\0\xff",
        b"\x8f(K\x01\x90",
        b"(K\x01\x91",
        b"(K\x01K\x02l",
        b"(K\x01K\x02d",
        b"](K\x01Ne",
        b"NK\x020",
        b"N(K\x011",
        b"(N1)",
        b"Pid\n",
        b"cargparse\nNamespace\n)\x81}X\x01\0\0\0aK\x01sb",
        b"cpathlib\nPath\n)}\x92",
        b"cdeque\nd\n)R(K\x01e",
        b"ccollections\nCounter\n}\x85R",
        b"cre\ncompile\n)R)R",
    ];
    for object in beside {
        for entries in
            [[("x", object.to_vec()), ("net", inner())], [("net", inner()), ("x", object.to_vec())]]
        {
            let (_dir, path) = file("c.pt");
            let data = pickle(dict(&entries));
            archive(&path, &[("data.pkl", &data), ("data/0", &[0; 24])], Stored);
            let read = Checkpoint::read(&path, &ReadOptions::default());
            assert_eq!(read.unwrap().arch.to_string(), "linear:3-2", "{}", object.escape_ascii());
        }
    }
    let pairs = [
        b"ccollections\nOrderedDict\n](](".to_vec(),
        [b"U\x080.weight".to_vec(), weight()].concat(),
        b"ee\x85R".to_vec(),
    ];
    let cyclic = [b"}q\x00(".to_vec(), text("self"), b"h\x00".to_vec(), text("net"), inner(), b"u".to_vec()];
    let listed = [b"](K\x07".to_vec(), inner(), b"e".to_vec()];
    for object in [pairs.concat(), cyclic.concat(), listed.concat()] {
        let (_dir, path) = file("c.pt");
        archive(&path, &[("data.pkl", &pickle(object)), ("data/0", &[0; 24])], Stored);
        let read = Checkpoint::read(&path, &ReadOptions::default()).unwrap();
        assert_eq!(read.arch.to_string(), "linear:3-2");
    }
}

#[test]
fn one_dictionary_of_several_is_chosen_by_its_key() {
    let (_dir, path) = file("c.pt");
    let of = |shape: &[i64]| dict(&[("0.weight", tensor("FloatStorage", 6, 0, shape, &[1, 1]))]);
    let object = dict(&[("a", of(&[1, 1])), ("b.c", of(&[1, 2])), ("d", dict(&[("e", of(&[1, 3]))]))]);
    archive(&path, &[("data.pkl", &pickle(object)), ("data/0", &[0; 24])], Stored);
    let read = |key: &str| {
        let options = ReadOptions { key: Some(key.into()), ..ReadOptions::default() };
        Checkpoint::read(&path, &options)
    };
    for (key, arch) in [("a", "linear:1-1"), ("b.c", "linear:2-1"), ("d.e", "linear:3-1")] {
        assert_eq!(read(key).unwrap().arch.to_string(), arch);
    }
    let error = read("d").unwrap_err();
    assert!(error.to_string().ends_with("holds no dictionary of tensors under 'd': a, b.c, d.e"), "{error}");
    assert_eq!(error.hint().unwrap(), "choose one, as in `key` a");
    assert!(reading(&path, None).contains("holds 3 dictionaries of tensors: a, b.c, d.e"));
    // A dictionary under two names is one, and plain values among tensors are left out with a note.
    let same =
        [b"}(".to_vec(), text("a"), of(&[1, 1]), b"q\x01".to_vec(), text("b"), b"h\x01u".to_vec()].concat();
    archive(&path, &[("data.pkl", &pickle(same)), ("data/0", &[0; 24])], Stored);
    assert!(Checkpoint::read(&path, &ReadOptions::default()).is_ok());
    let flat = dict(&[("0.weight", weight()), ("epoch", int(3))]);
    archive(&path, &[("data.pkl", &pickle(flat)), ("data/0", &[0; 24])], Stored);
    let notes = Checkpoint::read(&path, &ReadOptions::default()).unwrap().notes;
    assert_eq!(
        notes,
        [format!("{}: 'epoch' stands among the tensors, but is none: it is left out", path.display())]
    );
}

#[test]
fn damaged_pickles() {
    let stack = "is damaged: its pickle takes from an empty stack";
    let short = "is damaged: its pickle ends too early";
    let cases: [(&[u8], &str); 20] = [
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
        (b"NNR.", "is damaged: its pickle calls something with what is no tuple"),
        (b"gx\n.", "is damaged: its pickle has a memo without a number"),
        (b"h\x00.", "is damaged: its pickle recalls what it never kept"),
        (b"}(Nu.", "is damaged: its pickle fills something that holds nothing"),
        (b"NNa.", "is damaged: its pickle fills something that holds nothing"),
        (b"NN\x93.", "is damaged: its pickle has a name that is no text"),
        (b"NNb.", "is damaged: its pickle sets the state of something that has none"),
        (b"X\x01\x00\x00\x00\xff.", "is damaged: its pickle has a text that is not UTF-8"),
    ];
    for (data, expected) in cases {
        assert_eq!(wrong(data), expected, "{data:?}");
    }
    let bad = [b"ctorch._utils\n_rebuild_tensor_v2\n(".to_vec(), text("a"), b"NNNtR".to_vec()].concat();
    let entries = [("0.weight", weight()), ("a\nb", bad)];
    assert_eq!(wrong(&pickle(dict(&entries))), r"tensor 'a\nb' is described wrongly");
}

/// Objects that contain themselves, nest a million deep, are many or would grow when copied out of the memo.
#[test]
fn bombs_cost_no_more_than_their_bytes() {
    let cyclic = b"}q\x00X\x01\x00\x00\x00ah\x00s.".to_vec();
    assert_eq!(wrong(&cyclic), NOTHING);
    let cycle =
        [b"ccollections\nOrderedDict\n](".to_vec(), b"](NNe".repeat(1000), b"eq\x00\x85R".to_vec()].concat();
    let again = b"0ccollections\nOrderedDict\nh\x00\x85R".repeat(10_000);
    let bombs = [
        [&b"N"[..], &[0x85; 3 << 20]].concat(),
        b"N".iter().chain(&b"N\x85"[..].repeat(1 << 20)).copied().collect(),
        b"]".repeat(1 << 20),
        b"}NNs".repeat(1 << 20),
        b"N\x94".repeat(1 << 20),
        b"Nr\xff\xff\xff\xff".to_vec(),
        b"(".repeat(1 << 20),
        b"N".repeat(1 << 20),
        b"cos\nsystem\n".repeat(1 << 17),
        [b"]".to_vec(), b"K\x01a".repeat(1 << 20)].concat(),
        [cycle, again].concat(),
        // Each step makes a pair of what the last one made.
        [&b"N"[..], &b"q\x00h\x00\x86".repeat(200_000)].concat(),
    ];
    for (i, bomb) in bombs.into_iter().enumerate() {
        let data = [bomb, b".".to_vec()].concat();
        let (found, bytes) = allocated(|| wrong(&data));
        assert!(bytes < (1 << 20) + 80 * data.len(), "{i}: {bytes} of {}", data.len());
        let refused = ["makes far more objects", "holds no dictionary", "empty stack", "os.system"];
        assert!(refused.iter().any(|reason| found.contains(reason)), "{i}: {found}");
    }
    assert_eq!(
        wrong(&vec![b'N'; (16 << 20) + 1]),
        "entry 'x/data.pkl' has 16777217 bytes, expected at most 16777216"
    );
}
