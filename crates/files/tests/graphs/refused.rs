//! What is wrong with an archive is said in one line, and costs little.

use collado_files::{Checkpoint, ReadOptions};
use serde_json::json;
use zip::CompressionMethod::{Deflated, Stored};

use crate::archive::{Program, archive, call, meta, tensor};

fn reading(bytes: &[u8]) -> Result<Checkpoint, String> {
    Checkpoint::from_bytes(bytes, &ReadOptions::default()).map_err(|e| {
        let text = e.to_string();
        assert!(!text.contains('\n'), "{text}");
        text.strip_prefix("bytes in memory: ").unwrap_or(&text).to_owned()
    })
}

fn refused(program: &Program) -> String {
    reading(&program.archive()).unwrap_err()
}

#[test]
fn a_small_program_is_read() {
    let read = reading(&Program::default().archive()).unwrap();
    assert_eq!(read.theta.to_vec1::<f32>().unwrap(), [0.25, 0.5, 0.75, 1., 1.25, 1.5, 0.25, 0.5]);
    let names: Vec<String> = read.arch.layout().entries().iter().map(|entry| entry.name.clone()).collect();
    assert_eq!(names, ["w", "b"]);
    assert!(read.notes.is_empty());
}

#[test]
fn versions_are_checked_first() {
    for (version, expected) in [
        (
            (9, 0),
            "has version 9.0 of the schema of exported programs, written by PyTorch 2.15.0, expected 5.x to 8.x",
        ),
        (
            (4, 1),
            "has version 4.1 of the schema of exported programs, written by PyTorch 2.15.0, expected 5.x to 8.x",
        ),
    ] {
        // Nothing else of an unknown version is looked at.
        let text = json!({
            "schema_version": {"major": version.0, "minor": version.1}, "torch_version": "2.15.0", "graph_module": 7
        });
        let bytes = Program::default().archive_with(&text.to_string(), Stored);
        assert_eq!(reading(&bytes).unwrap_err(), expected);
    }
    let read = reading(&Program { version: (8, 21), ..Program::default() }.archive()).unwrap();
    assert!(read.notes[0].contains("8.21"), "{:?}", read.notes);
}

#[test]
fn an_unknown_operation_is_named_with_the_user_s_line() {
    let mut program = Program::default();
    program.calls[1] = call("erfinv.default", &[("self", tensor("h"))], "y");
    assert_eq!(
        refused(&program),
        "operation aten.erfinv.default, node 'y' (nets.py, line 7: return x.f()): is not covered"
    );
    program.calls[1] = call("my\u{7}op\n.default", &[("self", tensor("h"))], "y");
    assert!(refused(&program).starts_with("operation aten.my\\u{7}op\\n.default, node 'y'"));
}

#[test]
fn an_argument_that_could_change_the_result_is_not_left_out() {
    let mut program = Program::default();
    let inputs = [("self", tensor("h")), ("inplace_of", json!({"as_bool": true}))];
    program.calls[1] = call("relu.default", &inputs, "y");
    assert!(refused(&program).ends_with("its argument 'inplace_of' is not covered"));
}

#[test]
fn references_go_backwards_only() {
    let mut program = Program::default();
    program.calls.swap(0, 1);
    assert!(refused(&program).ends_with("it reads 'h', which no earlier node computes"));
    let mut program = Program::default();
    program.calls[1] = call("relu.default", &[("self", tensor("y"))], "y");
    assert!(refused(&program).ends_with("it reads 'y', which no earlier node computes"));
    let mut program = Program::default();
    program.calls[1] = call("relu.default", &[("self", tensor("h"))], "h");
    assert!(refused(&program).ends_with("tensor 'h' is computed twice"));
}

#[test]
fn shapes_are_checked_against_the_graph() {
    let mut program = Program::default();
    program.values[1].1 = vec![-1, 4];
    assert!(refused(&program).ends_with("tensor 'y': expected the shape [2, 4], found [2, 2]"));
    program.values[1].1 = vec![-1, i64::MAX];
    assert!(refused(&program).contains("has a size that is unknown or too large"));
    program.values[1].1 = vec![1 << 27, 1 << 27];
    assert!(refused(&program).contains("more than"));
    let program = Program { input: vec![-1, -1], ..Program::default() };
    assert_eq!(refused(&program), "axis 1 of the input has an open size, expected axis 0 only");
    let program = Program { input: vec![], ..Program::default() };
    assert_eq!(refused(&program), "the input has no axis for a batch");
    // Python writes infinities that are no numbers.
    let text = Program::default().json().to_string().replacen("{\"as_int\":3}", "{\"as_int\":Infinity}", 1);
    let bytes = Program::default().archive_with(&text, Stored);
    assert!(reading(&bytes).unwrap_err().starts_with("its graph is damaged"));
}

