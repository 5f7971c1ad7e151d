//! Lowering: the calls of an exported graph, one after the other, become operations of a network.

mod arithmetic;
mod axes;
mod call;
mod fixed;
mod images;
mod layers;
mod pointwise;
mod shapes;
mod table;
mod value;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use collado_models::{NetworkBuilder, NodeId};

pub(crate) use self::value::{MAX_FIXED, MAX_NUMBERS};
use self::{
    axes::{Axis, Batch, Dim},
    call::Call,
    table::Rule,
    value::{Numbers, Value, check_size},
};
use super::{
    schema::{Argument, Meta, Node, Size},
    trace,
};
use crate::torch::strided::MAX_RANK;

/// The reason why a graph cannot be lowered.
#[derive(Debug)]
pub(super) enum Reason {
    /// In words.
    Words(String),
    /// The operation is not among those that are covered.
    Unknown,
    /// The size of the batch is written into the graph, or may be; another export says more.
    Baked,
}

pub(super) type Result<T> = std::result::Result<T, Reason>;

impl<T: Into<String>> From<T> for Reason {
    fn from(words: T) -> Self {
        Self::Words(words.into())
    }
}

/// A graph under way to a network.
pub(super) struct Lower<'a> {
    net: NetworkBuilder,
    batch: Batch,
    /// What is known about the tensors of the graph.
    metas: &'a HashMap<String, Meta>,
    /// The shapes of the parameters.
    shapes: HashMap<String, Vec<usize>>,
    values: HashMap<&'a str, Value>,
    /// The parameters that are used as values, each by one operation.
    sources: HashMap<String, NodeId>,
    /// Number of fixed numbers so far.
    fixed: usize,
    /// Tensors that share their memory have the same number here, which matters for operations in place.
    storages: HashMap<&'a str, usize>,
    families: HashMap<usize, Vec<&'a str>>,
    /// Tensors that an operation in place has changed under another name.
    stale: HashSet<&'a str>,
}

impl<'a> Lower<'a> {
    /// A graph whose input is the tensor `input`.
    ///
    /// # Errors
    /// When the input has no axis for a batch, or several axes of open size.
    pub(super) fn new(input: &'a str, metas: &'a HashMap<String, Meta>) -> Result<Self> {
        let dims =
            dims(input, metas)?.ok_or_else(|| format!("nothing is known about the input '{input}'"))?;
        let (first, rest) = dims.split_first().ok_or("the input has no axis for a batch")?;
        if let Some(axis) = rest.iter().position(|dim| dim.dynamic) {
            return Err(
                format!("axis {} of the input has an open size, expected axis 0 only", axis + 1).into()
            );
        }
        let sizes: Vec<usize> = rest.iter().map(|dim| dim.size).collect();
        if first.size == 0 || sizes.contains(&0) || sizes.is_empty() {
            let found: Vec<usize> = dims.iter().map(|dim| dim.size).collect();
            return Err(format!("the input has the shape {found:?}, expected [batch, …]").into());
        }
        let batch = Batch { size: first.size, dynamic: first.dynamic };
        let mut lower = Self {
            net: NetworkBuilder::new(&sizes),
            batch,
            metas,
            shapes: HashMap::new(),
            values: HashMap::new(),
            sources: HashMap::new(),
            fixed: 0,
            storages: HashMap::new(),
            families: HashMap::new(),
            stale: HashSet::new(),
        };
        let axes = std::iter::once(Axis::BATCH).chain(sizes.iter().map(|&n| Axis::plain(n))).collect();
        lower.bind(input, Value::node(0, axes), None)?;
        Ok(lower)
    }

    /// Gives the tensor `name` of the graph the parameter `parameter`.
    pub(super) fn parameter(&mut self, name: &'a str, parameter: &str, shape: &[usize]) -> Result<()> {
        self.net.declare(parameter, shape);
        self.shapes.insert(parameter.to_owned(), shape.to_vec());
        let axes = shape.iter().map(|&size| Axis::plain(size)).collect();
        self.bind(name, Value { axes, numbers: Numbers::Parameter(parameter.to_owned()) }, None)
    }

