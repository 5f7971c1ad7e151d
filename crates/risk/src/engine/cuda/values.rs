//! Values without gradients: plain passes over groups of points and tiles of examples.

use std::ops::Range;

use collado_cuda::{Buffer, Launch, args};

use super::{
    Kernels,
    layers::{Batch, Points},
    tensor::{Change, Read},
};
use crate::{Evaluation, Result, Rows, Span};

/// Minibatches in the memory of a machine.
pub(super) struct Table {
    rows: Option<Buffer<u32>>,
    each: usize,
}

impl Kernels {
    pub(super) fn values(&self, span: &Span, rows: Rows<'_>) -> Result<Vec<Evaluation>> {
        let batch = self.batch(rows);
        let totals = Totals::new(self, span.points())?;
        let vertices = Read::new(span.vertices(), &self.machine)?;
        let shared = span.coefficients().is_some()
            && span.vertices().dims()[0] < span.points()
            && matches!(rows, Rows::All)
            && self.layout.depth() > 1;
        if shared {
            self.span_values(span, &vertices, &totals)?;
        } else {
            self.stack_values(span, &vertices, rows, &totals)?;
        }
        let penalties = self.penalties(span, &vertices)?;
        Ok(self.evaluations(&totals.read()?, batch, &penalties))
    }

    /// The minibatches of a call, uploaded.
    pub(super) fn table(&self, rows: Rows<'_>) -> Result<Table> {
        let (rows, each) = match rows {
            Rows::All => (None, 0),
            Rows::Shared(rows) => (Some(rows), 0),
            Rows::Each { rows, batch } => (Some(rows), batch),
        };
        let rows = rows.map(|rows| Buffer::from_slice(&self.machine, rows)).transpose()?;
        Ok(Table { rows, each })
    }

    /// Numbers of points and examples that fit into memory together.
    fn tile(&self, points: usize, batch: usize) -> (usize, usize) {
        let numbers = self.memory / 2 / size_of::<f32>();
        let group = (numbers / 2 / self.layout.size).clamp(1, points.max(1));
        let each = self.work_per_example(self.needs(false));
        // Rather fewer points than few examples.
        let group = group.min((numbers / (each * batch.min(1024))).max(1));
        let tile = (numbers / (each * group)).max(1);
        (group, if tile >= batch { batch } else { (tile / 128 * 128).max(tile.min(128)) })
    }

    fn stack_values(&self, span: &Span, vertices: &Read, rows: Rows<'_>, totals: &Totals<'_>) -> Result<()> {
        let batch = self.batch(rows);
        let (group, tile) = self.tile(span.points(), batch);
        let table = self.table(rows)?;
        let theta = Buffer::<f32>::new(&self.machine, group * self.layout.size)?;
        let work = self.work(group, tile, self.needs(false))?;
        for first in (0..span.points()).step_by(group) {
            let members = first..(first + group).min(span.points());
            let _coefficients = self.points(span, vertices, members.clone(), 0, theta.at(0))?;
            let points = Points { theta: theta.at(0), size: self.layout.size, skipped: 0 };
            for from in (0..batch).step_by(tile) {
                let part = table.part(members.clone(), from, tile.min(batch - from));
                // SAFETY: the memory was made for a group and a tile; the rows were checked.
                unsafe {
                    let parts = self.forward(&work, &part, points, 0, false)?;
                    let count = self.losses(&work, &part, points, parts, (0, work.sums), (false, false))?;
                    totals.add(work.sums, members.clone(), count)?;
                }
            }
        }
        Ok(())
    }

    /// Points of a span, padded, from layer `layer` on, written to `to`. What is returned must live until then.
    pub(super) fn points(
        &self,
        span: &Span,
        vertices: &Read,
        members: Range<usize>,
        layer: usize,
        to: u64,
    ) -> Result<Option<Buffer<f32>>> {
        let count = span.vertices().dims()[0];
        let mut change = Change { to, to_rows: members.len(), layer, ..Change::default() };
        let mut held = None;
        match span.coefficients() {
            None => {
                change.from = vertices.at(members.start * self.layout.dense);
                change.from_rows = members.len();
            }
            Some(c) => {
                let c: Vec<f32> =
                    c[members.start * count..members.end * count].iter().map(|&c| c as f32).collect();
                let c = held.insert(Buffer::from_slice(&self.machine, &c)?);
                (change.from, change.coefficients, change.from_rows) = (vertices.at(0), c.at(0), count);
            }
        }
        // SAFETY: the vertices are there, and the caller has made room for the points.
        unsafe { self.pack(&change) }?;
        Ok(held)
    }

