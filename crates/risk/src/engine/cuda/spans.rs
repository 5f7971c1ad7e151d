//! Values on lines, curves and planes: what is linear in θ is computed once for each vertex, what follows is fused.

use collado_cuda::{Buffer, Launch, args};
use collado_models::Activation;

use super::{
    Kernels, Precision,
    layers::{Batch, Needs, Points, kind, loss},
    layout::four,
    tensor::{Change, Read},
    values::Totals,
};
use crate::{Loss, Result, Span};

/// Combinations of padded vertices: the first with weight 1, or all with their own.
struct Combined {
    /// The vertices, or the first and differences to it, padded `[V][S]`.
    theta: Buffer<f32>,
    /// The coefficients `[P][V - 1]` or `[P][V]`.
    coefficients: Buffer<f32>,
    vertices: usize,
    /// Whether the first has weight 1.
    based: bool,
}

impl Kernels {
    pub(super) fn span_values(&self, span: &Span, vertices: &Read, totals: &Totals<'_>) -> Result<()> {
        let combined = self.combined(span, vertices)?;
        let fast = combined.based
            && matches!(combined.vertices, 2 | 3)
            && self.layout.layers[0].activation == Activation::Relu;
        let tail = fast
            && self.layout.depth() == 2
            && self.layout.outputs() <= args::OUT
            && self.criterion.loss != Loss::Logistic;
        if tail {
            self.tail_values(span, &combined, totals)
        } else {
            self.upper_values(span, vertices, &combined, fast, totals)
        }
    }

    /// The vertices, so that the first has weight 1 where the coefficients allow it.
    fn combined(&self, span: &Span, vertices: &Read) -> Result<Combined> {
        let c = span.coefficients().expect("the points are combinations");
        let v = span.vertices().dims()[0];
        let one = |x: f64| (x - 1.).abs() <= 1e-12;
        let constant = c.chunks_exact(v).all(|c| one(c[0]));
        let affine = c.chunks_exact(v).all(|c| one(c.iter().sum()));
        let based = constant || affine;
        let theta = Buffer::new(&self.machine, v * self.layout.size)?;
        let mut change =
            Change { from: vertices.at(0), to: theta.at(0), from_rows: v, to_rows: v, ..Change::default() };
        let mut matrix = None;
        if !constant && affine {
            let mut m = vec![0_f32; v * v];
            for j in 0..v {
                m[j * v] = if j == 0 { 1. } else { -1. };
                m[j * v + j] = 1.;
            }
            change.coefficients = matrix.insert(Buffer::from_slice(&self.machine, &m)?).at(0);
        }
        // SAFETY: rows of both layouts, V each.
        unsafe { self.pack(&change) }?;
        let rest = usize::from(based);
        let c: Vec<f32> = c.chunks_exact(v).flat_map(|c| c[rest..].iter().map(|&c| c as f32)).collect();
        Ok(Combined { theta, coefficients: Buffer::from_slice(&self.machine, &c)?, vertices: v, based })
    }

    /// One hidden layer of rectifiers: one kernel does all that follows the vertices' products.
    fn tail_values(&self, span: &Span, combined: &Combined, totals: &Totals<'_>) -> Result<()> {
        let (first, last, v) = (self.layout.layers[0], self.layout.last(), combined.vertices);
        let units = first.outputs.div_ceil(32) * 32;
        let points = span.points();
        let shape = if v == 2 { "line" } else { "plane" };
        let kernel = format!("tail_{shape}{}", if last.outputs == 10 { 10 } else { 12 });
        let info = self.machine.kernel(&kernel)?;
        let groups = info.threads as usize / info.columns;
        let padded = points.div_ceil(info.columns) * info.columns;
        let turned = Buffer::<f32>::new(&self.machine, v * (units + 1) * args::OUT)?;
        let biases = turned.at(v * units * args::OUT);
        let turn = args::Turn {
            theta: combined.theta.at(0),
            w_out: turned.at(0),
            b_out: biases,
            size: self.layout.size as i64,
            w: last.weight as i64,
            b: last.bias as i64,
            vertices: v as i32,
            units: first.outputs as i32,
            padded: units as i32,
            q: last.outputs as i32,
            ldw: last.ld as i32,
        };
        let grid = [(units * args::OUT).div_ceil(256) as u32, v as u32, 1];
        // SAFETY: vertices and room for what is turned are there.
        unsafe { self.start(&Launch { grid, ..Launch::new("turn_last", 1) }, &turn) }?;
        let each = v * units + 2 * padded * groups / info.rows + 1;
        let tile = (self.memory / 2 / 4 / each / 128 * 128).max(128).min(four(self.data.examples));
        let h = Buffer::<f32>::new(&self.machine, v * units * tile)?;
        let parts = Buffer::<f32>::new(&self.machine, tile.div_ceil(info.rows) * groups * 2 * padded)?;
        for from in (0..self.data.examples).step_by(tile) {
            let count = tile.min(self.data.examples - from);
            // SAFETY: all memory was made for a tile.
            unsafe {
                self.across(combined, from, count, units, h.at(0))?;
                let (labels, values) = self.data.targets();
                let tail = args::Tail {
                    h: h.at(0),
                    w: turned.at(0),
                    b: biases,
                    coefficients: combined.coefficients.at(0),
                    labels,
                    values,
                    part: parts.at(0),
                    ldn: four(count) as i64,
                    first: from as i64,
                    units: units as i32,
                    examples: count as i32,
                    points: points as i32,
                    padded: padded as i32,
                    q: last.outputs as i32,
                    ldv: self.data.ld_values as i32,
                    loss: loss(self.criterion.loss),
                };
                let blocks = count.div_ceil(info.rows);
                let grid = [blocks as u32, (padded / info.columns) as u32, 1];
                self.start(&Launch { grid, ..Launch::new(&kernel, 1) }, &tail)?;
                totals.add_strided(parts.at(0), 0..points, (blocks * groups, 1, 2 * padded, padded))?;
            }
        }
        Ok(())
    }

