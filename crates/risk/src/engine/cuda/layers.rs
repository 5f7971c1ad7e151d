//! Layer by layer, forwards and back: which kernel, on which tiles.

use collado_cuda::{Buffer, Info, Launch, args};
use collado_models::Activation;

use super::{Kernels, Precision, layout::four};
use crate::{Loss, Result};

/// A batch of examples for P points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) points: usize,
    pub(super) batch: usize,
    /// The first example, where there are no row numbers.
    pub(super) first: usize,
    /// The address of the row numbers; 0 where there are none.
    pub(super) rows: u64,
    /// Row numbers from one point to the next.
    pub(super) rows_point: usize,
}

/// The points of a pass, padded, as addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Points {
    /// The address of the first point. Layers before the first of the pass are not there.
    pub(super) theta: u64,
    /// Numbers from one point to the next.
    pub(super) size: usize,
    /// Numbers before the first layer that is there.
    pub(super) skipped: usize,
}

impl Points {
    fn place(&self, column: usize) -> i64 {
        column as i64 - self.skipped as i64
    }
}

/// Where the results of a pass go.
pub(super) struct Work {
    /// The activations of hidden layers `[P][B][ld]`.
    pub(super) h: Vec<u64>,
    /// The derivatives of activations that do not follow from their values; 0 for the others.
    slope: Vec<u64>,
    /// The errors of hidden layers, if there is a way back.
    pub(super) dz: Vec<u64>,
    /// Outputs or their errors `[P][B][ld]`.
    pub(super) z: u64,
    /// Parts of outputs that are read out with the last hidden layer.
    parts: u64,
    /// Losses and errors `[P][tiles][2]`.
    pub(super) sums: u64,
    /// Whether outputs are read out with the last hidden layer.
    reads: bool,
    _memory: Buffer<f32>,
}

impl Work {
    /// Room for losses and errors alone.
    pub(super) fn of_sums(memory: Buffer<f32>) -> Self {
        let (h, slope, dz) = (Vec::new(), Vec::new(), Vec::new());
        Self { h, slope, dz, z: 0, parts: 0, sums: memory.at(0), reads: false, _memory: memory }
    }
}

/// What a pass needs memory for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// The way back.
    pub(super) gradient: bool,
    /// Parts of outputs, read out with the last hidden layer.
    pub(super) reads: bool,
    /// Columns of the narrowest tile that reads out.
    pub(super) columns: usize,
    /// Activations of hidden layers.
    pub(super) stored: bool,
}

/// The kinds of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    Forward,
    Backward,
    Update,
}

impl Product {
    /// Kernels from the largest tiles to the smallest.
    fn tiles(self, precision: Precision) -> &'static [&'static str] {
        match (self, precision) {
            (Self::Forward, Precision::F32) => {
                &["forward_f32_l", "forward_f32_q", "forward_f32_t", "forward_f32_s"]
            }
            (Self::Forward, Precision::Tf32x3) => {
                &["forward_wg3", "forward_tf3_l", "forward_tf3_q", "forward_tf3_t", "forward_tf3_s"]
            }
            (Self::Backward, Precision::F32) => {
                &["backward_f32_l", "backward_f32_q", "backward_f32_t", "backward_f32_s"]
            }
            (Self::Backward, Precision::Tf32x3) => {
                &["backward_wg3", "backward_tf3_l", "backward_tf3_q", "backward_tf3_t", "backward_tf3_s"]
            }
            (Self::Update, Precision::F32) => &["update_f32_l", "update_f32_q", "update_f32_t"],
            (Self::Update, Precision::Tf32x3) => {
                &["update_wg3", "update_tf3_l", "update_tf3_q", "update_tf3_t"]
            }
        }
    }
}

/// The number of the activation in kernels.
pub(super) fn kind(rho: Activation) -> i32 {
    match rho {
        Activation::Linear => 0,
        Activation::Relu => 1,
        Activation::Tanh => 2,
        Activation::Softplus => 3,
        Activation::Gelu => 4,
        Activation::Logistic => 5,
        Activation::Silu => 6,
        Activation::Leaky => 7,
    }
}

