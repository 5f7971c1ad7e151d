//! Gradients at the points of a span, and the launch that makes them.

use std::ops::Range;

use candle_core::Tensor;
use collado_cuda::{Buffer, Info, Launch, args};

use super::{
    Kernels, Precision,
    layers::{Batch, Points, Product, Work},
    layout::four,
    tensor::{Change, Read, overwrite},
    values::Totals,
};
use crate::{Error, Evaluation, Regularizer, Result, Rows, Span};

/// What becomes of a gradient: see `rules.h`.
#[derive(Clone, Copy, Default)]
pub(super) struct Updating {
    pub(super) descent: args::Descent,
    pub(super) bend: args::Bend,
    /// 0: it is written; 1: SGD; 2: Adam.
    pub(super) rule: i32,
}

/// Rows of a minibatch whose numbers `update` keeps in shared memory.
const SHARED_ROWS: usize = 2048;

impl Kernels {
    /// Gradients of all layers, and what becomes of them. With a bend, the batches of all points are one.
    ///
    /// # Safety
    /// `work` holds activations and errors of such a batch, and the addresses are right.
    pub(super) unsafe fn update(
        &self,
        work: &Work,
        batch: &Batch,
        how: &Updating,
        early: bool,
    ) -> Result<()> {
        let bent = how.bend.count > 0;
        let (points, count) =
            if bent { (1, batch.points * batch.batch) } else { (batch.points, batch.batch) };
        let tiles = |layers: Range<usize>, m: usize, n: usize| {
            self.layout.layers[layers].iter().map(|l| l.outputs.div_ceil(m) * l.ld.div_ceil(n)).sum::<usize>()
        };
        let depth = self.layout.depth();
        let (kernel, info) = self.update_kernel(count, |m, n| points * tiles(0..depth, m, n))?;
        for first in (0..depth).step_by(args::LAYERS) {
            let range = first..(first + args::LAYERS).min(depth);
            let mut layer = [args::Gradient::default(); args::LAYERS];
            let mut tile = 0;
            // The largest layers need not come first: their tiles take as long as those of the others.
            for (k, out) in range.clone().zip(&mut layer) {
                *out = self.gradient_of(work, batch, k);
                out.tile = tile as i32;
                tile += tiles(k..k + 1, info.rows, info.columns);
            }
            let shared = batch.rows != 0 && count <= SHARED_ROWS;
            let argument = args::Update {
                descent: how.descent,
                bend: how.bend,
                rows: batch.rows,
                rows_point: if bent { 0 } else { batch.rows_point as i64 },
                size: self.layout.size as i64,
                rule: how.rule,
                layers: range.len() as i32,
                tiles: tile as i32,
                batch: count as i32,
                shared_rows: i32::from(shared),
                kappa: self.criterion.kappa as f32,
                layer,
            };
            let how = Launch {
                more_shared: if shared { 4 * count } else { 0 },
                early,
                ..Launch::new(kernel, points * tile)
            };
            // SAFETY: the caller's promise; sizes are those of the layout.
            unsafe { self.start(&how, &argument) }?;
        }
        Ok(())
    }

    /// The kernel for sums over `batch` examples, `tiles` of so many rows and columns.
    fn update_kernel(
        &self,
        batch: usize,
        tiles: impl Fn(usize, usize) -> usize,
    ) -> Result<(&'static str, Info)> {
        const SHORT: &str = "update_tf3_short";
        let short = self.machine.info(SHORT)?.filter(|info| {
            let many = tiles(info.rows, info.columns) >= 4 * self.machine.processors();
            self.precision == Precision::Tf32x3 && batch <= 256 && many
        });
        short.map_or_else(|| self.choose(Product::Update, tiles), |info| Ok((SHORT, info)))
    }

    fn gradient_of(&self, work: &Work, batch: &Batch, k: usize) -> args::Gradient {
        let layer = &self.layout.layers[k];
        let ldz = four(layer.outputs);
        let last = k + 1 == self.layout.depth();
        let (x, ldx, x_point) = match k {
            0 if batch.rows != 0 => (self.data.input(0), self.data.ld, 0),
            0 => (self.data.input(batch.first), self.data.ld, 0),
            _ => (work.h[k - 1], layer.ld, batch.batch * layer.ld),
        };
        let pull = match self.criterion.regularizer {
            Regularizer::L2 => self.pull(),
            _ if last => self.pull(),
            _ => 0,
        };
        let biases_too = self.criterion.regularizer == Regularizer::L2;
        args::Gradient {
            dz: if last { work.z } else { work.dz[k] },
            x,
            dz_point: (batch.batch * ldz) as i64,
            x_point: x_point as i64,
            w: layer.weight as i64,
            b: layer.bias as i64,
            outputs: layer.outputs as i32,
            inputs: layer.ld as i32,
            ldz: ldz as i32,
            ldx: ldx as i32,
            ldw: layer.ld as i32,
            gather: i32::from(k == 0 && batch.rows != 0),
            bias: if layer.has_bias { 1 + i32::from(biases_too) } else { 0 },
            pull,
            // The launch before makes the error of the first layer, and in networks of two layers all.
            ready: i32::from(k > 0 && self.layout.depth() > 2),
            tile: 0,
        }
    }

