//! Archives made by hand in the layouts of the versions of PyTorch.

use std::io::{Cursor, Write};

use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// An archive with entries under these names.
pub fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The JSON of a tensor's shape; `-1` is the open batch, which was 2 at the export.
pub fn meta(dtype: u32, sizes: &[i64]) -> Value {
    let size = |&n: &i64| match n {
        -1 => json!({"as_expr": {"expr_str": "s0", "hint": {"as_int": 2}}}),
        n => json!({"as_int": n}),
    };
    let strides: Vec<i64> =
        (1..=sizes.len()).map(|axis| sizes[axis..].iter().product::<i64>().abs()).collect();
    json!({
        "dtype": dtype, "sizes": sizes.iter().map(size).collect::<Vec<_>>(),
        "strides": strides.iter().map(size).collect::<Vec<_>>(), "storage_offset": {"as_int": 0}, "layout": 7,
        "requires_grad": false, "device": {"type": "cpu", "index": null}
    })
}

/// The call of an operation with named arguments and one result.
pub fn call(target: &str, inputs: &[(&str, Value)], output: &str) -> Value {
    let inputs: Vec<Value> =
        inputs.iter().map(|(name, arg)| json!({"name": name, "arg": arg, "kind": 1})).collect();
    json!({
        "target": format!("torch.ops.aten.{target}"), "inputs": inputs,
        "outputs": [{"as_tensor": {"name": output}}],
        "metadata": {"stack_trace": "  File \"src/nets.py\", line 7, in forward\n    return x.f()\n"}
    })
}

pub fn tensor(name: &str) -> Value {
    json!({"as_tensor": {"name": name}})
}

/// A program with the input `x`, parameters and calls; the last call's result is the output.
pub struct Program {
    pub version: (u64, u64),
    pub input: Vec<i64>,
    pub parameters: Vec<(&'static str, Vec<i64>)>,
    pub calls: Vec<Value>,
    /// Names and shapes of results.
    pub values: Vec<(&'static str, Vec<i64>)>,
}

impl Default for Program {
    /// `y = relu(W x + b)` for 3 inputs and 2 outputs.
    fn default() -> Self {
        let linear = [("input", tensor("x")), ("weight", tensor("p_w")), ("bias", tensor("p_b"))];
        Self {
            version: (8, 20),
            input: vec![-1, 3],
            parameters: vec![("w", vec![2, 3]), ("b", vec![2])],
            calls: vec![
                call("linear.default", &linear, "h"),
                call("relu.default", &[("self", tensor("h"))], "y"),
            ],
            values: vec![("h", vec![-1, 2]), ("y", vec![-1, 2])],
        }
    }
}

impl Program {
    pub fn json(&self) -> Value {
        let mut values = serde_json::Map::new();
        values.insert("x".into(), meta(7, &self.input));
        for (name, sizes) in &self.parameters {
            values.insert(format!("p_{name}"), meta(7, sizes));
        }
        for (name, sizes) in &self.values {
            values.insert((*name).into(), meta(7, sizes));
        }
        let parameter = |(name, _): &(&str, Vec<i64>)| json!({"parameter": {"arg": {"name": format!("p_{name}")}, "parameter_name": name}});
        let mut inputs: Vec<Value> = self.parameters.iter().map(parameter).collect();
        inputs.push(json!({"user_input": {"arg": tensor("x")}}));
        let output = self.calls.last().map_or(tensor("x"), |call| call["outputs"][0].clone());
        json!({
            "graph_module": {
                "graph": {"inputs": [], "outputs": [], "nodes": self.calls, "tensor_values": values},
                "signature": {"input_specs": inputs, "output_specs": [{"user_output": {"arg": output}}]}
            },
            "schema_version": {"major": self.version.0, "minor": self.version.1}, "torch_version": "2.15.0"
        })
    }

    /// The list of weights, with a ramp of numbers in each entry.
    pub fn weights(&self) -> (Value, Vec<(String, Vec<u8>)>) {
        let mut config = serde_json::Map::new();
        let mut entries = Vec::new();
        for (k, (name, sizes)) in self.parameters.iter().enumerate() {
            let entry = json!({
                "path_name": format!("weight_{k}"), "is_param": true, "use_pickle": false,
                "tensor_meta": meta(7, sizes)
            });
            config.insert((*name).into(), entry);
            let count = sizes.iter().product::<i64>();
            let numbers = (0..count).flat_map(|i| (0.25 * (i + 1) as f32).to_le_bytes());
            entries.push((format!("m/data/weights/weight_{k}"), numbers.collect()));
        }
        (json!({ "config": config }), entries)
    }

    /// The archive as PyTorch 2.15 writes it.
    pub fn archive(&self) -> Vec<u8> {
        self.archive_with(&self.json().to_string(), CompressionMethod::Stored)
    }

    /// The same with another text of the program.
    pub fn archive_with(&self, text: &str, method: CompressionMethod) -> Vec<u8> {
        let (config, weights) = self.weights();
        let config = config.to_string();
        let mut entries: Vec<(&str, &[u8])> =
            weights.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        entries.push(("m/data/weights/model_weights_config.json", config.as_bytes()));
        entries.push(("m/models/model.json", text.as_bytes()));
        entries.push(("m/byteorder", b"little"));
        archive(&entries, method)
    }
}