    /// Makes the tensor `name` of the graph another name of the parameter `parameter`.
    pub(super) fn tied(&mut self, name: &'a str, alias: &str, parameter: &str) -> Result<()> {
        self.tie(alias, parameter);
        let axes = self.shapes[parameter].iter().map(|&size| Axis::plain(size)).collect();
        self.bind(name, Value { axes, numbers: Numbers::Parameter(parameter.to_owned()) }, None)
    }

    /// Makes `alias` another name of a parameter in state dicts.
    pub(super) fn tie(&mut self, alias: &str, parameter: &str) {
        self.net.tie(alias, parameter);
    }

    /// Gives the tensor `name` of the graph fixed numbers, those of the buffer `buffer`.
    pub(super) fn fixed(
        &mut self,
        name: &'a str,
        buffer: &str,
        numbers: Vec<f64>,
        shape: &[usize],
    ) -> Result<()> {
        let mut value = Value::fixed(numbers, shape);
        if let Numbers::Fixed(_, name) = &mut value.numbers {
            *name = Some(buffer.to_owned());
        }
        self.bind(name, value, None)
    }

    /// Lowers one call. A message names the node, its operation and the user's own line.
    pub(super) fn call(&mut self, node: &'a Node) -> std::result::Result<(), (Reason, String)> {
        let known = table::find(&node.target).ok_or(Reason::Unknown);
        known.and_then(|known| self.apply(node, known)).map_err(|reason| (reason, place(node)))
    }

    fn apply(&mut self, node: &'a Node, known: table::Known) -> Result<()> {
        let table::Known { rule, view, in_place } = known;
        let Rule::Tensors(rule) = rule else { return Ok(()) };
        let call = Call::new(node);
        let results = rule(self, &call)?;
        call.finish()?;
        let base = if view || in_place { first_tensor(node) } else { None };
        let names = node.outputs.iter().flat_map(|output| match output {
            Argument::Tensor(name) => std::slice::from_ref(name),
            Argument::Tensors(names) => names,
            _ => &[],
        });
        if in_place && let Some(changed) = base {
            self.change(changed, results.first());
        }
        for (name, value) in names.zip(results) {
            self.bind(name, value, base)?;
        }
        Ok(())
    }

