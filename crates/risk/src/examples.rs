//! The examples of an empirical risk: inputs and targets, checked once.

use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};
use collado_data::Split;
use collado_models::{Network, check_dtype};

use crate::{Error, Loss, Result, loss::Target};

/// The inputs and targets that an empirical risk averages over. They are checked once, and converted once for each
/// number type that is computed with.
#[derive(Debug)]
pub struct Examples {
    /// The inputs `[N, ..]`, contiguous, on the CPU, in the number type in which they were given.
    inputs: Tensor,
    targets: Targets,
    f32: OnceLock<Tensor>,
    f64: OnceLock<Tensor>,
}

/// The targets of N examples.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// A class label for each example.
    Classes(Vec<u32>),
    /// A class label for each of several positions of an example, such as the next token at each place of a text. The
    /// loss of an example is the mean over its positions.
    Tokens {
        /// The labels, example by example.
        labels: Vec<u32>,
        /// The number of positions of an example.
        positions: usize,
    },
    /// Real values.
    Values {
        /// The values `[N, q]`, row by row.
        values: Vec<f64>,
        /// The number q of values of an example.
        width: usize,
    },
}

impl Examples {
    /// Examples with `inputs` `[N, ..]` in `f32` or `f64`, and `targets`: class labels `u32` `[N]` or `[N, positions]`, or
    /// values `[N, q]`.
    ///
    /// # Errors
    /// When there is no example, or the two have different numbers of rows.
    pub fn new(inputs: &Tensor, targets: &Tensor) -> Result<Self> {
        Self::checked(inputs, Targets::new(targets)?)
    }

    /// Examples with `inputs` `[N, ..]` and the targets of a data set.
    ///
    /// # Errors
    /// When the two have different numbers of rows.
    pub fn of(inputs: &Tensor, targets: &collado_data::Targets) -> Result<Self> {
        let targets = match targets {
            collado_data::Targets::Classes { labels, .. } => Targets::Classes(labels.clone()),
            collado_data::Targets::Tokens { labels, positions, .. } => {
                Targets::Tokens { labels: labels.clone(), positions: *positions }
            }
            collado_data::Targets::Values(values) => Targets::new(values)?,
        };
        Self::checked(inputs, targets)
    }

    fn checked(inputs: &Tensor, targets: Targets) -> Result<Self> {
        check_dtype(inputs.dtype())?;
        let n = inputs.dims().first().copied().unwrap_or(0);
        if n == 0 {
            return Err(Error::mismatch("examples", "at least 1", 0));
        }
        if targets.len() != n {
            let expected = format!("{n} rows, as the inputs have");
            return Err(Error::mismatch("targets", expected, targets.len()));
        }
        let inputs = inputs.to_device(&Device::Cpu)?.contiguous()?;
        Ok(Self { inputs, targets, f32: OnceLock::new(), f64: OnceLock::new() })
    }

    /// The examples of some rows.
    pub(crate) fn select(&self, rows: &[u32]) -> Result<Self> {
        let at = Tensor::from_slice(rows, rows.len(), &Device::Cpu)?;
        let places = rows.iter().map(|&row| row as usize);
        let targets = match &self.targets {
            Targets::Classes(labels) => Targets::Classes(places.map(|i| labels[i]).collect()),
            Targets::Tokens { labels, positions } => {
                let labels =
                    places.flat_map(|i| &labels[i * positions..(i + 1) * positions]).copied().collect();
                Targets::Tokens { labels, positions: *positions }
            }
            Targets::Values { values, width } => {
                let values = places.flat_map(|i| &values[i * width..(i + 1) * width]).copied().collect();
                Targets::Values { values, width: *width }
            }
        };
        Self::checked(&self.inputs.index_select(&at, 0)?, targets)
    }

    /// Number of examples N.
    pub fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    /// Whether there are no examples, which is never so for checked examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs `[N, ..]` as they were given. Proofs are about them.
    pub fn given(&self) -> &Tensor {
        &self.inputs
    }

    /// The inputs `[N, ..]` converted to `dtype`, on the CPU.
    ///
    /// # Errors
    /// When `dtype` is neither `f32` nor `f64`.
    pub fn inputs(&self, dtype: DType) -> Result<&Tensor> {
        check_dtype(dtype)?;
        if dtype == self.inputs.dtype() {
            return Ok(&self.inputs);
        }
        let converted = if dtype == DType::F32 { &self.f32 } else { &self.f64 };
        if converted.get().is_none() {
            // Of two threads that convert at once, one is in vain.
            _ = converted.set(self.inputs.to_dtype(dtype)?);
        }
        Ok(converted.get().expect("it was set above"))
    }

    /// The targets of the examples.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Checks that the examples fit the inputs and outputs of `network` and the loss.
    pub(crate) fn check(&self, network: &Network, loss: Loss) -> Result<()> {
        network.check_input(&self.inputs.dims()[1..])?;
        let shape = &network.nodes().last().expect("a network has an output").shape;
        let axes: Vec<usize> = shape.iter().copied().filter(|&n| n != 1).collect();
        let (what, expected) = match self.targets {
            Targets::Classes(_) if axes.len() > 1 => ("one class an example".into(), "one axis".into()),
            Targets::Tokens { positions, .. } if !matches!(axes[..], [n, _] if n == positions) => {
                (format!("{positions} classes an example"), format!("[{positions}, classes]"))
            }
            _ => Default::default(),
        };
        if !what.is_empty() {
            let what = format!("{}: outputs for {what}", network.arch());
            return Err(Error::mismatch(what, expected, format!("{shape:?}")));
        }
        let outputs = shape.iter().product();
        self.targets.check(outputs, loss).map_err(|error| match error {
            Error::Mismatch { what, expected, found } if what == "outputs" => {
                Error::Mismatch { what: format!("{}: outputs", network.arch()), expected, found }
            }
            error => error,
        })
    }

