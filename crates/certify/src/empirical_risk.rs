use candle_core::{DType, Tensor};
use collado_models::{Arch, Real, dispatch, with_slice};
use collado_risk::{Criterion, Loss};

use crate::{Error, Result};

/// What a risk is made of: a dense network, training examples, loss and regulariser.
#[derive(Debug, Clone, Copy)]
pub struct EmpiricalRisk<'a> {
    /// The network.
    pub arch: &'a Arch,
    /// Inputs `[N, n_0]`, `f32` (widened exactly) or `f64`, on the CPU.
    pub inputs: &'a Tensor,
    /// Class labels `u32` `[N]`, or values `[N, q]`.
    pub targets: &'a Tensor,
    /// Loss and regulariser.
    pub criterion: Criterion,
}

/// What the outputs of the examples are compared with.
#[derive(Debug)]
pub(crate) enum Targets {
    Classes(Vec<u32>),
    /// `[N, q]`, row-major.
    Values(Vec<f64>),
}

/// The examples of one tile.
#[derive(Debug)]
pub(crate) struct Tile {
    /// Rows of the data.
    pub(crate) rows: Vec<usize>,
    /// Their class, where all have the same.
    pub(crate) label: Option<u32>,
}

/// Checked examples, in tiles.
#[derive(Debug)]
pub(crate) struct Examples {
    inputs: Tensor,
    pub(crate) targets: Targets,
    pub(crate) tiles: Vec<Tile>,
}

/// Examples in a tile at most: few enough for the L2 cache, many enough for the matrix kernels. Fixed, so that
/// results do not depend on the number of threads.
const TILE: usize = 64;

impl Examples {
    /// Checks shapes, labels and numbers.
    pub(crate) fn new(risk: &EmpiricalRisk<'_>) -> Result<Self> {
        let (n, features) = risk.inputs.dims2()?;
        if n == 0 {
            return Err(mismatch("examples", "at least 1", n));
        }
        expect("features of an example", features, risk.arch.inputs())?;
        expect("rows of the targets", risk.targets.dims().first().copied().unwrap_or(0), n)?;
        let inputs = risk.inputs.contiguous()?;
        dispatch!(inputs.dtype(), T => with_slice::<T, _, _>(&inputs, |x| {
            Ok::<_, collado_models::Error>(x.iter().position(|x| !x.is_finite()).map(|i| (i, x[i].wide())))
        }))?
        .map_or(Ok(()), |(place, found)| Err(Error::NotFinite { what: "inputs", found, place }))?;
        let targets = Targets::new(risk, n)?;
        let tiles = tiles(&targets, n, risk.criterion.loss == Loss::CrossEntropy);
        Ok(Self { inputs, targets, tiles })
    }

    /// N.
    pub(crate) fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    /// Whether each tile has examples of one class only.
    pub(crate) fn by_class(&self) -> bool {
        self.tiles.iter().all(|tile| tile.label.is_some())
    }

    /// The inputs of a tile, `[T, n_0]`.
    pub(crate) fn gather(&self, tile: &Tile) -> Result<Vec<f64>> {
        let width = self.inputs.dims()[1];
        let mut out = Vec::with_capacity(tile.rows.len() * width);
        dispatch!(self.inputs.dtype(), T => with_slice::<T, _, _>(&self.inputs, |x| {
            tile.rows.iter().for_each(|i| out.extend(x[i * width..][..width].iter().map(|&x| x.wide())));
            Ok::<_, collado_models::Error>(())
        }))?;
        Ok(out)
    }
}

impl Targets {
    fn new(risk: &EmpiricalRisk<'_>, n: usize) -> Result<Self> {
        let (loss, outputs) = (risk.criterion.loss, risk.arch.outputs());
        if risk.targets.dtype() == DType::U32 {
            let labels = risk.targets.to_vec1::<u32>()?;
            let classes = if outputs == 1 && loss != Loss::CrossEntropy { 2 } else { outputs };
            return match labels.iter().find(|&&label| label as usize >= classes) {
                Some(label) => Err(mismatch("class labels", format!("less than {classes}"), label)),
                None => Ok(Self::Classes(labels)),
            };
        }
        if loss == Loss::CrossEntropy {
            return Err(mismatch("targets for cross-entropy", "class labels", "real values"));
        }
        expect("values of a target", risk.targets.elem_count(), n * outputs)?;
        let values = risk.targets.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        if let Some(place) = values.iter().position(|y| !y.is_finite()) {
            return Err(Error::NotFinite { what: "targets", found: values[place], place });
        }
        match values.iter().find(|y| !(0. ..=1.).contains(*y)) {
            Some(y) if loss == Loss::Logistic => {
                Err(mismatch("targets for the logistic loss", "values in [0, 1]", y))
            }
            _ => Ok(Self::Values(values)),
        }
    }

    /// The value that output `j` of `outputs` should have for example `i`.
    #[inline(always)]
    pub(crate) fn value(&self, i: usize, j: usize, outputs: usize) -> f64 {
        match self {
            Self::Classes(labels) if outputs == 1 => f64::from(labels[i]),
            Self::Classes(labels) => f64::from(u8::from(labels[i] as usize == j)),
            Self::Values(values) => values[i * outputs + j],
        }
    }
}

/// Tiles of at most [`TILE`] examples, of about one size; of one class each where `by_class`.
fn tiles(targets: &Targets, n: usize, by_class: bool) -> Vec<Tile> {
    let groups: Vec<(Option<u32>, Vec<usize>)> = match targets {
        Targets::Classes(labels) if by_class => {
            let classes = labels.iter().max().map_or(0, |m| m + 1);
            let mut groups: Vec<_> = (0..classes).map(|y| (Some(y), Vec::new())).collect();
            labels.iter().enumerate().for_each(|(i, &y)| groups[y as usize].1.push(i));
            groups
        }
        _ => vec![(None, (0..n).collect())],
    };
    let split = |(label, rows): &(Option<u32>, Vec<usize>)| -> Vec<Tile> {
        let parts = rows.len().div_ceil(TILE).max(1);
        let chunks = rows.chunks(rows.len().div_ceil(parts).max(1));
        chunks.map(|rows| Tile { rows: rows.to_vec(), label: *label }).collect()
    };
    groups.iter().flat_map(split).collect()
}

fn expect(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(mismatch(what, expected, found)) }
}

fn mismatch(what: &'static str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Mismatch { what, expected: expected.to_string(), found: found.to_string() }
}
