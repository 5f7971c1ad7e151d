//! ONNX models as graph files. Their tensors have to be those of PyTorch's state dicts, under their names: exports that
//! fold batch normalisation into the weights before it, and keep their names, are refused.

mod buffers;
mod choice;
mod folded;
mod layers;
mod model;
mod operators;
mod rearrange;
mod shapes;
mod translate;
mod wire;

use std::{collections::HashSet, io::Read, path::Path};

use self::{
    model::{MAX_TENSORS, Model, Node},
    translate::Translation,
};
use super::{
    EXPORT, MAX_CALLS, lowered, network,
    schema::{
        Argument, BufferSpec, Calls, ConstantSpec, Graph, GraphModule, InputSpec, OutputSpec, ParameterSpec,
        Signature, TensorName, UserSpec,
    },
    trace,
};
use crate::{
    Result,
    fault::{file_error, io_error},
    tensors::{Input, Named, Source, TensorFile},
};

/// The versions of the operators that are known.
const OPSETS: std::ops::RangeInclusive<i64> = 13..=26;

/// Whether a file that begins with these bytes can be an ONNX model: its first field is the version of the format.
pub(crate) fn is_onnx(start: &[u8]) -> bool {
    // After it comes the producer, the graph, or the versions of the operators.
    matches!(start, [0x08, 3..=20, 0x12 | 0x3a | 0x42, ..])
}

/// Reads the network and the tensors of a model.
pub(crate) fn tensors(input: Input<'_, impl Source>) -> Result<TensorFile> {
    let Input { path, mut reader, len } = input;
    let mut bytes = Vec::new();
    reader.by_ref().take(len).read_to_end(&mut bytes).map_err(|e| io_error(path, &e))?;
    let model = Model::parse(&bytes).map_err(|_| file_error(path, "is a damaged ONNX model"))?;
    drop(bytes);
    let Model { producer, mut graph, opset, functions } = model;
    let refuse = |reason: String| {
        file_error(path, reason.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\""))
    };
    if !OPSETS.contains(&opset) {
        let (first, last) = (OPSETS.start(), OPSETS.end());
        return Err(refuse(format!("has version {opset} of the operators, expected {first} to {last}")));
    }
    let [nodes, values] = graph.counts;
    if nodes > MAX_CALLS || functions > 0 {
        let reason =
            format!("has {nodes} nodes and {functions} functions, expected at most {MAX_CALLS} and none");
        return Err(refuse(reason));
    }
    if values > MAX_TENSORS {
        return Err(refuse(format!("describes {values} tensors, expected at most {MAX_TENSORS}")));
    }
    if let Some(evidence) = changed(&graph) {
        return Err(refuse(format!("{evidence}; export with {EXPORT}")));
    }
    let mut translation = Translation::new(&mut graph).map_err(refuse)?;
    let user = graph.inputs[0].name.clone();
    for node in &graph.nodes {
        if translation.lacks_shape(node) {
            learn_shapes(path, &mut translation, &user)?;
        }
        translation.node(node).map_err(|reason| refuse(format!("{}: {reason}", place(node))))?;
    }
    let output = match &graph.outputs[..] {
        [output] => translation.name(&output.name).to_owned(),
        outputs => {
            return Err(refuse(format!(
                "the network puts out {} results, expected one tensor",
                outputs.len()
            )));
        }
    };
    let module = module(&mut translation, &user, output);
    let Translation { tensors, constants, .. } = translation;
    let arch = network(path, &module, &tensors, &constants)?;
    let notes =
        vec![format!("is an ONNX model{}: its tensors are taken for those of the state dict", by(&producer))];
    Ok(TensorFile { path: path.into(), tensors, metadata: Default::default(), notes, network: Some(arch) })
}

fn by(producer: &str) -> String {
    if producer.is_empty() { String::new() } else { format!(" by {}", producer.escape_debug()) }
}

/// The node in a message, with the user's own line.
fn place(node: &Node) -> String {
    let name = node.outputs.first().map_or("", String::as_str);
    let line = node.trace.as_deref().and_then(trace::line);
    format!("operator {}, node '{name}'{}", node.op, line.map_or(String::new(), |line| format!(" ({line})")))
}

/// What shows that the tensors are not those of a state dict, though some have their names.
fn changed(graph: &model::Graph) -> Option<String> {
    let names: HashSet<&str> = graph.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
    let folded = names.iter().filter(|name| {
        name.strip_suffix("_bias").is_some_and(|weight| weight.ends_with("weight") && names.contains(weight))
    });
    if let Some(bias) = folded.min() {
        let weight = bias.trim_end_matches("_bias");
        return Some(format!(
            "'{weight}' is not the tensor of that name in PyTorch: batch normalisation was folded into it, as '{bias}' shows"
        ));
    }
    let layers = graph.nodes.iter().filter(|node| matches!(node.op.as_str(), "Conv" | "Gemm" | "MatMul"));
    let weights = layers.filter_map(|node| node.inputs.get(1)).filter(|name| names.contains(name.as_str()));
    let generated = |name: &&String| {
        let number =
            name.strip_prefix("val_").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        name.contains("::") || number
    };
    let name = weights.filter(generated).min()?;
    Some(format!("the weight '{name}' is no tensor of PyTorch's: an optimization of the export has made it"))
}

/// Gives the translation the sizes of all results so far, which not every model states: the calls so far are lowered.
fn learn_shapes(path: &Path, translation: &mut Translation, input: &str) -> Result<()> {
    let module = module(translation, input, String::new());
    let sizes = lowered(path, &module, &translation.tensors, &translation.constants)?.0.sizes();
    let Graph { nodes, tensor_values } = module.graph;
    (translation.nodes, translation.metas) = (nodes.list, tensor_values);
    translation.note_sizes(sizes);
    Ok(())
}

/// The model as an exported program.
fn module(translation: &mut Translation, input: &str, output: String) -> GraphModule {
    let arg = |name: &str| TensorName { name: name.to_owned() };
    let none = || InputSpec { parameter: None, buffer: None, tensor_constant: None, user_input: None };
    let state =
        translation.tensors.iter().map(|Named { name, .. }| match translation.buffers.contains(name) {
            true => {
                let buffer = BufferSpec { arg: arg(name), buffer_name: name.clone(), persistent: true };
                InputSpec { buffer: Some(buffer), ..none() }
            }
            false => {
                let parameter = ParameterSpec { arg: arg(name), parameter_name: name.clone() };
                InputSpec { parameter: Some(parameter), ..none() }
            }
        });
    let constants = translation.constants.iter().map(|Named { name, .. }| {
        let constant = ConstantSpec { arg: arg(name), tensor_constant_name: name.clone() };
        InputSpec { tensor_constant: Some(constant), ..none() }
    });
    let user = UserSpec { arg: Argument::Tensor(input.to_owned()) };
    let specs = state.chain(constants).chain([InputSpec { user_input: Some(user), ..none() }]);
    let input_specs = specs.collect();
    let output_specs = vec![OutputSpec { user_output: Some(UserSpec { arg: Argument::Tensor(output) }) }];
    let list = std::mem::take(&mut translation.nodes);
    let nodes = Calls { count: list.len(), list };
    let tensor_values = std::mem::take(&mut translation.metas);
    GraphModule { graph: Graph { nodes, tensor_values }, signature: Signature { input_specs, output_specs } }
}