    /// The target of example `i`.
    #[inline(always)]
    pub(crate) fn target(&self, i: usize) -> Target<'_> {
        self.targets.of(i)
    }
}

impl TryFrom<&Split> for Examples {
    type Error = Error;

    fn try_from(split: &Split) -> Result<Self> {
        Self::of(&split.inputs, &split.targets)
    }
}

impl Targets {
    /// The targets from class labels `u32` `[N]`, or `[N, positions]`, or values `[N, q]`.
    ///
    /// # Errors
    /// When the tensor has another number of dimensions or another type.
    pub fn new(targets: &Tensor) -> Result<Self> {
        let targets = targets.to_device(&Device::Cpu)?;
        if targets.dtype() == DType::U32 {
            return match targets.dims() {
                [_] => Ok(Self::Classes(targets.to_vec1()?)),
                &[_, positions] if positions > 0 => {
                    Ok(Self::Tokens { labels: targets.flatten_all()?.to_vec1()?, positions })
                }
                other => Err(Error::mismatch("class labels", "[N] or [N, positions]", format!("{other:?}"))),
            };
        }
        match *targets.dims() {
            [_, width] => {
                Ok(Self::Values { values: targets.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?, width })
            }
            ref other => Err(Error::mismatch("values", "[N, q]", format!("{other:?}"))),
        }
    }

    /// Number of examples N.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(labels) => labels.len(),
            Self::Tokens { labels, positions } => labels.len() / (*positions).max(1),
            Self::Values { values, width } => values.len() / (*width).max(1),
        }
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class labels, if the targets are classes.
    pub fn classes(&self) -> Option<&[u32]> {
        match self {
            Self::Classes(labels) => Some(labels),
            Self::Tokens { .. } | Self::Values { .. } => None,
        }
    }

    /// The number of classes that an example has: one, or one for each position.
    pub fn positions(&self) -> usize {
        match self {
            Self::Tokens { positions, .. } => *positions,
            Self::Classes(_) | Self::Values { .. } => 1,
        }
    }

    /// The value that output `j` of `outputs` should have for example `i`: classes are one-hot, or 0 and 1 for one
    /// output.
    #[inline(always)]
    pub fn value(&self, i: usize, j: usize, outputs: usize) -> f64 {
        match self {
            Self::Classes(labels) => Target::Class(labels[i]).value(j, outputs),
            Self::Tokens { .. } => self.of(i).value(j, outputs),
            Self::Values { values, width } => values[i * width + j],
        }
    }

    /// The target of example `i`.
    #[inline(always)]
    pub(crate) fn of(&self, i: usize) -> Target<'_> {
        match self {
            Self::Classes(labels) => Target::Class(labels[i]),
            Self::Tokens { labels, positions } => Target::Tokens(&labels[i * positions..(i + 1) * positions]),
            Self::Values { values, width } => Target::Values(&values[i * width..(i + 1) * width]),
        }
    }

    /// Checks that the targets fit the number of outputs and the loss.
    pub(crate) fn check(&self, outputs: usize, loss: Loss) -> Result<()> {
        match self {
            Self::Classes(labels) => {
                // One output can tell two classes apart, except by cross-entropy.
                let classes = if outputs == 1 && loss != Loss::CrossEntropy { 2 } else { outputs };
                match labels.iter().position(|&l| l as usize >= classes) {
                    Some(i) => {
                        let what = format!("label of example {i}");
                        Err(Error::mismatch(what, format!("less than {classes}"), labels[i]))
                    }
                    None => Ok(()),
                }
            }
            Self::Tokens { labels, positions } => {
                let classes = outputs / positions;
                match labels.iter().position(|&l| l as usize >= classes || classes < 2) {
                    Some(i) => {
                        let what = format!("label of example {}, position {}", i / positions, i % positions);
                        Err(Error::mismatch(what, format!("less than {classes}"), labels[i]))
                    }
                    None => Ok(()),
                }
            }
            Self::Values { .. } if loss == Loss::CrossEntropy => {
                Err(Error::mismatch("targets for cross-entropy", "class labels", "real values"))
            }
            Self::Values { width, .. } if *width != outputs => {
                Err(Error::mismatch("outputs", width, outputs))
            }
            Self::Values { values, .. } => {
                if loss == Loss::Logistic && values.iter().any(|y| !(0. ..=1.).contains(y)) {
                    return Err(Error::mismatch(
                        "targets for the logistic loss",
                        "values in [0, 1]",
                        "others",
                    ));
                }
                Ok(())
            }
        }
    }

    /// The targets as a tensor, `u32` `[N]` or `[N, positions]`, or `f64` `[N, q]`.
    pub(crate) fn tensor(&self, device: &Device) -> Result<Tensor> {
        Ok(match self {
            Self::Classes(labels) => Tensor::from_slice(labels, labels.len(), device)?,
            Self::Tokens { labels, positions } => {
                Tensor::from_slice(labels, (self.len(), *positions), device)?
            }
            Self::Values { values, width } => Tensor::from_slice(values, (self.len(), *width), device)?,
        })
    }
}
