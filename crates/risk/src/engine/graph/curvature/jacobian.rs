//! The Jacobian of the outputs with respect to the parameters, row by row.

use std::fmt;

use collado_models::with_slice;
use rayon::prelude::*;

use super::{
    super::{
        Graph,
        forward::{Statistics as Moments, Trace},
        lanes::Number,
        plan::Kind,
    },
    check_rows, constants, has_rule,
    norm::MomentSlopes,
    packed::Packed,
    pass::{Pass, Slope, Source, Sums},
};
use crate::{CurvatureForm, EmpiricalRisk, Error, Result, Statistics};

/// The derivatives $J_{(i,o)}=\nabla_\theta\Phi_o(x_i;\theta)$ of the outputs at single examples, for a network of any
/// kind, in `f64` on the CPU.
///
/// Where batch normalisation takes its statistics over reference rows ([`Statistics::Population`]), outputs depend on θ
/// through them, too: with the statistics s, $J=\partial_\theta\Phi+\partial_s\Phi\,\mathrm ds/\mathrm d\theta$. The
/// derivatives of all statistics take a reverse pass over the reference rows each, once.
pub struct Jacobian {
    graph: Graph<f64>,
    theta: Vec<f64>,
    zero: Vec<f64>,
    /// The statistics of batch normalisation, as a row of buffers; none where nothing is normalised by a batch.
    row: Option<Vec<f64>>,
    /// The derivatives `[S]` of means and variances, for each step and channel; none where they are constants.
    statistics: Vec<Vec<[Vec<f64>; 2]>>,
    outputs: Vec<f64>,
    features: Vec<f64>,
}

impl Jacobian {
    /// The Jacobian of the outputs on the examples of `risk` at `theta` `[S]`.
    ///
    /// # Errors
    /// When the size does not fit, an operation of the network has no derivatives here, the last one is no dense layer,
    /// the rule for statistics is another than population or interpolate, or memory does not hold the derivatives of
    /// the statistics.
    pub fn new(risk: &EmpiricalRisk, theta: Vec<f64>) -> Result<Self> {
        let unsupported = |found: String| Error::Unsupported { what: "the Jacobian of the outputs", found };
        if theta.len() != risk.network().size() {
            return Err(Error::mismatch("parameters", risk.network().size(), theta.len()));
        }
        let graph = Graph::new(risk)?
            .filter(|graph| graph.plan.steps.iter().all(has_rule))
            .ok_or_else(|| unsupported(format!("all operations of {}", risk.arch())))?;
        let last = graph.plan.steps.last().expect("a network has an operation");
        if !matches!(&last.kind, Kind::Map(map) if map.convolution.is_dense(&graph.plan.values[last.inputs[0]]))
        {
            return Err(unsupported(format!("{}, whose last operation is no dense layer", risk.arch())));
        }
        let mut new = Self {
            zero: vec![0.; theta.len()],
            graph,
            theta,
            row: None,
            statistics: Vec::new(),
            outputs: Vec::new(),
            features: Vec::new(),
        };
        if risk.network().batch_norms().next().is_some() {
            match risk.statistics() {
                Statistics::Interpolate => new.row = Some(constants(risk)?),
                Statistics::Population => new.refer(&risk.reference_rows())?,
                rule => return Err(unsupported(format!("the statistics {rule}"))),
            }
        }
        new.evaluate()?;
        Ok(new)
    }

    /// Number of parameters S.
    pub fn size(&self) -> usize {
        self.theta.len()
    }

    /// Number of examples N.
    pub fn examples(&self) -> usize {
        self.graph.examples.len()
    }

    /// The outputs `[N, q]`, row by row.
    pub fn outputs(&self) -> &[f64] {
        &self.outputs
    }

    /// What the last dense layer reads, `[N, n]`, row by row.
    pub fn features(&self) -> &[f64] {
        &self.features
    }

