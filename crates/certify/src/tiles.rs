//! The examples of a risk, checked and divided into tiles.

use std::sync::Arc;

use collado_models::{Network, Real, dispatch, with_slice};
use collado_risk::{EmpiricalRisk, Loss, Targets};

use crate::{Error, Result};

/// The examples of one tile.
#[derive(Debug)]
pub(crate) struct Tile {
    /// The rows of the data.
    pub(crate) rows: Vec<usize>,
    /// The class of the examples, if all have the same.
    pub(crate) label: Option<u32>,
}

/// The examples of a risk, all finite, divided into tiles.
#[derive(Debug)]
pub(crate) struct Tiles {
    examples: Arc<collado_risk::Examples>,
    pub(crate) tiles: Vec<Tile>,
}

/// The largest number of examples in a tile: few enough for the L2 cache, many enough for the matrix kernels. It is
/// fixed, so that results do not depend on the number of threads.
pub(crate) const TILE: usize = 64;
/// The largest number of numbers that a layer of a tile may have in networks that are no chains of dense layers, as
/// long as a tile has [`FEWEST`] examples.
const LAYER: usize = 1 << 17;
/// The number of examples that a tile always may have.
const FEWEST: usize = 8;

impl Tiles {
    /// Takes the examples of `risk` as they were given; widening to `f64` is exact.
    pub(crate) fn new(risk: &EmpiricalRisk) -> Result<Self> {
        let examples = Arc::clone(risk.data());
        let inputs = examples.given();
        dispatch!(inputs.dtype(), T => with_slice::<T, _, collado_models::Error>(inputs, |x| {
            Ok(x.iter().position(|x| !x.is_finite()).map(|i| (i, x[i].wide())))
        }))?
        .map_or(Ok(()), |(place, found)| Err(Error::NotFinite { what: "inputs", found, place }))?;
        if let Targets::Values { values, .. } = examples.targets()
            && let Some(place) = values.iter().position(|y| !y.is_finite())
        {
            return Err(Error::NotFinite { what: "targets", found: values[place], place });
        }
        let most = match risk.network().chain() {
            Some(_) => TILE,
            None => (LAYER / largest(risk.network())).clamp(FEWEST, TILE),
        };
        let tiles = tiles(examples.targets(), risk.criterion().loss == Loss::CrossEntropy, most);
        Ok(Self { examples, tiles })
    }

    /// The number of examples N.
    pub(crate) fn len(&self) -> usize {
        self.examples.len()
    }

    /// The targets of the examples.
    pub(crate) fn targets(&self) -> &Targets {
        self.examples.targets()
    }

    /// Sorts the examples, those of one class among themselves, by `scores` of each example of each tile, highest first.
    /// Returns the tile and the place there at which each example of each tile was before.
    pub(crate) fn sort(&mut self, scores: &[Vec<f64>]) -> Vec<Vec<(usize, usize)>> {
        let mut out = Vec::with_capacity(self.tiles.len());
        let mut first = 0;
        for alike in self.tiles.chunk_by_mut(|a, b| a.label == b.label) {
            let place = |i: usize| (0..alike[i].rows.len()).map(move |e| (first + i, e));
            let mut order: Vec<(usize, usize)> = (0..alike.len()).flat_map(place).collect();
            // Stable: those with equal scores keep their order.
            order.sort_by(|x, y| scores[y.0][y.1].total_cmp(&scores[x.0][x.1]));
            let row = |(i, e): (usize, usize)| alike[i - first].rows[e];
            let mut rows = order.iter().map(|&at| row(at)).collect::<Vec<_>>().into_iter();
            let mut places = order.into_iter();
            for tile in alike.iter_mut() {
                let count = tile.rows.len();
                tile.rows = rows.by_ref().take(count).collect();
                out.push(places.by_ref().take(count).collect());
            }
            first += alike.len();
        }
        out
    }

    /// The inputs of a tile, `[T, ..]`.
    pub(crate) fn gather(&self, tile: &Tile) -> Result<Vec<f64>> {
        let inputs = self.examples.given();
        let width = inputs.dims()[1..].iter().product();
        let mut out = Vec::with_capacity(tile.rows.len() * width);
        dispatch!(inputs.dtype(), T => with_slice::<T, _, collado_models::Error>(inputs, |x| {
            tile.rows.iter().for_each(|i| out.extend(x[i * width..][..width].iter().map(|&x| x.wide())));
            Ok(())
        }))?;
        Ok(out)
    }
}

/// The number of neurons of the largest layer.
fn largest(network: &Network) -> usize {
    network.nodes().iter().map(|node| node.shape.iter().product()).max().expect("a network has an input")
}

/// Divides the examples into tiles of about equal size, with at most `most` each, and each of one class if `by_class`.
fn tiles(targets: &Targets, by_class: bool, most: usize) -> Vec<Tile> {
    let groups: Vec<(Option<u32>, Vec<usize>)> = match targets {
        Targets::Classes(labels) if by_class => {
            let classes = labels.iter().max().expect("there is an example") + 1;
            let mut groups: Vec<_> = (0..classes).map(|y| (Some(y), Vec::new())).collect();
            labels.iter().enumerate().for_each(|(i, &y)| groups[y as usize].1.push(i));
            groups
        }
        _ => vec![(None, (0..targets.len()).collect())],
    };
    let split = |(label, rows): &(Option<u32>, Vec<usize>)| -> Vec<Tile> {
        let parts = rows.len().div_ceil(most).max(1);
        let chunks = rows.chunks(rows.len().div_ceil(parts).max(1));
        chunks.map(|rows| Tile { rows: rows.to_vec(), label: *label }).collect()
    };
    groups.iter().flat_map(split).collect()
}
