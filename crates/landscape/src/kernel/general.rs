//! The empirical neural tangent kernel of a network of any kind, from the rows of its Jacobian.

use std::{fmt, ops::Range, sync::Arc};

use collado_models::Layout;
use collado_risk::Jacobian;
use rayon::prelude::*;
use tracing::debug_span;

use super::{Kernel, Outputs, gram::Part, tangent::Columns};

/// A network near one point.
#[derive(Clone)]
pub(super) struct GeneralTangent {
    pub(super) jacobian: Arc<Jacobian>,
    /// The layers with the columns of their parameters.
    pub(super) layers: Vec<(String, Columns)>,
    pub(super) memory: usize,
    outputs: usize,
}

impl GeneralTangent {
    pub(super) fn new(jacobian: Arc<Jacobian>, layout: &Layout, outputs: usize) -> Self {
        let mut layers: Vec<(String, Columns)> = Vec::new();
        for entry in layout.entries() {
            let name = entry.name.rsplit_once('.').map_or(&*entry.name, |(layer, _)| layer);
            let columns = entry.offset..entry.offset + entry.len();
            match layers.iter_mut().find(|(layer, _)| layer == name) {
                Some((_, all)) => all.push(columns),
                None => layers.push((name.to_owned(), vec![columns])),
            }
        }
        Self { jacobian, layers, memory: 1 << 30, outputs }
    }

    pub(super) fn last_layer(&self) -> Kernel {
        let examples = self.jacobian.examples();
        let (mut kernel, ones) = (Kernel::zeros(examples), vec![1.; examples]);
        let inputs = self.jacobian.features();
        Part { slopes: &ones, inputs, examples, outputs: 1, bias: false, scale: 1. }.add_to(&mut kernel);
        kernel.mirror();
        kernel
    }

    /// The part of some columns of J.
    pub(super) fn sum(&self, outputs: Outputs, columns: &[Range<usize>]) -> Kernel {
        let (examples, q) = (self.jacobian.examples(), self.outputs);
        let _span = debug_span!("kernel", examples, parameters = self.jacobian.size()).entered();
        let mut kernel = Kernel::zeros(examples * if outputs == Outputs::Each { q } else { 1 });
        let width = (self.memory / (2 * size_of::<f64>() * examples * q)).max(1);
        for range in columns {
            for from in range.clone().step_by(width) {
                let rows = self.columns(from..(from + width).min(range.end));
                self.add(outputs, &rows, &mut kernel);
            }
        }
        kernel.mirror();
        kernel
    }

    /// Some columns of J, `[m, q, columns]`.
    fn columns(&self, columns: Range<usize>) -> Vec<f64> {
        let (q, size) = (self.outputs, self.jacobian.size());
        let mut all = vec![0.; self.jacobian.examples() * q * columns.len()];
        all.par_chunks_mut(q * columns.len()).enumerate().for_each(|(i, out)| {
            let mut rows = vec![0.; q * size];
            self.jacobian.rows(i, &mut rows).expect("an example has a row for each output");
            for (out, row) in out.chunks_exact_mut(columns.len()).zip(rows.chunks_exact(size)) {
                out.copy_from_slice(&row[columns.clone()]);
            }
        });
        all
    }

    /// Adds the products of the rows `[m, q, w]` to the lower triangle of a kernel.
    fn add(&self, outputs: Outputs, rows: &[f64], kernel: &mut Kernel) {
        let (examples, q) = (self.jacobian.examples(), self.outputs);
        // The second factor of a part is 1 everywhere.
        let inputs = &*vec![0.; examples];
        let mut add = |slopes: &[f64], outputs, scale| {
            Part { slopes, inputs, examples, outputs, bias: true, scale }.add_to(kernel);
        };
        if outputs == Outputs::Each {
            return add(rows, q, 1.);
        }
        let width = rows.len() / (examples * q);
        for o in 0..q {
            let one: Vec<f64> =
                rows.chunks_exact(width).skip(o).step_by(q).flat_map(|row| row.iter().copied()).collect();
            add(&one, 1, (q as f64).recip());
        }
    }
}

impl fmt::Debug for GeneralTangent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeneralTangent({} examples, {} layers)", self.jacobian.examples(), self.layers.len())
    }
}