    /// The penalties $\kappa R(\theta_i)$.
    pub(super) fn penalties(&self, span: &Span, vertices: &Read) -> Result<Vec<f64>> {
        const BLOCKS: usize = 32;
        if self.criterion.kappa == 0. {
            return Ok(vec![0.; span.points()]);
        }
        let group = (self.memory / 4 / (4 * self.layout.size)).clamp(1, span.points().clamp(1, 1 << 15));
        let theta = Buffer::<f32>::new(&self.machine, group * self.layout.size)?;
        let parts = Buffer::<f64>::new(&self.machine, group * BLOCKS)?;
        let mut penalties = Vec::with_capacity(span.points());
        for first in (0..span.points()).step_by(group) {
            let members = first..(first + group).min(span.points());
            let _coefficients = self.points(span, vertices, members.clone(), 0, theta.at(0))?;
            let argument = args::Norm {
                theta: theta.at(0),
                to: parts.at(0),
                size: self.layout.size as i64,
                first: self.pulled.start as i64,
                end: self.pulled.end as i64,
                kind: self.pull(),
            };
            let grid = [BLOCKS as u32, members.len() as u32, 1];
            // SAFETY: points and parts are there for a group.
            unsafe { self.start(&Launch { grid, ..Launch::new("norm_parts", 1) }, &argument) }?;
            let parts = parts.read(members.len() * BLOCKS)?;
            let sums =
                parts.chunks_exact(BLOCKS).map(|parts| self.criterion.kappa * parts.iter().sum::<f64>());
            penalties.extend(sums);
        }
        Ok(penalties)
    }

    /// Values from sums over a batch: losses first, then errors.
    pub(super) fn evaluations(&self, sums: &[f64], batch: usize, penalties: &[f64]) -> Vec<Evaluation> {
        let points = penalties.len();
        let each = penalties.iter().enumerate().map(|(i, penalty)| {
            let loss = sums[i] / batch as f64;
            let error = if self.data.has_classes() { sums[points + i] / batch as f64 } else { f64::NAN };
            Evaluation { risk: loss + penalty, loss, error }
        });
        each.collect()
    }
}

impl Table {
    /// Part of the minibatches of some points.
    pub(super) fn part(&self, members: Range<usize>, from: usize, batch: usize) -> Batch {
        let points = members.len();
        match &self.rows {
            None => Batch { points, batch, first: from, rows: 0, rows_point: 0 },
            Some(rows) => {
                let rows = rows.at(members.start * self.each + from);
                Batch { points, batch, first: 0, rows, rows_point: self.each }
            }
        }
    }
}

/// Sums of losses and of errors `[2][P]`, in double.
pub(super) struct Totals<'a> {
    engine: &'a Kernels,
    sums: Buffer<f64>,
    points: usize,
}

impl<'a> Totals<'a> {
    pub(super) fn new(engine: &'a Kernels, points: usize) -> Result<Self> {
        let sums = Buffer::zeros(&engine.machine, 2 * points)?;
        Ok(Self { engine, sums, points })
    }

    /// Adds parts `[members][count][2]`.
    ///
    /// # Safety
    /// The parts are there.
    pub(super) unsafe fn add(&self, parts: u64, members: Range<usize>, count: usize) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.add_strided(parts, members, (count, 2 * count, 2, 1)) }
    }

    /// Adds `count` parts of each member: numbers of the next member lie `step` numbers on, of the next part `stride`,
    /// and errors `errors` after losses.
    ///
    /// # Safety
    /// The parts are there.
    pub(super) unsafe fn add_strided(
        &self,
        parts: u64,
        members: Range<usize>,
        (count, step, stride, errors): (usize, usize, usize, usize),
    ) -> Result<()> {
        for which in 0..2 {
            let argument = args::Sum {
                from: parts + 4 * (which * errors) as u64,
                to: self.sums.at(which * self.points + members.start),
                parts: count as i64,
                step: step as i64,
                stride: stride as i64,
                count: members.len() as i32,
                keep: 1,
            };
            // SAFETY: the caller's promise; the sums are there for all points.
            unsafe { self.engine.start(&Launch::new("sum_parts", members.len().div_ceil(8)), &argument) }?;
        }
        Ok(())
    }

    pub(super) fn read(&self) -> Result<Vec<f64>> {
        Ok(self.sums.read(2 * self.points)?)
    }
}