    /// The first layer of all vertices, with examples along the rows of memory.
    unsafe fn across(
        &self,
        combined: &Combined,
        from: usize,
        count: usize,
        units: usize,
        out: u64,
    ) -> Result<()> {
        let first = self.layout.layers[0];
        let kernel = match self.precision {
            Precision::F32 => "across_f32",
            Precision::Tf32x3 if self.has("across_wg3")? => "across_wg3",
            Precision::Tf32x3 => "across_tf3",
        };
        let info = self.machine.kernel(kernel)?;
        let argument = args::Across {
            theta: combined.theta.at(0),
            x: self.data.input(from),
            out,
            size: self.layout.size as i64,
            w: first.weight as i64,
            b: first.bias as i64,
            out_point: (units * four(count)) as i64,
            points: combined.vertices as i32,
            outputs: first.outputs as i32,
            rows: units as i32,
            examples: count as i32,
            inputs: first.ld as i32,
            ldw: first.ld as i32,
            ldx: self.data.ld as i32,
            ldo: four(count) as i32,
        };
        let blocks = combined.vertices * units.div_ceil(info.rows) * count.div_ceil(info.columns);
        // SAFETY: the caller's promise.
        unsafe { self.start(&Launch::new(kernel, blocks), &argument) }
    }

    /// Any network: the first layer once for each vertex, then its combinations go through the other layers.
    fn upper_values(
        &self,
        span: &Span,
        vertices: &Read,
        combined: &Combined,
        fast: bool,
        totals: &Totals<'_>,
    ) -> Result<()> {
        let (first, v) = (self.layout.layers[0], combined.vertices);
        let ld = four(first.outputs);
        let size = self.layout.size - self.layout.start(1);
        let blended = self.blended(fast, v)?;
        let numbers = self.memory / 2 / size_of::<f32>();
        let needs = self.upper_needs(blended)?;
        let each = self.work_per_example(needs);
        let group = (numbers / 2 / size).clamp(1, span.points());
        let group = group.min((numbers / (each * 1024.min(self.data.examples))).max(1));
        let tile = numbers / (v * ld + each * group);
        let tile = if tile >= self.data.examples { self.data.examples } else { (tile / 128 * 128).max(128) };
        let h = Buffer::<f32>::new(&self.machine, v * tile * ld)?;
        let theta = Buffer::<f32>::new(&self.machine, group * size)?;
        let work = self.work(group, tile.min(self.data.examples), needs)?;
        let points = Points { theta: theta.at(0), size, skipped: self.layout.start(1) };
        let mut held = None;
        for from in (0..self.data.examples).step_by(tile) {
            let batch = tile.min(self.data.examples - from);
            // SAFETY: all memory was made for a tile and a group.
            unsafe { self.vertex_products(combined, from, batch, h.at(0)) }?;
            for start in (0..span.points()).step_by(group) {
                let members = start..(start + group).min(span.points());
                if from == 0 || group < span.points() {
                    held = self.points(span, vertices, members.clone(), 1, theta.at(0))?;
                }
                let part = Batch { points: members.len(), batch, first: from, rows: 0, rows_point: 0 };
                let width = if combined.based { v - 1 } else { v };
                let coefficients = combined.coefficients.at(start * width);
                // SAFETY: all memory was made for a tile and a group.
                unsafe {
                    let parts = match blended {
                        Some(kernel) => {
                            let parts =
                                self.second_layer(kernel, &work, &part, points, (h.at(0), coefficients))?;
                            let rest = self.forward(&work, &part, points, 2, false)?;
                            parts.max(rest)
                        }
                        None => {
                            self.blend(&work, &part, combined, (h.at(0), start))?;
                            self.forward(&work, &part, points, 1, false)?
                        }
                    };
                    let count = self.losses(&work, &part, points, parts, (0, work.sums), (false, false))?;
                    totals.add(work.sums, members, count)?;
                }
            }
        }
        drop(held);
        Ok(())
    }

