//! Exact products of curvature matrices of networks of any kind with vectors: the derivatives of this engine's passes
//! along a vector (Pearlmutter 1994: Fast exact multiplication by the Hessian).
//!
//! With $R\{\cdot\}$ the derivative along v, a pass forward gives the R of all values from the values themselves, and a pass
//! in reverse gives the slopes $g=\partial F/\partial y$ of all values with their R. What comes to the parameters is the
//! product. Statistics of batch normalisation are functions of θ under the rules that take them over a batch: R goes
//! through them too. The Gauss–Newton and Fisher matrices need R of the slopes alone, as if g were 0.

mod alone;
mod jacobian;
mod kinds;
mod norm;
mod packed;
mod pass;
mod reverse;
mod tangent;

use candle_core::DType;
use collado_models::with_slice;
use rayon::prelude::*;

pub use self::jacobian::Jacobian;
use self::{
    packed::Packed,
    pass::{Pass, Source, Sums},
};
use super::{
    Graph,
    forward::{Statistics as Moments, Trace},
    lanes::Number,
    plan::{Kind, Step},
};
use crate::{CurvatureForm, EmpiricalRisk, Error, Result, Statistics};

/// Number of parts of the data set whose sums are added in order, where examples do not depend on one another. It is
/// fixed, so that results do not depend on the number of threads.
const PARTS: usize = 16;

const LANES: usize = <f64 as Number>::LANES;

/// Curvature of the risk of a network of any kind, in `f64` on the CPU.
pub(in crate::engine) struct GraphCurvature {
    graph: Graph<f64>,
    rule: Rule,
}

/// Where the statistics of batch normalisation come from.
enum Rule {
    /// A row of buffers, which are constants; empty for networks without batch normalisation.
    Constant(Vec<f64>),
    /// The examples themselves, in batches of so many.
    Batches(usize),
    /// These rows of the reference examples.
    Reference(Vec<u32>),
}

/// A block of vectors at a point.
struct Block<'b> {
    form: CurvatureForm,
    theta: &'b Packed<'b>,
    vectors: &'b [Packed<'b>],
    inputs: &'b [f64],
}

/// Whether the R-operator has a rule for a step.
fn has_rule(step: &Step) -> bool {
    !matches!(step.kind, Kind::Function(_) | Kind::Product | Kind::Spread)
}

impl GraphCurvature {
    /// The curvature of `risk`; `None` where the network has an operation without a rule here.
    pub(in crate::engine) fn new(risk: &EmpiricalRisk) -> Result<Option<Self>> {
        let Some(graph) = Graph::new(risk)?.filter(|graph| graph.plan.steps.iter().all(has_rule)) else {
            return Ok(None);
        };
        let all = graph.examples.len();
        let normalises = graph.network.batch_norms().next().is_some();
        let rule = match risk.statistics() {
            _ if !normalises => Rule::Constant(Vec::new()),
            Statistics::Interpolate => Rule::Constant(constants(risk)?),
            Statistics::Train { batch } => Rule::Batches(if batch == 0 { all } else { batch.min(all) }),
            Statistics::Population if risk.is_its_own_reference() => Rule::Batches(all),
            Statistics::Population => Rule::Reference(risk.reference_rows()),
            rule => {
                let found = format!("the statistics {rule}, which have no gradient");
                return Err(Error::Unsupported { what: "the exact curvature", found });
            }
        };
        let curvature = Self { graph, rule };
        if curvature.together() > LANES {
            check_rows(&curvature.graph, curvature.together())?;
        }
        Ok(Some(curvature))
    }

    /// Number of rows whose values have to be held together.
    fn together(&self) -> usize {
        match &self.rule {
            Rule::Constant(_) => LANES,
            Rule::Batches(batch) => *batch,
            Rule::Reference(rows) => rows.len(),
        }
    }

    /// Writes the products of the matrix at `theta` with the rows of `vectors` `[B, S]` over `out` `[B, S]`, without the
    /// regulariser.
    pub(in crate::engine) fn apply(
        &self,
        form: CurvatureForm,
        theta: &[f64],
        vectors: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        let size = self.graph.network.size();
        let (block, parts) = self.block(vectors.len() / size);
        let theta = Packed::new(&self.graph, theta);
        with_slice::<f64, _, _>(&self.graph.inputs, |inputs| {
            for (vectors, out) in vectors.chunks(block * size).zip(out.chunks_mut(block * size)) {
                let vectors: Vec<_> =
                    vectors.chunks_exact(size).map(|v| Packed::new(&self.graph, v)).collect();
                let block = Block { form, theta: &theta, vectors: &vectors, inputs };
                for (sums, out) in self.sums(&block, parts)?.into_iter().zip(out.chunks_exact_mut(size)) {
                    out.copy_from_slice(&sums.product);
                }
            }
            Ok(())
        })
    }

    /// The number of vectors that are multiplied at a time, and the number of parts of the data whose sums exist at
    /// once.
    fn block(&self, count: usize) -> (usize, usize) {
        let size = self.graph.network.size();
        let (memory, count) = (self.graph.memory / 2 / size_of::<f64>(), count.clamp(1, 32));
        let scratch = LANES * numbers(&self.graph) * rayon::current_num_threads();
        match &self.rule {
            Rule::Reference(_) => (1, PARTS),
            Rule::Batches(_) => ((memory / (3 * size)).clamp(1, count), 1),
            Rule::Constant(_) => {
                let fit = |parts: usize| memory.saturating_sub(scratch) / ((parts + 3) * size);
                let parts = if fit(PARTS) >= count { PARTS } else { rayon::current_num_threads().min(PARTS) };
                (fit(parts).clamp(1, count), parts)
            }
        }
    }