    /// Gives the tensor `name` of the graph its value, after a comparison with what the graph says about it. It shares
    /// the memory of `base`, if it does.
    fn bind(&mut self, name: &'a str, value: Value, base: Option<&'a str>) -> Result<()> {
        check_size(value.axes.iter().map(|axis| axis.size))?;
        if value.axes.len() > MAX_RANK {
            return Err(format!(
                "tensor '{name}' has {} axes, expected at most {MAX_RANK}",
                value.axes.len()
            )
            .into());
        }
        if let Some(numbers) = value.constant().filter(|numbers| Rc::strong_count(numbers) == 1) {
            self.spend(numbers.len())?;
        }
        if let Some(dims) = dims(name, self.metas)? {
            let fits = dims.len() == value.axes.len()
                && value.axes.iter().zip(&dims).all(|(axis, dim)| self.batch.agrees(*axis, *dim));
            if !fits {
                let expected: Vec<usize> = dims.iter().map(|dim| dim.size).collect();
                let of = |axis: &Axis| axis.size * axis.batch.map_or(1, |_| self.batch.size);
                let found: Vec<usize> = value.axes.iter().map(of).collect();
                return Err(
                    format!("tensor '{name}': expected the shape {expected:?}, found {found:?}").into()
                );
            }
        }
        let storage = match base.and_then(|base| self.storages.get(base)) {
            Some(&storage) => storage,
            None => self.families.len(),
        };
        self.storages.insert(name, storage);
        self.families.entry(storage).or_default().push(name);
        match self.values.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(format!("tensor '{name}' is computed twice").into()),
        }
    }

    /// Notes that an operation in place gave the tensor `name` a new value; other views of its memory are stale then.
    fn change(&mut self, name: &'a str, value: Option<&Value>) {
        let Some(storage) = self.storages.get(name) else { return };
        let family = self.families.insert(*storage, vec![name]).unwrap_or_default();
        self.stale.extend(family.into_iter().filter(|other| *other != name));
        if let Some(value) = value {
            self.values.insert(name, value.clone());
        }
    }

    /// The value of a tensor that an earlier call computed.
    fn value(&self, name: &str) -> Result<Value> {
        if self.stale.contains(name) {
            return Err(
                format!("it reads '{name}', which an operation in place changed under another name").into()
            );
        }
        let value = self.values.get(name).cloned();
        value.ok_or_else(|| format!("it reads '{name}', which no earlier node computes").into())
    }

    /// The value of an argument that must be a tensor.
    fn input(&self, call: &Call<'_>, name: &str) -> Result<Value> {
        let tensor = call.tensor(name)?.ok_or_else(|| format!("it has no argument '{name}'"))?;
        self.value(tensor)
    }

    /// The value of an argument that may be missing.
    fn optional(&self, call: &Call<'_>, name: &str) -> Result<Option<Value>> {
        call.tensor(name)?.map(|tensor| self.value(tensor)).transpose()
    }

    /// The sizes of the first result in the graph.
    fn result_dims(&self, call: &Call<'_>) -> Result<Vec<Dim>> {
        match call.node.outputs.first() {
            Some(Argument::Tensor(name)) => dims(name, self.metas)?
                .ok_or_else(|| format!("nothing is known about its result '{name}'").into()),
            _ => Err("it has no result".into()),
        }
    }

    /// The sizes of all tensors so far.
    pub(super) fn sizes(&self) -> Vec<(String, Vec<Size>)> {
        let size = |axis: &Axis| match axis.batch.map(|_| (axis.size * self.batch.size) as i64) {
            Some(n) if self.batch.dynamic => Size::open(n),
            Some(n) => Size::known(n),
            None => Size::known(axis.size as i64),
        };
        let of = |(name, value): (&&str, &Value)| ((*name).to_owned(), value.axes.iter().map(size).collect());
        self.values.iter().map(of).collect()
    }

    /// The network whose output is the tensor `output`.
    ///
    /// # Errors
    /// When the output is no tensor with one row for each example, or the builder refuses the network.
    pub(super) fn finish(mut self, output: &str, name: &str) -> Result<collado_models::Network> {
        let value = self.value(output)?;
        if !value.axes.first().is_some_and(|axis| axis.is_batch()) {
            return Err(format!("the output '{output}' has not the batch as its first axis").into());
        }
        // Several axes are positions with outputs of their own, as those of a text.
        let node = match value.shape().iter().filter(|size| **size != 1).count() {
            0 | 1 => {
                let node = self.node(&value)?;
                self.net.flatten(node)
            }
            _ => self.own_shape(&value)?,
        };
        self.net.output(node);
        self.net.finish(name).map_err(|e| e.to_string().into())
    }
}

/// The sizes of a tensor in the graph.
fn dims(name: &str, metas: &HashMap<String, Meta>) -> Result<Option<Vec<Dim>>> {
    // Where one size follows from the others, they are known when the tensor is computed.
    let Some(meta) = metas.get(name).filter(|meta| !meta.sizes.iter().any(|size| size.follows())) else {
        return Ok(None);
    };
    let dim = |size: &Size| {
        size.at_export().filter(|(n, _)| *n <= MAX_NUMBERS).map(|(size, dynamic)| Dim { size, dynamic })
    };
    let dims: Option<Vec<Dim>> = meta.sizes.iter().map(dim).collect();
    let dims = dims.ok_or_else(|| format!("tensor '{name}' has a size that is unknown or too large"))?;
    check_size(dims.iter().map(|dim| dim.size))?;
    Ok(Some(dims))
}

fn first_tensor(node: &Node) -> Option<&str> {
    node.inputs.iter().find_map(|argument| match &argument.arg {
        Argument::Tensor(name) => Some(name.as_str()),
        _ => None,
    })
}

/// The operation and the node, with the user's own line.
fn place(node: &Node) -> String {
    let name = match node.outputs.first() {
        Some(Argument::Tensor(name)) => name.as_str(),
        Some(Argument::Tensors(names)) => names.first().map_or("", String::as_str),
        _ => "",
    };
    let target = node.target.trim_start_matches("torch.ops.");
    let line = node.metadata.stack_trace.as_deref().and_then(trace::line);
    let line = line.map_or(String::new(), |line| format!(" ({line})"));
    format!("operation {target}, node '{name}'{line}")
}