    /// What the layers above the first need memory for.
    fn upper_needs(&self, blended: Option<&'static str>) -> Result<Needs> {
        let depth = self.layout.depth();
        let reads = self.reads_out() && depth > 2;
        let only = blended.filter(|_| reads && depth == 3);
        let columns = match only {
            Some(kernel) => self.machine.kernel(kernel)?.columns,
            None => 16,
        };
        Ok(Needs { gradient: false, reads, columns, stored: only.is_none() })
    }

    /// The kernel that combines the first layer on its way into the second.
    fn blended(&self, fast: bool, vertices: usize) -> Result<Option<&'static str>> {
        if !fast || self.layout.depth() < 3 {
            return Ok(None);
        }
        let names: &[&'static str] = match (self.precision, vertices) {
            (Precision::F32, 2) => &["blended2_f32"],
            (Precision::F32, _) => &["blended3_f32"],
            (Precision::Tf32x3, 2) => &["blended2_wg3", "blended2_tf3"],
            (Precision::Tf32x3, _) => &["blended3_tf3"],
        };
        for name in names {
            if self.has(name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The first layer of all vertices, without its activation `[V][B][ld]`.
    unsafe fn vertex_products(&self, combined: &Combined, from: usize, batch: usize, out: u64) -> Result<()> {
        let first = self.layout.layers[0];
        let part = Batch { points: combined.vertices, batch, first: from, rows: 0, rows_point: 0 };
        let (kernel, info) = self.choose(super::layers::Product::Forward, |m, n| {
            part.points * batch.div_ceil(m) * first.outputs.div_ceil(n)
        })?;
        let argument = args::Forward {
            x: self.data.input(from),
            theta: combined.theta.at(0),
            out,
            size: self.layout.size as i64,
            w: first.weight as i64,
            b: first.bias as i64,
            points: part.points as i32,
            batch: batch as i32,
            outputs: first.outputs as i32,
            inputs: first.ld as i32,
            ldx: self.data.ld as i32,
            ldw: first.ld as i32,
            ldo: four(first.outputs) as i32,
            ..Default::default()
        };
        // SAFETY: the caller's promise.
        unsafe {
            self.start(&Launch::new(kernel, super::layers::blocks(&part, &info, first.outputs)), &argument)
        }
    }

    /// The second layer of combinations. Returns the number of parts in which the outputs are read out.
    unsafe fn second_layer(
        &self,
        kernel: &'static str,
        work: &super::layers::Work,
        batch: &Batch,
        points: Points,
        (h, coefficients): (u64, u64),
    ) -> Result<usize> {
        let info = self.machine.kernel(kernel)?;
        let (mut forward, ..) = self.layer(work, batch, points, 1)?;
        let ld = four(self.layout.layers[0].outputs);
        (forward.x, forward.ldx) = (h, ld as i32);
        if forward.parts != 0 {
            forward.out = 0;
        }
        let group = 32;
        let argument = args::Blended { forward, coefficients, vertex: (batch.batch * ld) as i64, group };
        let outputs = self.layout.layers[1].outputs;
        let how = Launch::new(kernel, super::layers::blocks(batch, &info, outputs));
        // SAFETY: the caller's promise.
        unsafe { self.start(&how, &argument) }?;
        Ok(if forward.parts == 0 { 0 } else { outputs.div_ceil(info.columns) })
    }

    /// The activations of the first layer at combinations.
    unsafe fn blend(
        &self,
        work: &super::layers::Work,
        batch: &Batch,
        combined: &Combined,
        (h, start): (u64, usize),
    ) -> Result<()> {
        let first = self.layout.layers[0];
        let (v, ld) = (combined.vertices, four(first.outputs));
        // With weight 1 for the first, in this kernel too.
        let c = match combined.based {
            false => combined.coefficients.at(start * v),
            true => combined.coefficients.at(start * (v - 1)),
        };
        let argument = args::Blend {
            h,
            coefficients: c,
            out: work.h[0],
            vertex: (batch.batch * ld) as i64,
            vertices: v as i32,
            points: batch.points as i32,
            batch: batch.batch as i32,
            ld: ld as i32,
            width: first.outputs as i32,
            kind: kind(first.activation),
            based: i32::from(combined.based),
        };
        let blocks = (batch.batch * ld / 4).div_ceil(256).clamp(1, 4096);
        for first in (0..batch.points).step_by(1 << 15) {
            let points = (batch.points - first).min(1 << 15);
            let mut argument = argument;
            argument.coefficients += 4 * (first * if combined.based { v - 1 } else { v }) as u64;
            argument.out += 4 * (first * batch.batch * ld) as u64;
            let grid = [blocks as u32, points as u32, 1];
            // SAFETY: the caller's promise.
            unsafe { self.start(&Launch { grid, ..Launch::new("blend_layer", 1) }, &argument) }?;
        }
        Ok(())
    }
}
