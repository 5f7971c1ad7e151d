//! Orders in which neurons are dropped from a two-layer network.

use collado_linalg::Cholesky;
use faer::{Mat, MatRef};

use super::readout::{Output, Readout};
use crate::Result;

/// Orders in which an end's neurons may be dropped. The first l neurons of one of these orders are dropped.
pub(super) struct Order {
    orders: [Vec<usize>; 2],
}

impl Order {
    /// Computes two orders: by backward elimination, and by the size of each neuron's contribution to the output at the
    /// optimum `full`.
    pub(super) fn new(readout: &Readout, full: &Output, kappa: f64) -> Self {
        Self {
            orders: [eliminate(readout.gram(), &full.weight, kappa), by_size(readout.gram(), &full.weight)],
        }
    }

    /// The better of the two ways to keep `kept` neurons: the dropped neurons, the refit of the others, and its risk.
    pub(super) fn keep(&self, readout: &Readout, kept: usize) -> Result<(Vec<usize>, Output, f64)> {
        let choice = |order: &Vec<usize>| {
            let (dropped, others) = order.split_at(order.len() - kept);
            let (output, value) = readout.solve(others)?;
            Ok::<_, crate::Error>((dropped.to_vec(), output, value))
        };
        let [first, second] = [choice(&self.orders[0])?, choice(&self.orders[1])?];
        Ok(if second.2 < first.2 { second } else { first })
    }

    /// The last `count` neurons of the elimination.
    pub(super) fn survivors(&self, count: usize) -> &[usize] {
        let order = &self.orders[0];
        &order[order.len() - count..]
    }
}

/// Drops, one at a time, the neuron without which the others, refitted, come closest to the same output: dropping j
/// costs $\|w_j\|^2/(A^{-1})_{jj}$ with A = G + κI, after which $A^{-1}$ and w follow by a rank-one update.
fn eliminate(gram: MatRef<'_, f64>, weight: &Mat<f64>, kappa: f64) -> Vec<usize> {
    let m = gram.nrows();
    let trace: f64 = (0..m).map(|j| gram[(j, j)]).sum();
    let shift = kappa.max(1e-10 * trace / m as f64).max(f64::MIN_POSITIVE);
    let shifted = Mat::from_fn(m, m, |i, j| gram[(i, j)] + if i == j { shift } else { 0. });
    let Ok(factor) = Cholesky::new(shifted.as_ref()) else { return (0..m).collect() };
    let (mut inverse, mut w) = (factor.inverse(), weight.clone());
    let mut left: Vec<usize> = (0..m).collect();
    let mut order = Vec::with_capacity(m);
    while !left.is_empty() {
        let cost = |j: usize| w.col(j).squared_norm_l2() / inverse[(j, j)];
        let at = (1..left.len()).fold(0, |best, i| if cost(left[i]) < cost(left[best]) { i } else { best });
        let j = left.swap_remove(at);
        order.push(j);
        let column: Vec<f64> = inverse.col(j).iter().map(|x| x / inverse[(j, j)]).collect();
        let row: Vec<f64> = inverse.col(j).iter().copied().collect();
        let last: Vec<f64> = w.col(j).iter().copied().collect();
        for &i in &left {
            let (scale, target) = (column[i], row[i]);
            w.col_mut(i).iter_mut().zip(&last).for_each(|(w, l)| *w -= scale * l);
            inverse.col_mut(i).iter_mut().zip(&column).for_each(|(x, c)| *x -= target * c);
        }
    }
    order
}

fn by_size(gram: MatRef<'_, f64>, weight: &Mat<f64>) -> Vec<usize> {
    let size = |j: usize| weight.col(j).squared_norm_l2() * gram[(j, j)];
    let mut order: Vec<usize> = (0..gram.nrows()).collect();
    order.sort_by(|&i, &j| size(i).total_cmp(&size(j)));
    order
}
