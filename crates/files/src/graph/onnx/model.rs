//! The parts of an ONNX model (`onnx.proto`) that are needed.

use std::rc::Rc;

use candle_core::DType;

use super::wire::{Damaged, Fields, Result};
use crate::{graph::MAX_CALLS, tensors::Named};

/// A model.
#[derive(Default)]
pub(super) struct Model {
    pub(super) producer: String,
    pub(super) graph: Graph,
    /// The version of the operators.
    pub(super) opset: i64,
    pub(super) functions: usize,
}

#[derive(Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<Tensor>,
    pub(super) inputs: Vec<ValueInfo>,
    pub(super) outputs: Vec<ValueInfo>,
    pub(super) values: Vec<ValueInfo>,
    /// The number of all nodes, and that of all tensors and notes about tensors. No more than may be are kept.
    pub(super) counts: [usize; 2],
}

/// The largest number of tensors and of notes about tensors.
pub(super) const MAX_TENSORS: usize = 4 * MAX_CALLS;

/// More attributes than any operator has.
const MAX_ATTRIBUTES: usize = 100;

#[derive(Default)]
pub(super) struct Node {
    pub(super) op: String,
    pub(super) domain: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) attributes: Vec<(String, Attribute)>,
    /// The lines of Python that led to the node.
    pub(super) trace: Option<String>,
}

/// The value of an attribute.
pub(super) enum Attribute {
    Int(i64),
    Float(f64),
    Text(String),
    Ints(Vec<i64>),
    Tensor(Tensor),
    /// Of a kind that no known operator needs.
    Other,
}

#[derive(Default, Clone)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) dims: Vec<i64>,
    kind: i64,
    bytes: Vec<u8>,
    /// Numbers in a list, in place of bytes.
    ints: Vec<i64>,
    external: bool,
}

/// What is known about the shape of a tensor.
pub(super) struct ValueInfo {
    pub(super) name: String,
    pub(super) dims: Option<Vec<Dim>>,
}

/// A size: a number, or a word that stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dim {
    Known(i64),
    Open(String),
}

impl Model {
    pub(super) fn parse(message: &[u8]) -> Result<Self> {
        let mut model = Self::default();
        for field in Fields::of(message) {
            match field? {
                (2, value) => model.producer = value.text()?,
                (7, value) => model.graph = Graph::parse(value.bytes()?)?,
                (8, value) => model.operators(value.bytes()?)?,
                (25, _) => model.functions += 1,
                _ => {}
            }
        }
        Ok(model)
    }

    fn operators(&mut self, message: &[u8]) -> Result<()> {
        let (mut domain, mut version) = (String::new(), 0);
        for field in Fields::of(message) {
            match field? {
                (1, value) => domain = value.text()?,
                (2, value) => version = value.int()?,
                _ => {}
            }
        }
        if domain.is_empty() || domain == "ai.onnx" {
            self.opset = version;
        }
        Ok(())
    }
}

impl Graph {
    fn parse(message: &[u8]) -> Result<Self> {
        let mut graph = Self::default();
        for field in Fields::of(message) {
            let (number, value) = field?;
            let kind = match number {
                1 => 0,
                5 | 11..=13 => 1,
                _ => continue,
            };
            graph.counts[kind] += 1;
            if graph.counts[kind] > [MAX_CALLS, MAX_TENSORS][kind] {
                continue;
            }
            match (number, value) {
                (1, value) => graph.nodes.push(Node::parse(value.bytes()?)?),
                (5, value) => graph.initializers.push(Tensor::parse(value.bytes()?)?),
                (11, value) => graph.inputs.push(ValueInfo::parse(value.bytes()?)?),
                (12, value) => graph.outputs.push(ValueInfo::parse(value.bytes()?)?),
                (13, value) => graph.values.push(ValueInfo::parse(value.bytes()?)?),
                _ => {}
            }
        }
        Ok(graph)
    }
}

impl Node {
    fn parse(message: &[u8]) -> Result<Self> {
        let mut node = Self::default();
        for field in Fields::of(message) {
            match field? {
                (1, value) => node.inputs.push(value.text()?),
                (2, value) => node.outputs.push(value.text()?),
                (4, value) => node.op = value.text()?,
                (5, value) if node.attributes.len() < MAX_ATTRIBUTES => {
                    node.attributes.push(attribute(value.bytes()?)?);
                }
                (5, _) => return Err(Damaged),
                (7, value) => node.domain = value.text()?,
                (9, value) => {
                    let (key, text) = entry(value.bytes()?)?;
                    if key == "pkg.torch.onnx.stack_trace" {
                        node.trace = Some(text);
                    }
                }
                _ => {}
            }
        }
        Ok(node)
    }
}

