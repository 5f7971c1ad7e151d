//! Tiled, parallel sums of Hadamard products of Gram matrices.

use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};
use rayon::prelude::*;

use super::Kernel;

/// Number of rows of a tile. Two of its Gram blocks fit into the L2 cache.
const TILE: usize = 192;

/// One layer's part of a tangent kernel, $s\,(DD^\top)\circ(AA^\top+b)$.
pub(super) struct Part<'a> {
    /// D `[m, c, w]`: the derivatives of the c separate outputs with respect to the layer's units.
    pub(super) slopes: &'a [f64],
    /// A `[m, n]`: the inputs of the layer, which are the same for every output of an example.
    pub(super) inputs: &'a [f64],
    /// Number of examples m.
    pub(super) examples: usize,
    /// The number c of rows of the kernel for each example.
    pub(super) outputs: usize,
    /// Whether b is 1, for a bias, or 0.
    pub(super) bias: bool,
    /// The factor s.
    pub(super) scale: f64,
}

impl Part<'_> {
    /// Adds this part to the lower triangle of `kernel` `[mc, mc]`, with one thread for each band of rows.
    pub(super) fn add_to(&self, kernel: &mut Kernel) {
        let (size, step) = (kernel.size(), (TILE / self.outputs).max(1));
        let bands = kernel.as_mut_slice().par_chunks_mut(step * self.outputs * size);
        // The last bands are the longest: rayon takes them first.
        bands.enumerate().rev().with_max_len(1).for_each(|(band, out)| {
            let rows = band * step..((band + 1) * step).min(self.examples);
            let mut scratch = Scratch::default();
            for from in (0..rows.end).step_by(step) {
                let columns = from..(from + step).min(self.examples);
                self.add_tile(&rows, &columns, out, size, &mut scratch);
            }
        });
    }

    fn add_tile(&self, rows: &Range, columns: &Range, out: &mut [f64], size: usize, scratch: &mut Scratch) {
        let (c, bias) = (self.outputs, f64::from(u8::from(self.bias)));
        gram(self.slopes, self.examples, rows, columns, c, self.scale, &mut scratch.slopes);
        gram(self.inputs, self.examples, rows, columns, 1, 1., &mut scratch.inputs);
        let width = columns.len() * c;
        for (r, slopes) in scratch.slopes.chunks_exact(width).enumerate() {
            let inputs = &scratch.inputs[r / c * columns.len()..][..columns.len()];
            let out = &mut out[r * size + columns.start * c..][..width];
            for ((out, slopes), input) in out.chunks_exact_mut(c).zip(slopes.chunks_exact(c)).zip(inputs) {
                let factor = input + bias;
                out.iter_mut().zip(slopes).for_each(|(out, slope)| *out += slope * factor);
            }
        }
    }
}

type Range = std::ops::Range<usize>;

/// The two Gram blocks of a tile.
#[derive(Default)]
struct Scratch {
    slopes: Vec<f64>,
    inputs: Vec<f64>,
}

/// Writes $sXY^\top$ over `out`, row-major, where X and Y are the rows of `data` that belong to the examples `rows` and
/// `columns`, with `each` rows per example.
fn gram(
    data: &[f64],
    examples: usize,
    rows: &Range,
    columns: &Range,
    each: usize,
    scale: f64,
    out: &mut Vec<f64>,
) {
    let width = data.len() / (examples * each);
    let of = |range: &Range| {
        let part = &data[range.start * each * width..range.end * each * width];
        MatRef::from_row_major_slice(part, range.len() * each, width)
    };
    let (x, y) = (of(rows), of(columns));
    out.resize(x.nrows() * y.nrows(), 0.);
    let product = MatMut::from_row_major_slice_mut(out, x.nrows(), y.nrows());
    matmul(product, Accum::Replace, x, y.transpose(), scale, Par::Seq);
}

/// The product $XW$ of `x` `[rows, inputs]` and `w` `[inputs, outputs]`, with one thread for each chunk of rows;
/// `finish` is given each row of the result with its number.
pub(super) fn rows_times(
    x: &[f64],
    w: MatRef<'_, f64>,
    finish: impl Fn(usize, &mut [f64]) + Sync,
) -> Vec<f64> {
    let (inputs, outputs) = (w.nrows(), w.ncols());
    let mut out = vec![0.; x.len() / inputs * outputs];
    let chunks = out.par_chunks_mut(TILE * outputs).zip(x.par_chunks(TILE * inputs)).enumerate();
    chunks.for_each(|(chunk, (out, x))| {
        let x = MatRef::from_row_major_slice(x, x.len() / inputs, inputs);
        matmul(MatMut::from_row_major_slice_mut(out, x.nrows(), outputs), Accum::Replace, x, w, 1., Par::Seq);
        out.chunks_exact_mut(outputs).enumerate().for_each(|(r, row)| finish(chunk * TILE + r, row));
    });
    out
}
