//! The JSON of an exported program (`torch/_export/serde/schema.py`), as far as it is needed. Unknown fields are left
//! out.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
};

use super::MAX_CALLS;

/// The version of the schema, which is read first.
#[derive(Deserialize)]
pub(super) struct Versioned {
    pub(super) schema_version: Version,
    pub(super) torch_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
}

#[derive(Deserialize)]
pub(super) struct Program {
    pub(super) graph_module: GraphModule,
}

#[derive(Deserialize)]
pub(super) struct GraphModule {
    pub(super) graph: Graph,
    pub(super) signature: Signature,
}

#[derive(Deserialize)]
pub(super) struct Graph {
    pub(super) nodes: Calls,
    pub(super) tensor_values: HashMap<String, Meta>,
}

/// The calls of a graph, of which there may be more than a network has: no more than [`MAX_CALLS`] are kept.
pub(super) struct Calls {
    pub(super) list: Vec<Node>,
    /// The number of all of them.
    pub(super) count: usize,
}

impl<'de> Deserialize<'de> for Calls {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Calls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of calls")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Calls, A::Error> {
                let mut list = Vec::new();
                while list.len() < MAX_CALLS
                    && let Some(node) = from.next_element()?
                {
                    list.push(node);
                }
                let mut count = list.len();
                while from.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Calls { list, count })
            }
        }
        from.deserialize_seq(List)
    }
}

/// A call of an operation.
#[derive(Deserialize)]
pub(super) struct Node {
    pub(super) target: String,
    pub(super) inputs: Vec<NamedArgument>,
    pub(super) outputs: Vec<Argument>,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    /// The lines of Python that led to the node, the outermost first.
    #[serde(default)]
    pub(super) stack_trace: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct NamedArgument {
    pub(super) name: String,
    pub(super) arg: Argument,
}

/// The argument or the result of an operation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Union")]
pub(super) enum Argument {
    None,
    Tensor(String),
    Tensors(Vec<String>),
    Int(i64),
    Ints(Vec<i64>),
    Float(f64),
    Bool(bool),
    Text(String),
    /// Numbers that depend on the size of the batch, among others.
    Symbols(Vec<Symbol>),
    Type(u32),
    /// Of a kind that no known operation needs.
    Other,
}

/// A whole number, or the name of one that is computed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Symbol {
    AsName(String),
    AsInt(i64),
}

#[derive(Deserialize)]
struct Union {
    /// `true`, or an empty list in 2.4.
    as_none: Option<IgnoredAny>,
    as_tensor: Option<TensorName>,
    as_tensors: Option<Vec<TensorName>>,
    as_int: Option<i64>,
    as_ints: Option<Vec<i64>>,
    #[serde(default, deserialize_with = "number")]
    as_float: Option<f64>,
    as_bool: Option<bool>,
    as_string: Option<String>,
    as_sym_int: Option<Symbol>,
    as_sym_ints: Option<Vec<Symbol>>,
    as_scalar_type: Option<u32>,
    as_optional_tensor: Option<OptionalTensor>,
}

#[derive(Deserialize)]
struct OptionalTensor {
    as_tensor: Option<TensorName>,
}

#[derive(Deserialize)]
pub(super) struct TensorName {
    pub(super) name: String,
}

impl From<Union> for Argument {
    fn from(union: Union) -> Self {
        match union {
            Union { as_none: Some(_), .. } => Self::None,
            Union { as_tensor: Some(t), .. } => Self::Tensor(t.name),
            Union { as_tensors: Some(list), .. } => Self::Tensors(list.into_iter().map(|t| t.name).collect()),
            Union { as_int: Some(n), .. } => Self::Int(n),
            Union { as_ints: Some(list), .. } => Self::Ints(list),
            Union { as_float: Some(x), .. } => Self::Float(x),
            Union { as_bool: Some(b), .. } => Self::Bool(b),
            Union { as_string: Some(s), .. } => Self::Text(s),
            Union { as_sym_int: Some(s), .. } => Self::Symbols(vec![s]),
            Union { as_sym_ints: Some(list), .. } => Self::Symbols(list),
            Union { as_scalar_type: Some(t), .. } => Self::Type(t),
            Union { as_optional_tensor: Some(t), .. } => {
                t.as_tensor.map_or(Self::None, |t| Self::Tensor(t.name))
            }
            _ => Self::Other,
        }
    }
}