/// An entry of metadata.
fn entry(message: &[u8]) -> Result<(String, String)> {
    let (mut key, mut text) = (String::new(), String::new());
    for field in Fields::of(message) {
        match field? {
            (1, value) => key = value.text()?,
            (2, value) => text = value.text()?,
            _ => {}
        }
    }
    Ok((key, text))
}

fn attribute(message: &[u8]) -> Result<(String, Attribute)> {
    let (mut name, mut value, mut ints, mut kind) = (String::new(), Attribute::Other, Vec::new(), 0);
    for field in Fields::of(message) {
        match field? {
            (1, field) => name = field.text()?,
            // The digits that were written, not those of the nearest number with 24 bits.
            (2, field) => value = Attribute::Float(decimal(field.float()?)),
            (3, field) => value = Attribute::Int(field.int()?),
            (4, field) => value = Attribute::Text(field.text()?),
            (5, field) => value = Attribute::Tensor(Tensor::parse(field.bytes()?)?),
            (8, field) => field.add_ints(&mut ints)?,
            (20, field) => kind = field.int()?,
            _ => {}
        }
    }
    // 7: whole numbers, perhaps none.
    let value = if kind == 7 || !ints.is_empty() { Attribute::Ints(ints) } else { value };
    Ok((name, value))
}

/// The number with the fewest digits that a number of 24 bits can stand for.
pub(super) fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or_else(|_| f64::from(x))
}

impl Tensor {
    fn parse(message: &[u8]) -> Result<Self> {
        let mut tensor = Self::default();
        for field in Fields::of(message) {
            match field? {
                (1, value) => value.add_ints(&mut tensor.dims)?,
                (2, value) => tensor.kind = value.int()?,
                (4 | 10, value) => value.add_raw(&mut tensor.bytes)?,
                (5 | 7 | 11, value) => value.add_ints(&mut tensor.ints)?,
                (8, value) => tensor.name = value.text()?,
                (9, value) => tensor.bytes = value.bytes()?.to_vec(),
                (13, _) => tensor.external = true,
                _ => {}
            }
        }
        Ok(tensor)
    }

    /// The tensor with its numbers, whose count is that of its shape.
    ///
    /// # Errors
    /// When it has others, or of a type that is not known.
    pub(super) fn named(self) -> std::result::Result<Named, String> {
        let (dtype, width) = match self.kind {
            1 => (DType::F32, 4),
            2 | 3 | 9 => (DType::U8, 1),
            6 => (DType::I32, 4),
            7 => (DType::I64, 8),
            10 => (DType::F16, 2),
            11 => (DType::F64, 8),
            16 => (DType::BF16, 2),
            kind => return Err(format!("has numbers of type {kind}, which is not known")),
        };
        if self.external {
            return Err("has its numbers in another file; export with external_data=False".into());
        }
        let shape: Option<Vec<usize>> = self.dims.iter().map(|&n| usize::try_from(n).ok()).collect();
        let shape = shape.ok_or_else(|| format!("has the shape {:?}", self.dims))?;
        let bytes = match self.ints.is_empty() {
            true => self.bytes,
            false => self.ints.iter().flat_map(|n| n.to_le_bytes()[..width].to_vec()).collect(),
        };
        let count = shape.iter().try_fold(width, |product, &n| product.checked_mul(n));
        if count != Some(bytes.len()) {
            return Err(format!("has {} bytes for the shape {shape:?}", bytes.len()));
        }
        Ok(Named { name: self.name, shape, dtype, bytes: Rc::new(bytes) })
    }
}

impl ValueInfo {
    fn parse(message: &[u8]) -> Result<Self> {
        let mut info = Self { name: String::new(), dims: None };
        for field in Fields::of(message) {
            match field? {
                (1, value) => info.name = value.text()?,
                (2, value) => info.dims = dims(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(info)
    }
}

/// The sizes in a type, if it is that of a tensor with a known number of axes.
fn dims(message: &[u8]) -> Result<Option<Vec<Dim>>> {
    let Some(tensor) = inner(message, 1)? else { return Ok(None) };
    let Some(shape) = inner(tensor, 2)? else { return Ok(None) };
    let mut dims = Vec::new();
    for field in Fields::of(shape) {
        if let (1, value) = field? {
            let mut dim = Dim::Open(String::new());
            for field in Fields::of(value.bytes()?) {
                match field? {
                    (1, value) => dim = Dim::Known(value.int()?),
                    (2, value) => dim = Dim::Open(value.text()?),
                    _ => {}
                }
            }
            dims.push(dim);
        }
    }
    Ok(Some(dims))
}

/// The message in a field.
fn inner(message: &[u8], number: u64) -> Result<Option<&[u8]>> {
    let mut found = None;
    for field in Fields::of(message) {
        let (at, value) = field?;
        if at == number {
            found = Some(value.bytes().map_err(|_| Damaged)?);
        }
    }
    Ok(found)
}