/// Whether the derivative of the activation does not follow from its value.
pub(super) fn stores_slope(rho: Activation) -> bool {
    matches!(rho, Activation::Gelu | Activation::Silu)
}

/// The number of the loss in kernels.
pub(super) fn loss(loss: Loss) -> i32 {
    match loss {
        Loss::Squared => 0,
        Loss::CrossEntropy => 1,
        Loss::Logistic => 2,
    }
}

impl Kernels {
    /// Whether outputs are read out with the last hidden layer.
    pub(super) fn reads_out(&self) -> bool {
        self.layout.depth() > 1 && self.layout.outputs() <= args::OUT
    }

    /// Whether this machine has a kernel.
    pub(super) fn has(&self, kernel: &str) -> Result<bool> {
        Ok(self.machine.info(kernel)?.is_some())
    }

    /// The kernel whose tiles are the largest that keep most multiprocessors busy; `count` is the number of tiles of
    /// this many rows and columns.
    pub(super) fn choose(
        &self,
        product: Product,
        count: impl Fn(usize, usize) -> usize,
    ) -> Result<(&'static str, Info)> {
        let enough = (3 * self.machine.processors()).div_ceil(4);
        let (smallest, larger) = product.tiles(self.precision).split_last().expect("there are some");
        for kernel in larger {
            match self.machine.info(kernel)? {
                Some(info) if count(info.rows, info.columns) >= enough => return Ok((kernel, info)),
                _ => {}
            }
        }
        Ok((smallest, self.machine.kernel(smallest)?))
    }

    fn layer_kernel(&self, product: Product, batch: &Batch, columns: usize) -> Result<(&'static str, Info)> {
        let Batch { points, batch, .. } = *batch;
        self.choose(product, |m, n| points * batch.div_ceil(m) * columns.div_ceil(n))
    }

    /// What a pass forwards needs, and with `gradient` the way back.
    pub(super) fn needs(&self, gradient: bool) -> Needs {
        Needs { gradient, reads: self.reads_out(), columns: 16, stored: true }
    }

    /// Numbers of one point and example that [`Work`] needs.
    pub(super) fn work_per_example(&self, needs: Needs) -> usize {
        let stores = self.layout.layers.iter().any(|l| stores_slope(l.activation));
        let hidden = if needs.stored { self.layout.hidden() } else { 0 };
        let last = self.layout.last();
        let parts = if needs.reads { last.inputs.div_ceil(needs.columns) * args::OUT } else { 0 };
        let arrays = if needs.gradient { 2 + usize::from(stores) } else { 1 };
        let outputs = if needs.reads && !needs.gradient { 0 } else { four(last.outputs) };
        arrays * hidden + outputs + parts + 2
    }

    /// Memory for a pass.
    pub(super) fn work(&self, points: usize, batch: usize, needs: Needs) -> Result<Work> {
        let Needs { gradient, reads, columns, stored } = needs;
        let each = points * batch;
        let total = each * self.work_per_example(needs) + 64 * (3 * self.layout.depth() + 4);
        let memory = Buffer::<f32>::new(&self.machine, total)?;
        let mut used = 0;
        let mut take = |numbers: usize| {
            let at = memory.at(used);
            used += numbers.div_ceil(64) * 64;
            at
        };
        let hidden = &self.layout.layers[..self.layout.depth() - 1];
        let h = hidden.iter().map(|l| if stored { take(each * four(l.outputs)) } else { 0 }).collect();
        let slope = hidden.iter().map(|l| match l.activation {
            rho if gradient && stores_slope(rho) => take(each * four(l.outputs)),
            _ => 0,
        });
        let slope = slope.collect();
        let dz = hidden.iter().map(|l| if gradient { take(each * four(l.outputs)) } else { 0 }).collect();
        let z = if reads && !gradient { 0 } else { take(each * four(self.layout.outputs())) };
        let parts = match reads {
            true => take(each * self.layout.last().inputs.div_ceil(columns) * args::OUT),
            false => 0,
        };
        let sums = take(2 * each);
        Ok(Work { h, slope, dz, z, parts, sums, reads, _memory: memory })
    }

