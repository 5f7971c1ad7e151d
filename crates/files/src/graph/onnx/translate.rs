//! Translation: the nodes of an ONNX graph become calls of an exported program of PyTorch, for which there are rules
//! already. What only computes sizes is computed here.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use candle_core::DType;

use super::{
    buffers::buffers,
    choice::Spelled,
    folded::Folded,
    model::{Attribute, Dim, Graph, Node, ValueInfo},
    operators,
};
use crate::{
    graph::{
        numbers,
        schema::{self, Argument, Meta, Metadata, NamedArgument, Size},
    },
    tensors::Named,
};

/// The graph under way.
pub(super) struct Translation {
    pub(super) nodes: Vec<schema::Node>,
    pub(super) metas: HashMap<String, Meta>,
    /// Parameters and buffers: the tensors of a state dict.
    pub(super) tensors: Vec<Named>,
    pub(super) constants: Vec<Named>,
    /// Running statistics and masks.
    pub(super) buffers: HashSet<String>,
    /// The shapes of the tensors.
    pub(super) shapes: HashMap<String, Vec<usize>>,
    pub(super) folded: HashMap<String, Folded>,
    /// Other names of values.
    same: HashMap<String, String>,
    /// Parameters with their axes exchanged, by the name of the result.
    turned: HashMap<String, String>,
    /// Functions that exporters spell out in several nodes.
    pub(super) spelled: HashMap<String, Spelled>,
    /// The parts of lists of tensors.
    pub(super) lists: HashMap<String, Vec<String>>,
    /// Dense layers that may still get a bias, by their result: their call, and the number of their outputs.
    open: HashMap<String, (usize, usize)>,
    pub(super) readers: HashMap<String, usize>,
    /// Number of entries of all folded values.
    entries: usize,
    /// Number of calls that were lowered for the shapes of their results.
    pub(super) lowered: usize,
    /// The word for the size of the batch.
    batch: Option<String>,
}

/// The largest number of entries of all folded values together.
const MAX_ENTRIES: usize = 1 << 24;

/// The size of an open batch. It stands in hints only.
pub(super) const BATCH: usize = 2;

/// The number of floats among PyTorch's types.
pub(super) const FLOAT: u32 = 7;

pub(super) type Result<T> = std::result::Result<T, String>;

impl Translation {
    /// A translation that knows the graph's tensors and input.
    pub(super) fn new(graph: &mut Graph) -> Result<Self> {
        let mut readers: HashMap<String, usize> = HashMap::new();
        let read =
            graph.nodes.iter().flat_map(|node| &node.inputs).chain(graph.outputs.iter().map(|o| &o.name));
        read.for_each(|name| *readers.entry(name.clone()).or_default() += 1);
        let mut this = Self {
            nodes: Vec::new(),
            metas: HashMap::new(),
            tensors: Vec::new(),
            constants: Vec::new(),
            buffers: buffers(graph),
            shapes: HashMap::new(),
            folded: HashMap::new(),
            same: HashMap::new(),
            turned: HashMap::new(),
            spelled: HashMap::new(),
            lists: HashMap::new(),
            open: HashMap::new(),
            readers,
            entries: 0,
            lowered: 0,
            batch: None,
        };
        for tensor in std::mem::take(&mut graph.initializers) {
            let name = tensor.name.clone();
            this.initializer(tensor.named().map_err(|reason| format!("tensor '{name}' {reason}"))?)?;
        }
        // Older models list their tensors among the inputs.
        graph
            .inputs
            .retain(|input| !this.shapes.contains_key(&input.name) && !this.folded.contains_key(&input.name));
        let [input] = &graph.inputs[..] else {
            return Err(format!("the network takes {} inputs, expected one tensor", graph.inputs.len()));
        };
        if let Some(Dim::Open(word)) = input.dims.as_ref().and_then(|dims| dims.first()) {
            this.batch = Some(word.clone());
        }
        for info in graph.inputs.iter().chain(&graph.values) {
            if let Some(meta) = this.meta(info)
                && !this.shapes.contains_key(&info.name)
            {
                this.metas.insert(info.name.clone(), meta);
            }
        }
        Ok(this)
    }

    fn initializer(&mut self, tensor: Named) -> Result<()> {
        let whole = matches!(tensor.dtype, DType::U8 | DType::I32 | DType::I64);
        if whole || tensor.shape.is_empty() {
            let values = numbers(&tensor).map_err(|e| e.to_string())?;
            self.note_folded(tensor.name, Folded::numbers(tensor.shape, values))?;
        } else {
            self.shapes.insert(tensor.name.clone(), tensor.shape.clone());
            self.tensors.push(tensor);
        }
        Ok(())
    }