/// A number, which is a string where it is not finite.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Word(String),
    }
    match Number::deserialize(from)? {
        Number::Finite(x) => Ok(Some(x)),
        Number::Word(word) => match word.as_str() {
            "Infinity" => Ok(Some(f64::INFINITY)),
            "-Infinity" => Ok(Some(f64::NEG_INFINITY)),
            "NaN" => Ok(Some(f64::NAN)),
            _ => Err(D::Error::custom(format!("expected a number, found '{}'", word.escape_debug()))),
        },
    }
}

/// What is known about a tensor before it is computed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Meta {
    pub(super) dtype: u32,
    pub(super) sizes: Vec<Size>,
    #[serde(default)]
    pub(super) strides: Vec<Size>,
    pub(super) storage_offset: Option<Size>,
}

/// A size, which may depend on that of the batch.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Size {
    as_int: Option<i64>,
    as_expr: Option<Expression>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Expression {
    hint: Option<Hint>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Hint {
    as_int: Option<i64>,
}

impl Size {
    /// A fixed size.
    pub(super) fn known(n: i64) -> Self {
        Self { as_int: Some(n), as_expr: None }
    }

    /// A size that grows with the batch, which is `hint` for the batch of the export.
    pub(super) fn open(hint: i64) -> Self {
        let hint = Some(Hint { as_int: Some(hint) });
        Self { as_int: None, as_expr: Some(Expression { hint }) }
    }

    /// Whether the size is to follow from the others and from the number of numbers: −1, as views have it.
    pub(super) fn follows(self) -> bool {
        self.as_int == Some(-1)
    }

    /// The number that does not depend on the batch.
    pub(super) fn fixed(self) -> Option<usize> {
        self.as_int.and_then(|n| usize::try_from(n).ok())
    }

    /// The number for the batch that the network was exported with, and whether it depends on the batch.
    pub(super) fn at_export(self) -> Option<(usize, bool)> {
        let hint = || self.as_expr?.hint?.as_int;
        match self.fixed() {
            Some(n) => Some((n, false)),
            None => usize::try_from(hint()?).ok().map(|n| (n, true)),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Signature {
    pub(super) input_specs: Vec<InputSpec>,
    pub(super) output_specs: Vec<OutputSpec>,
}

impl Signature {
    /// The place of each parameter and buffer among the inputs, which is that in the state dict.
    pub(super) fn places(&self) -> HashMap<&str, usize> {
        let specs = self.input_specs.iter().enumerate();
        specs.filter_map(|(i, spec)| Some((spec.name()?, i))).collect()
    }
}

/// What an input of the graph is; one of the fields is there.
#[derive(Deserialize)]
pub(super) struct InputSpec {
    pub(super) parameter: Option<ParameterSpec>,
    pub(super) buffer: Option<BufferSpec>,
    pub(super) tensor_constant: Option<ConstantSpec>,
    pub(super) user_input: Option<UserSpec>,
}

impl InputSpec {
    /// The name in a state dict.
    fn name(&self) -> Option<&str> {
        let parameter = self.parameter.as_ref().map(|spec| spec.parameter_name.as_str());
        parameter.or(self.buffer.as_ref().map(|spec| spec.buffer_name.as_str()))
    }
}

#[derive(Deserialize)]
pub(super) struct ParameterSpec {
    pub(super) arg: TensorName,
    pub(super) parameter_name: String,
}

#[derive(Deserialize)]
pub(super) struct BufferSpec {
    pub(super) arg: TensorName,
    pub(super) buffer_name: String,
    #[serde(default = "yes")]
    pub(super) persistent: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
pub(super) struct ConstantSpec {
    pub(super) arg: TensorName,
    pub(super) tensor_constant_name: String,
}

#[derive(Deserialize)]
pub(super) struct UserSpec {
    pub(super) arg: Argument,
}

/// What an output of the graph is. Beside the user's there are buffers that training changes.
#[derive(Deserialize)]
pub(super) struct OutputSpec {
    pub(super) user_output: Option<UserSpec>,
}

/// The list of weights in archives of newer versions.
#[derive(Deserialize)]
pub(super) struct WeightsConfig {
    pub(super) config: HashMap<String, WeightConfig>,
}

#[derive(Deserialize)]
pub(super) struct WeightConfig {
    pub(super) path_name: String,
    #[serde(default)]
    pub(super) use_pickle: bool,
    pub(super) tensor_meta: Meta,
}