    /// The activations of all layers from layer `from` on, whose inputs are in `work` unless it is the first. Returns
    /// the number of parts in which the outputs are read out.
    ///
    /// # Safety
    /// `work` was made for such a batch, and the addresses of batch and points are right.
    pub(super) unsafe fn forward(
        &self,
        work: &Work,
        batch: &Batch,
        points: Points,
        from: usize,
        early: bool,
    ) -> Result<usize> {
        let depth = self.layout.depth();
        let mut parts = 0;
        for k in from..if work.reads { depth - 1 } else { depth } {
            let (mut argument, kernel, info) = self.layer(work, batch, points, k)?;
            if k == 0 {
                argument.x = self.data.input(batch.first);
                argument.ldx = self.data.ld as i32;
                (argument.rows, argument.rows_point) = (batch.rows, batch.rows_point as i64);
            } else {
                let ld = four(self.layout.layers[k].inputs);
                (argument.x, argument.ldx) = (work.h[k - 1], ld as i32);
                argument.x_point = (batch.batch * ld) as i64;
            }
            if argument.parts != 0 {
                parts = self.layout.layers[k].outputs.div_ceil(info.columns);
            }
            let early = early && begins_early(kernel);
            let how =
                Launch { early, ..Launch::new(kernel, blocks(batch, &info, self.layout.layers[k].outputs)) };
            // SAFETY: the caller's promise; sizes are those of the layout.
            unsafe { self.start(&how, &argument) }?;
        }
        Ok(parts)
    }

    /// The argument of layer `k` without its inputs, and its kernel.
    pub(super) fn layer(
        &self,
        work: &Work,
        batch: &Batch,
        points: Points,
        k: usize,
    ) -> Result<(args::Forward, &'static str, Info)> {
        let (layer, last) = (&self.layout.layers[k], self.layout.last());
        let hidden = k + 1 < self.layout.depth();
        let reads = work.reads && k + 2 == self.layout.depth();
        let (kernel, info) = self.layer_kernel(Product::Forward, batch, layer.outputs)?;
        let argument = args::Forward {
            theta: points.theta,
            out: if hidden { work.h[k] } else { work.z },
            slope: if hidden { work.slope[k] } else { 0 },
            parts: if reads { work.parts } else { 0 },
            size: points.size as i64,
            w: points.place(layer.weight),
            b: points.place(layer.bias),
            w_last: points.place(last.weight),
            points: batch.points as i32,
            batch: batch.batch as i32,
            outputs: layer.outputs as i32,
            inputs: layer.ld as i32,
            ldw: layer.ld as i32,
            ldo: four(layer.outputs) as i32,
            kind: kind(layer.activation),
            q: last.outputs as i32,
            ld_last: last.ld as i32,
            ..Default::default()
        };
        Ok((argument, kernel, info))
    }