    /// Values, and the gradient of their sum with respect to the free vertices.
    pub(super) fn gradients(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: &mut Tensor,
    ) -> Result<Vec<Evaluation>> {
        let free = span.free();
        if gradient.dims() != [free.len(), self.layout.dense] {
            let expected = format!("[{}, {}]", free.len(), self.layout.dense);
            return Err(Error::mismatch("gradient buffer", expected, format!("{:?}", gradient.dims())));
        }
        let vertices = Read::new(span.vertices(), &self.machine)?;
        let totals = Totals::new(self, span.points())?;
        overwrite(gradient, &self.machine, |out| self.write_gradients(span, &vertices, rows, &totals, out))?;
        let penalties = self.penalties(span, &vertices)?;
        Ok(self.evaluations(&totals.read()?, self.batch(rows), &penalties))
    }

    fn write_gradients(
        &self,
        span: &Span,
        vertices: &Read,
        rows: Rows<'_>,
        totals: &Totals<'_>,
        out: u64,
    ) -> Result<()> {
        let (batch, size) = (self.batch(rows), self.layout.size);
        let numbers = self.memory / 2 / size_of::<f32>();
        let each = self.work_per_example(self.needs(true));
        let group = (numbers / (4 * size)).min(numbers / (each * batch.min(1024))).clamp(1, span.points());
        let tile = numbers / (each * group);
        let tile = if tile >= batch { batch } else { (tile / 128 * 128).max(128).min(batch) };
        let table = self.table(rows)?;
        let theta = Buffer::<f32>::new(&self.machine, group * size)?;
        let slopes = Buffer::<f32>::zeros(&self.machine, group * size)?;
        let scale = Buffer::from_slice(&self.machine, &vec![(1. / batch as f64) as f32; group])?;
        let work = self.work(group, tile, self.needs(true))?;
        let points = Points { theta: theta.at(0), size, skipped: 0 };
        for first in (0..span.points()).step_by(group) {
            let members = first..(first + group).min(span.points());
            let _coefficients = self.points(span, vertices, members.clone(), 0, theta.at(0))?;
            for from in (0..batch).step_by(tile) {
                let part = table.part(members.clone(), from, tile.min(batch - from));
                let keep = i32::from(from > 0);
                let descent = args::Descent { first: slopes.at(0), keep, ..Default::default() };
                let how = Updating { descent, ..Updating::default() };
                // SAFETY: the memory was made for a group and a tile; the rows were checked.
                unsafe {
                    let parts = self.forward(&work, &part, points, 0, false)?;
                    let to = (scale.at(0), work.sums);
                    let count = self.losses(&work, &part, points, parts, to, (true, false))?;
                    totals.add(work.sums, members.clone(), count)?;
                    self.backward(&work, &part, points, false)?;
                    self.update(&work, &part, &how, false)?;
                }
            }
            // SAFETY: slopes of a group; the gradient has a row for each free vertex.
            unsafe {
                self.pull_slopes(theta.at(0), slopes.at(0), members.len())?;
                self.hand_out(span, members, slopes.at(0), out)?;
            }
        }
        Ok(())
    }

    /// Adds the derivative of the regulariser.
    unsafe fn pull_slopes(&self, theta: u64, slopes: u64, points: usize) -> Result<()> {
        let kind = self.pull();
        if kind == 0 {
            return Ok(());
        }
        let argument = args::Pull {
            theta,
            slopes,
            size: self.layout.size as i64,
            first: self.pulled.start as i64,
            end: self.pulled.end as i64,
            kind,
            kappa: self.criterion.kappa as f32,
        };
        for first in (0..points).step_by(1 << 15) {
            let mut argument = argument;
            argument.theta += 4 * (first * self.layout.size) as u64;
            argument.slopes += 4 * (first * self.layout.size) as u64;
            let grid = [256, (points - first).min(1 << 15) as u32, 1];
            // SAFETY: the caller's promise.
            unsafe { self.start(&Launch { grid, ..Launch::new("pull_slopes", 1) }, &argument) }?;
        }
        Ok(())
    }

    /// From gradients at points to those of free vertices, in the layout of the rest of the program.
    unsafe fn hand_out(&self, span: &Span, members: Range<usize>, slopes: u64, out: u64) -> Result<()> {
        let (free, dense) = (span.free(), self.layout.dense);
        let mut change = Change { back: true, ..Change::default() };
        let Some(c) = span.coefficients() else {
            let mine = members.start.max(free.start)..members.end.min(free.end);
            if mine.is_empty() {
                return Ok(());
            }
            change.from = slopes + 4 * ((mine.start - members.start) * self.layout.size) as u64;
            change.to = out + 4 * ((mine.start - free.start) * dense) as u64;
            (change.from_rows, change.to_rows) = (mine.len(), mine.len());
            // SAFETY: the caller's promise.
            return unsafe { self.pack(&change) };
        };
        let v = span.vertices().dims()[0];
        let turned: Vec<f32> =
            free.clone().flat_map(|f| members.clone().map(move |i| c[i * v + f] as f32)).collect();
        let turned = Buffer::from_slice(&self.machine, &turned)?;
        change = Change {
            from: slopes,
            to: out,
            coefficients: turned.at(0),
            from_rows: members.len(),
            to_rows: free.len(),
            keep: members.start > 0,
            ..change
        };
        // SAFETY: the caller's promise; memory is given back in order.
        unsafe { self.pack(&change) }
    }
}