    /// Writes the q rows of example `i` over `out` `[q, S]`.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    pub fn rows(&self, i: usize, out: &mut [f64]) -> Result<()> {
        let (q, size) = (self.graph.outputs(), self.size());
        if i >= self.examples() || out.len() != q * size {
            return Err(Error::mismatch("rows of a Jacobian", format!("{q} x {size}"), out.len()));
        }
        let rows = [i as u32];
        with_slice::<f64, _, _>(&self.graph.inputs, |inputs| {
            let trace = self.graph.forward(&self.theta, (inputs, &rows), self.moments(), true);
            let theta = Packed::new(&self.graph, &self.theta);
            let zero = Packed::plain(&self.graph, &self.zero);
            let pass = self.pass(&trace, (&theta, &zero), self.source());
            for (o, out) in out.chunks_exact_mut(size).enumerate() {
                let mut sums = Sums::zero(&self.graph);
                let top = pass.top(|_, output| f64::from(u8::from(output == o)));
                pass.reverse(&pass.still(), Some(top), &[], &mut sums);
                self.close(&sums, out);
            }
            Ok(())
        })
    }

    /// The product $J^\top u=\sum_{i,o}u_{io}J_{(i,o)}$ with `u` `[n, q]` for the first n examples.
    ///
    /// # Errors
    /// When there are not so many examples.
    pub fn transposed(&self, u: &[f64]) -> Result<Vec<f64>> {
        let (q, lanes) = (self.graph.outputs(), f64::LANES);
        let count = u.len() / q;
        if !u.len().is_multiple_of(q) || count > self.examples() {
            return Err(Error::mismatch("vector", format!("at most {} x {q}", self.examples()), u.len()));
        }
        let all: Vec<u32> = (0..count as u32).collect();
        let theta = Packed::new(&self.graph, &self.theta);
        let zero = Packed::plain(&self.graph, &self.zero);
        with_slice::<f64, _, _>(&self.graph.inputs, |inputs| {
            let part = |(tile, rows): (usize, &[u32])| {
                let trace = self.graph.forward(&self.theta, (inputs, rows), self.moments(), true);
                let pass = self.pass(&trace, (&theta, &zero), self.source());
                let mut sums = Sums::zero(&self.graph);
                let top = pass.top(|row, output| u[(tile * lanes + row) * q + output]);
                pass.reverse(&pass.still(), Some(top), &[], &mut sums);
                sums
            };
            let mut sum = Sums::zero(&self.graph);
            // So many at a time, that their sums take little memory.
            for (some, tiles) in all.chunks(lanes * AT_ONCE).enumerate() {
                let tiles: Vec<_> =
                    tiles.chunks(lanes).enumerate().map(|(i, rows)| (some * AT_ONCE + i, rows)).collect();
                tiles.into_par_iter().map(part).collect::<Vec<_>>().iter().for_each(|part| sum.add(part));
            }
            let mut out = vec![0.; self.size()];
            self.close(&sum, &mut out);
            Ok(out)
        })
    }

    /// Writes what came to the parameters directly and through the statistics over `out` `[S]`.
    fn close(&self, sums: &Sums, out: &mut [f64]) {
        out.copy_from_slice(&sums.product);
        let slopes = sums.moments.iter().zip(&self.statistics).flat_map(|(s, rows)| s.iter().zip(rows));
        for ([_, _, mean, variance], rows) in slopes {
            for (slope, row) in [mean, variance].into_iter().zip(rows) {
                out.iter_mut().zip(row).for_each(|(out, x)| *out += slope * x);
            }
        }
    }

    fn moments(&self) -> Moments<'_> {
        self.row.as_deref().map_or(Moments::Batch, Moments::Given)
    }

    /// Slopes with respect to statistics are wanted where these depend on θ; their derivatives along the vector 0 are 0.
    fn source(&self) -> Source<'_> {
        if self.statistics.is_empty() { Source::Constant } else { Source::Reference(&[]) }
    }

    fn pass<'s, 'g>(
        &'g self,
        trace: &'s Trace<'g, f64>,
        (theta, vector): (&'s Packed<'s>, &'s Packed<'s>),
        source: Source<'s>,
    ) -> Pass<'s, 'g> {
        Pass { graph: &self.graph, trace, form: CurvatureForm::GaussNewton, theta, vector, source }
    }

    /// Computes the statistics of the reference rows and their derivatives.
    fn refer(&mut self, rows: &[u32]) -> Result<()> {
        check_rows(&self.graph, rows.len())?;
        let graph = &self.graph;
        let norms = graph.plan.steps.iter().flat_map(|step| &step.norm);
        let bytes =
            2 * size_of::<f64>() * graph.network.size() * norms.map(|norm| norm.channels).sum::<usize>();
        if bytes > graph.memory / 2 {
            let expected = format!("at least {} MiB", bytes.div_ceil(1 << 19));
            let what = "`memory` for the derivatives of all statistics of batch normalisation";
            return Err(Error::mismatch(what, expected, format!("{} MiB", graph.memory >> 20)));
        }
        let (row, statistics) = with_slice::<f64, _, Error>(&graph.reference, |reference| {
            let trace = graph.forward(&self.theta, (reference, rows), Moments::Batch, true);
            let mut row = vec![0.; graph.network.buffers().len()];
            graph.write(&trace, false, &mut row);
            let theta = Packed::new(graph, &self.theta);
            let zero = Packed::plain(graph, &self.zero);
            let pass = self.pass(&trace, (&theta, &zero), Source::Batch);
            let still = pass.still();
            let nothing = Sums::zero(graph).moments;
            // One statistic is the sum of itself: its slope is 1, and that of all others 0.
            let of = |step: usize, c: usize, slope: MomentSlopes| {
                let mut injected = nothing.clone();
                injected[step][c] = slope;
                let mut sums = Sums::zero(graph);
                pass.reverse(&still, None, &injected, &mut sums);
                sums.product
            };
            let both = |step: usize, c: usize| [of(step, c, [0., 0., 1., 0.]), of(step, c, [0., 0., 0., 1.])];
            let channels = |step: usize| (0..nothing[step].len()).map(move |c| (step, c));
            let all = (0..nothing.len()).map(|step| channels(step).map(|(s, c)| both(s, c)).collect());
            Ok((row, all.collect()))
        })?;
        (self.row, self.statistics) = (Some(row), statistics);
        Ok(())
    }

    /// Computes outputs and features of all examples.
    fn evaluate(&mut self) -> Result<()> {
        let graph = &self.graph;
        let last = graph.plan.steps.last().expect("a network has an operation");
        let all: Vec<u32> = (0..graph.examples.len() as u32).collect();
        let of_tile = |rows: &[u32], inputs: &[f64]| {
            let trace = graph.forward(&self.theta, (inputs, rows), self.moments(), true);
            [last.output, last.inputs[0]].map(|x| {
                let values = graph.view(&trace, x, 0).0;
                let column = |lane: usize| values.iter().skip(lane).step_by(f64::LANES).copied();
                (0..rows.len()).flat_map(column).collect::<Vec<f64>>()
            })
        };
        let found = with_slice::<f64, _, Error>(&graph.inputs, |inputs| {
            Ok(all.par_chunks(f64::LANES).map(|rows| of_tile(rows, inputs)).collect::<Vec<_>>())
        })?;
        for [outputs, features] in found {
            self.outputs.extend(outputs);
            self.features.extend(features);
        }
        Ok(())
    }
}

impl fmt::Debug for Jacobian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jacobian({} examples, {} parameters)", self.examples(), self.size())
    }
}

/// Number of tiles whose sums exist at once. It is fixed, so that results do not depend on the number of threads.
const AT_ONCE: usize = 16;

impl<'g> Pass<'_, 'g> {
    /// The slopes of the outputs of each example of the batch.
    fn top(&self, slope: impl Fn(usize, usize) -> f64) -> Slope<'g> {
        let along = self.zeros(self.graph.plan.output());
        for row in 0..self.trace.count {
            // SAFETY: nothing else has the store yet.
            let tile = unsafe { along.tile_mut(row / f64::LANES) };
            let lane = tile.iter_mut().skip(row % f64::LANES).step_by(f64::LANES);
            lane.enumerate().for_each(|(output, x)| *x = slope(row, output));
        }
        Slope { plain: None, along }
    }
}