    /// Losses and errors, as sums of parts. With `gradient`, also the errors of the outputs and of the last hidden
    /// layer, weighted by the numbers at `scale`, or by 1 / B. Returns the number of parts of each point.
    ///
    /// # Safety
    /// As for [`forward`](Self::forward).
    pub(super) unsafe fn losses(
        &self,
        work: &Work,
        batch: &Batch,
        points: Points,
        parts: usize,
        (scale, sums): (u64, u64),
        (gradient, early): (bool, bool),
    ) -> Result<usize> {
        let last = self.layout.last();
        let (labels, values) = self.data.targets();
        let q = last.outputs;
        if !work.reads {
            let argument = args::Wide {
                z: work.z,
                labels,
                rows: batch.rows,
                values,
                scale,
                sums,
                rows_point: batch.rows_point as i64,
                first: batch.first as i64,
                points: batch.points as i32,
                batch: batch.batch as i32,
                q: q as i32,
                ldz: four(q) as i32,
                ldv: self.data.ld_values as i32,
                loss: loss(self.criterion.loss),
                slopes: i32::from(gradient),
            };
            let blocks = (batch.points * batch.batch).div_ceil(8);
            // SAFETY: the caller's promise.
            unsafe { self.start(&Launch { early, ..Launch::new("wide_outputs", blocks) }, &argument) }?;
            if gradient && self.layout.depth() > 1 {
                // SAFETY: the caller's promise.
                unsafe { self.back(work, batch, points, self.layout.depth() - 1, early) }?;
            }
            return Ok(batch.batch);
        }
        let hidden = self.layout.depth() - 2;
        let columns = if gradient { last.ld } else { 1 };
        let count =
            |info: &Info| batch.points * batch.batch.div_ceil(info.rows) * columns.div_ceil(info.columns);
        let known = |kernel| self.machine.kernel(kernel);
        let (small, large) = (known("head_small")?, known("head_large")?);
        let (kernel, info) = match count(&small) > 3 * self.machine.processors() {
            _ if !gradient => ("read_outputs", known("read_outputs")?),
            true => ("head_large", large),
            false => ("head_small", small),
        };
        let argument = args::Head {
            parts: work.parts,
            theta: points.theta,
            labels,
            rows: batch.rows,
            values,
            x: if gradient { self.derivative_of(work, hidden) } else { 0 },
            scale,
            dz: if gradient { work.z } else { 0 },
            dx: if gradient { work.dz[hidden] } else { 0 },
            sums,
            size: points.size as i64,
            w: points.place(last.weight),
            b: points.place(last.bias),
            rows_point: batch.rows_point as i64,
            first: batch.first as i64,
            points: batch.points as i32,
            batch: batch.batch as i32,
            inputs: last.ld as i32,
            count: parts as i32,
            q: q as i32,
            ld: four(q) as i32,
            ldx: last.ld as i32,
            ldw: last.ld as i32,
            ldv: self.data.ld_values as i32,
            loss: loss(self.criterion.loss),
            kind: kind(self.layout.layers[hidden].activation),
        };
        // SAFETY: the caller's promise.
        unsafe { self.start(&Launch { early, ..Launch::new(kernel, count(&info)) }, &argument) }?;
        Ok(batch.batch.div_ceil(info.rows))
    }

    /// The errors of all hidden layers, from that of the last.
    ///
    /// # Safety
    /// As for [`forward`](Self::forward).
    pub(super) unsafe fn backward(
        &self,
        work: &Work,
        batch: &Batch,
        points: Points,
        early: bool,
    ) -> Result<()> {
        for k in (1..self.layout.depth().saturating_sub(1)).rev() {
            // SAFETY: the caller's promise.
            unsafe { self.back(work, batch, points, k, early) }?;
        }
        Ok(())
    }

    /// From the error of the results of layer `k` to that of its inputs.
    unsafe fn back(&self, work: &Work, batch: &Batch, points: Points, k: usize, early: bool) -> Result<()> {
        let layer = &self.layout.layers[k];
        let (kernel, info) = self.layer_kernel(Product::Backward, batch, layer.ld)?;
        let argument = args::Backward {
            dz: work.dz.get(k).copied().unwrap_or(work.z),
            theta: points.theta,
            x: self.derivative_of(work, k - 1),
            out: work.dz[k - 1],
            size: points.size as i64,
            w: points.place(layer.weight),
            points: batch.points as i32,
            batch: batch.batch as i32,
            inputs: layer.ld as i32,
            outputs: layer.outputs as i32,
            ldz: four(layer.outputs) as i32,
            ldw: layer.ld as i32,
            ldo: layer.ld as i32,
            kind: kind(self.layout.layers[k - 1].activation),
        };
        let early = early && begins_early(kernel);
        let how = Launch { early, ..Launch::new(kernel, blocks(batch, &info, layer.ld)) };
        // SAFETY: the caller's promise.
        unsafe { self.start(&how, &argument) }
    }

    /// What the derivative of the activation of hidden layer `k` follows from.
    fn derivative_of(&self, work: &Work, k: usize) -> u64 {
        if work.slope[k] == 0 { work.h[k] } else { work.slope[k] }
    }
}

/// Whether a launch gains when it may begin before the one before it has ended: measured on an H200, those with middle
/// tiles lose by it.
pub(super) fn begins_early(kernel: &str) -> bool {
    !kernel.ends_with("_t") && !kernel.ends_with("_q")
}

/// Tiles of a product with rows for every point and example.
pub(super) fn blocks(batch: &Batch, info: &Info, columns: usize) -> usize {
    batch.points * batch.batch.div_ceil(info.rows) * columns.div_ceil(info.columns)
}