#[test]
fn a_batch_that_is_written_into_the_graph_is_followed_or_refused() {
    let view = |size: &[i64]| {
        call("view.default", &[("self", tensor("h")), ("size", json!({"as_ints": size}))], "y")
    };
    let of = |size: &[i64], result: &[i64]| {
        let mut program = Program { input: vec![2, 3], ..Program::default() };
        program.calls[1] = view(size);
        program.values = vec![("h", vec![2, 2]), ("y", result.to_vec())];
        program
    };
    assert!(reading(&of(&[2, 1, 2], &[2, 1, 2]).archive()).is_ok());
    let text = refused(&of(&[1, 4], &[1, 4]));
    assert!(text.contains("has not the batch as its first axis"), "{text}");
    let mut odd = of(&[4, 1], &[4, 1]);
    odd.input = vec![4, 3];
    odd.values[0].1 = vec![4, 2];
    odd.calls[1] = view(&[2, 2, 2]);
    odd.values[1].1 = vec![2, 2, 2];
    let text = refused(&odd);
    assert!(
        text.contains("the size of the batch is written into the graph; export with torch.export.save"),
        "{text}"
    );
}

#[test]
fn operations_in_place_leave_no_stale_views() {
    let mut program = Program::default();
    program.calls.insert(
        1,
        call("view.default", &[("self", tensor("h")), ("size", json!({"as_ints": [-1, 2]}))], "v"),
    );
    program.calls[2] = call("relu_.default", &[("self", tensor("h"))], "r");
    program.calls.push(call("add.Tensor", &[("self", tensor("r")), ("other", tensor("v"))], "y"));
    program.values = vec![("h", vec![-1, 2]), ("v", vec![-1, 2]), ("r", vec![-1, 2]), ("y", vec![-1, 2])];
    assert!(
        refused(&program).ends_with("it reads 'v', which an operation in place changed under another name")
    );
    // The tensor itself is the changed one from then on.
    program.calls[3] = call("add.Tensor", &[("self", tensor("r")), ("other", tensor("h"))], "y");
    let twice = reading(&program.archive()).unwrap();
    let network = twice.arch.network();
    assert_eq!(network.nodes().last().unwrap().inputs, [2, 2]);
}

#[test]
fn weights_have_to_fit_the_file() {
    let program = Program::default();
    let (config, weights) = program.weights();
    let text = program.json().to_string();
    let with = |config: serde_json::Value, weight: &[u8]| {
        let config = config.to_string();
        let entries: [(&str, &[u8]); 4] = [
            ("m/data/weights/weight_0", weight),
            ("m/data/weights/weight_1", &weights[1].1),
            ("m/data/weights/model_weights_config.json", config.as_bytes()),
            ("m/models/model.json", text.as_bytes()),
        ];
        reading(&archive(&entries, Stored)).unwrap_err()
    };
    let whole = weights[0].1.as_slice();
    assert!(
        with(config.clone(), &whole[..20])
            .contains("tensor 'w': expected a shape within its storage of 5 numbers")
    );
    let mut far = config.clone();
    far["config"]["w"]["tensor_meta"]["storage_offset"]["as_int"] = json!(1);
    assert!(with(far, whole).contains("found [2, 3] with strides [3, 1] from 1"));
    let mut large = config.clone();
    large["config"]["w"]["tensor_meta"] = meta(7, &[1 << 40, 1 << 40]);
    assert!(with(large, whole).contains("tensor 'w'"));
    let mut away = config.clone();
    away["config"]["w"]["path_name"] = json!("../../../etc/passwd");
    assert!(with(away, whole).contains("expected the name of an entry of the archive"));
    let mut pickled = config.clone();
    pickled["config"]["w"]["use_pickle"] = json!(true);
    assert!(with(pickled, whole).contains("a pickled object, which is not executed"));
    let mut gone = config.clone();
    gone["config"].as_object_mut().unwrap().remove("w");
    assert!(with(gone, whole).contains("tensor 'w': expected a tensor in the archive, found none"));
    // A name more than the graph has.
    let mut more = config;
    more["config"]["u"] = json!({"path_name": "weight_0", "tensor_meta": meta(7, &[2])});
    assert!(with(more, whole).contains("has 'u' [2], which the network has not"));
}

#[test]
fn archives_that_are_no_exported_program() {
    let program = Program::default();
    let text = program.json().to_string();
    let compressed = program.archive_with(&text, Deflated);
    assert!(reading(&compressed).unwrap_err().contains("is compressed, expected none of PyTorch's"));
    let two: [(&str, &[u8]); 2] =
        [("m/models/a.json", text.as_bytes()), ("m/models/b.json", text.as_bytes())];
    assert_eq!(reading(&archive(&two, Stored)).unwrap_err(), "holds 2 exported programs, expected one");
    let alone: [(&str, &[u8]); 1] = [("serialized_exported_program.json", text.as_bytes())];
    assert_eq!(reading(&archive(&alone, Stored)).unwrap_err(), "has no entry 'serialized_state_dict.pt'");
}

/// As many calls as no network has are counted, and no more: what they hold is not kept.
#[test]
fn a_million_calls_are_too_many() {
    let mut program = Program::default();
    program.calls.truncate(1);
    let text = program.json().to_string();
    let (start, end) = text.split_once("],\"outputs\":[],\"tensor_values\"").unwrap();
    let many = vec![r#"{"target":"t","inputs":[],"outputs":[]}"#; 1_000_000].join(",");
    let bytes =
        program.archive_with(&format!("{start},{many}],\"outputs\":[],\"tensor_values\"{end}"), Stored);
    let begin = std::time::Instant::now();
    let text = reading(&bytes).unwrap_err();
    assert_eq!(text, "its graph has 1000001 calls, expected at most 20000");
    assert!(begin.elapsed().as_secs() < 20);
}