    /// What is known about a tensor, if its sizes are numbers or multiples of the batch.
    fn meta(&self, info: &ValueInfo) -> Option<Meta> {
        let sizes: Option<Vec<Size>> = info.dims.as_ref()?.iter().map(|dim| self.size(dim)).collect();
        Some(Meta { dtype: FLOAT, sizes: sizes?, strides: Vec::new(), storage_offset: None })
    }

    fn size(&self, dim: &Dim) -> Option<Size> {
        let word = match dim {
            Dim::Known(n) => return Some(Size::known(*n)),
            Dim::Open(word) => word,
        };
        let mut times = 1_i64;
        let mut batches = 0;
        for factor in
            word.split('*').map(|factor| factor.trim_matches(|c: char| c == ' ' || c == '(' || c == ')'))
        {
            if Some(factor) == self.batch.as_deref() {
                batches += 1;
            } else {
                times = times.checked_mul(factor.parse().ok()?)?;
            }
        }
        (batches == 1).then(|| times.checked_mul(BATCH as i64)).flatten().map(Size::open)
    }

    /// Translates one node.
    pub(super) fn node(&mut self, node: &Node) -> Result<()> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err(format!("operators of '{}' are not covered", node.domain));
        }
        if let Some(value) = self.fold(node)? {
            let name = node.outputs.first().ok_or("it has no result")?;
            return self.note_folded(name.clone(), value);
        }
        operators::translate(self, node)
    }

    /// Keeps a value that does not depend on the examples.
    fn note_folded(&mut self, name: String, value: Folded) -> Result<()> {
        self.entries = self.entries.saturating_add(value.entries.len());
        if self.entries > MAX_ENTRIES {
            return Err(format!(
                "the values that do not depend on the examples have more than {MAX_ENTRIES} numbers"
            ));
        }
        self.folded.insert(name, value);
        Ok(())
    }

    /// The value of a node that does not depend on the examples.
    fn fold(&mut self, node: &Node) -> Result<Option<Folded>> {
        match node.op.as_str() {
            "Constant" => return self.constant_of(node).map(Some),
            "Shape" => return Ok(self.shape_of(node)),
            _ => {}
        }
        if node.inputs.is_empty() {
            return Ok(None);
        }
        // A type is that of something that may depend on the examples.
        let needed = if node.op == "CastLike" { &node.inputs[..1] } else { &node.inputs[..] };
        let inputs: Vec<Option<&Folded>> = needed.iter().map(|name| self.folded(name)).collect();
        let given = needed.iter().zip(&inputs).all(|(name, value)| name.is_empty() || value.is_some());
        Ok(if given { Folded::of(node, &inputs) } else { None })
    }

    fn constant_of(&self, node: &Node) -> Result<Folded> {
        let (_, value) = node.attributes.first().ok_or("it has no value")?;
        Ok(match value {
            Attribute::Int(n) => Folded::numbers(Vec::new(), [*n as f64]),
            Attribute::Float(x) => Folded::numbers(Vec::new(), [*x]),
            Attribute::Ints(list) => Folded::numbers(vec![list.len()], list.iter().map(|&n| n as f64)),
            Attribute::Tensor(tensor) => {
                let named = tensor.clone().named()?;
                let values = numbers(&named).map_err(|e| e.to_string())?;
                Folded::numbers(named.shape, values)
            }
            _ => return Err("its value is not covered".into()),
        })
    }

    /// The fixed numbers or sizes of that name.
    pub(super) fn folded(&self, name: &str) -> Option<&Folded> {
        self.folded.get(self.name(name))
    }

    /// The name by which a value is known.
    pub(super) fn name<'a>(&'a self, name: &'a str) -> &'a str {
        self.same.get(name).map_or(name, String::as_str)
    }

    /// The shape of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&[usize]> {
        self.shapes.get(self.name(name)).map(Vec::as_slice)
    }

    /// The parameter that a value is with its axes exchanged.
    pub(super) fn turned(&self, name: &str) -> Option<&String> {
        self.turned.get(self.name(name))
    }

    pub(super) fn note_turned(&mut self, result: &str, parameter: &str) {
        self.turned.insert(result.to_owned(), self.name(parameter).to_owned());
    }

    /// Makes the result another name of the first input.
    pub(super) fn alias(&mut self, node: &Node) -> Result<()> {
        self.alias_of(node, node.inputs.first().ok_or("it has no input")?)
    }

    /// Makes the result another name of the value `from`. A copy of a parameter is a parameter of its own: equal tensors
    /// are written once, however many there are.
    pub(super) fn alias_of(&mut self, node: &Node, from: &str) -> Result<()> {
        let (from, to) = (self.name(from).to_owned(), node.outputs.first().ok_or("it has no result")?);
        match self.tensors.iter().find(|tensor| tensor.name == from) {
            Some(Named { shape, dtype, bytes, .. }) => {
                let bytes = Rc::new(bytes.as_ref().clone());
                let copy = Named { name: to.clone(), shape: shape.clone(), dtype: *dtype, bytes };
                self.shapes.insert(to.clone(), copy.shape.clone());
                if self.buffers.contains(&from) {
                    self.buffers.insert(to.clone());
                }
                self.tensors.push(copy);
            }
            None => {
                if let Some(meta) = self.metas.get(&from).cloned() {
                    self.metas.entry(to.clone()).or_insert(meta);
                }
                self.same.insert(to.clone(), from);
            }
        }
        Ok(())
    }

    /// An argument that is a tensor.
    pub(super) fn tensor(&mut self, name: &str) -> Result<Argument> {
        let name = self.name(name).to_owned();
        if let Some(value) = self.folded.get(&name)
            && !self.constants.iter().any(|known| known.name == name)
        {
            let values = value.fixed().ok_or_else(|| format!("'{name}' depends on the size of the batch"))?;
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            let named = Named {
                name: name.clone(),
                shape: value.shape.clone(),
                dtype: DType::F64,
                bytes: Rc::new(bytes),
            };
            self.constants.push(named);
        }
        Ok(Argument::Tensor(name))
    }

    /// An argument that is a tensor or a single number.
    pub(super) fn operand(&mut self, name: &str) -> Result<Argument> {
        match self.folded(name).and_then(Folded::scalar) {
            Some(x) => Ok(Argument::Float(x)),
            None => self.tensor(name),
        }
    }

    /// Fixed whole numbers that an input has to be.
    pub(super) fn fixed_ints(&self, name: &str) -> Result<Vec<i64>> {
        let ints = self.folded(name).and_then(Folded::ints);
        ints.ok_or_else(|| format!("'{name}' is computed, expected fixed whole numbers"))
    }

    /// Appends a call whose results are those of the node.
    pub(super) fn call(&mut self, node: &Node, target: &str, inputs: Vec<(&str, Argument)>) -> Result<()> {
        let result = node.outputs.first().ok_or("it has no result")?;
        self.call_as(node, target, inputs, Argument::Tensor(result.clone()));
        Ok(())
    }

    pub(super) fn call_as(
        &mut self,
        node: &Node,
        target: &str,
        inputs: Vec<(&str, Argument)>,
        result: Argument,
    ) {
        let inputs = inputs.into_iter().map(|(name, arg)| NamedArgument { name: name.into(), arg }).collect();
        self.nodes.push(schema::Node {
            // What is not covered keeps its own name in messages.
            target: match target.starts_with("onnx.") {
                true => format!("torch.ops.{target}"),
                false => format!("torch.ops.aten.{target}"),
            },
            inputs,
            outputs: vec![result],
            metadata: Metadata { stack_trace: node.trace.clone() },
        });
    }

    /// Notes that the last call is a dense layer with that weight, which a sum may give a bias.
    pub(super) fn leave_open(&mut self, result: &str, weight: &str) {
        if let (Some(1), Some(&[outputs, _])) = (self.readers.get(result), self.parameter(weight)) {
            self.open.insert(result.to_owned(), (self.nodes.len() - 1, outputs));
        }
    }

    /// Gives a dense layer the bias that a sum adds to it, if it is that.
    pub(super) fn close(&mut self, node: &Node) -> bool {
        let [a, b] = &node.inputs[..] else { return false };
        for (layer, bias) in [(a, b), (b, a)] {
            let (layer, bias) = (self.name(layer).to_owned(), self.name(bias).to_owned());
            let Some(&(call, outputs)) = self.open.get(&layer) else { continue };
            if self.shapes.get(&bias).is_some_and(|shape| *shape == [outputs])
                && let Some(result) = node.outputs.first()
            {
                // Its result is that of the sum now: what is added next is no bias of it.
                self.open.remove(&layer);
                self.nodes[call]
                    .inputs
                    .push(NamedArgument { name: "bias".into(), arg: Argument::Tensor(bias) });
                self.same.insert(result.clone(), layer);
                return true;
            }
        }
        false
    }
}