    /// The sums over all examples, for each vector.
    fn sums(&self, block: &Block<'_>, parts: usize) -> Result<Vec<Sums>> {
        let graph = &self.graph;
        match &self.rule {
            Rule::Constant(row) => {
                let statistics = if row.is_empty() { Moments::Batch } else { Moments::Given(row) };
                Ok(self.by_parts(block, statistics, Source::Constant, parts))
            }
            Rule::Batches(batch) => {
                let mut sums = vec![Sums::zero(graph); block.vectors.len()];
                let all: Vec<u32> = (0..graph.examples.len() as u32).collect();
                for rows in all.chunks(*batch) {
                    self.batch(block, rows, Moments::Batch, Source::Batch, &mut sums);
                }
                Ok(sums)
            }
            Rule::Reference(rows) => with_slice::<f64, _, _>(&graph.reference, |reference| {
                let passes = block.vectors.iter();
                Ok(passes.map(|vector| self.referred(block, vector, (reference, rows), parts)).collect())
            }),
        }
    }

    /// The sums for one vector where statistics are taken over reference rows: first forward over these, then the
    /// examples, whose slopes with respect to statistics go back through the reference rows.
    fn referred(
        &self,
        block: &Block<'_>,
        vector: &Packed<'_>,
        reference: (&[f64], &[u32]),
        parts: usize,
    ) -> Sums {
        let graph = &self.graph;
        let trace = graph.forward(block.theta.row, reference, Moments::Batch, true);
        let mut row = vec![0.; graph.network.buffers().len()];
        graph.write(&trace, false, &mut row);
        let pass = self.pass(block, &trace, vector, Source::Batch);
        let tangent = pass.tangent();
        let moments = tangent.moments.clone();
        let one = Block { vectors: std::slice::from_ref(vector), ..*block };
        let source = Source::Reference(&moments);
        let mut sums = self.by_parts(&one, Moments::Given(&row), source, parts).remove(0);
        let injected = std::mem::take(&mut sums.moments);
        sums.moments = Sums::zero(graph).moments;
        pass.reverse(&tangent, None, &injected, &mut sums);
        sums
    }

    /// The sums over all examples where they do not depend on one another: tile by tile, parts of the data in parallel.
    fn by_parts(
        &self,
        block: &Block<'_>,
        statistics: Moments<'_>,
        source: Source<'_>,
        at_once: usize,
    ) -> Vec<Sums> {
        let all: Vec<u32> = (0..self.graph.examples.len() as u32).collect();
        let tiles: Vec<&[u32]> = all.chunks(LANES).collect();
        let parts: Vec<&[&[u32]]> = tiles.chunks(tiles.len().div_ceil(PARTS)).collect();
        let zero = || vec![Sums::zero(&self.graph); block.vectors.len()];
        let part = |tiles: &&[&[u32]]| {
            let mut sums = zero();
            tiles.iter().for_each(|rows| self.batch(block, rows, statistics, source, &mut sums));
            sums
        };
        let mut sums = zero();
        for some in parts.chunks(at_once) {
            for part in some.par_iter().map(part).collect::<Vec<_>>() {
                sums.iter_mut().zip(&part).for_each(|(sum, part)| sum.add(part));
            }
        }
        sums
    }

    /// Adds the products of a batch with all vectors.
    fn batch(
        &self,
        block: &Block<'_>,
        rows: &[u32],
        statistics: Moments<'_>,
        source: Source<'_>,
        sums: &mut [Sums],
    ) {
        let trace = self.graph.forward(block.theta.row, (block.inputs, rows), statistics, true);
        let scale = (self.graph.examples.len() as f64).recip();
        for (vector, sums) in block.vectors.iter().zip(sums) {
            self.pass(block, &trace, vector, source).run(rows, scale, sums);
        }
    }

    fn pass<'s, 'g>(
        &'g self,
        block: &'s Block<'_>,
        trace: &'s Trace<'g, f64>,
        vector: &'s Packed<'s>,
        source: Source<'s>,
    ) -> Pass<'s, 'g> {
        Pass { graph: &self.graph, trace, form: block.form, theta: block.theta, vector, source }
    }
}

/// Refuses networks whose statistics are over more rows than memory holds.
fn check_rows(graph: &Graph<f64>, rows: usize) -> Result<()> {
    let row = size_of::<f64>() * numbers(graph);
    let (needed, found) = (rows.next_multiple_of(LANES) * row, graph.memory);
    if needed <= found {
        return Ok(());
    }
    let fit = found / row / LANES * LANES;
    Err(Error::Memory { rows, needed: needed.div_ceil(1 << 20), found: found >> 20, fit })
}

/// Number of numbers that a pass along a vector holds for each example: all values and what is normalised, twice, and
/// the slopes that are known at a time, twice.
fn numbers(graph: &Graph<f64>) -> usize {
    let units = |&x: &usize| graph.plan.values[x].units();
    let mut kept = units(&0);
    for step in &graph.plan.steps {
        kept += units(&step.output) * if step.keeps_raw() || step.keeps_raw_along() { 2 } else { 1 };
    }
    let mut known = vec![graph.plan.output()];
    let mut most = 0;
    for step in graph.plan.steps.iter().rev() {
        known.extend(step.inputs.iter().chain(&step.add).filter(|&&x| x != 0));
        known.sort_unstable();
        known.dedup();
        most = most.max(known.iter().map(units).sum());
        known.retain(|&x| x != step.output);
    }
    2 * (kept + most)
}

/// The running statistics that are constants of the risk.
fn constants(risk: &EmpiricalRisk) -> Result<Vec<f64>> {
    match risk.buffers() {
        Some(row) => Ok(row.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?),
        None => {
            let what = "running statistics of the point, for the rule 'interpolate'";
            Err(Error::mismatch(what, "a row", "none"))
        }
    }
}
