//! The derivatives of all values along a vector: the forward pass of the R-operator.

use collado_models::{Activation, PoolKind};
use pulp::Arch;

use super::{
    super::{
        apply,
        forward::add_up,
        lanes::Number,
        largest, lines,
        plan::{Kind, Map, Step, ValueId},
        point::{self, Moments},
        store::Store,
        windows,
    },
    alone,
    norm::{Channel, MomentsAlong, direction},
    pass::{Pass, Source},
};

/// The derivatives of the values of a pass along a vector.
pub(super) struct Tangent<'g> {
    /// Those of the values; the first, of the input, are zeros.
    pub(super) values: Vec<Option<Store<'g, f64>>>,
    /// For each step those of f with the bias, where the reverse pass needs them.
    pub(super) raw: Vec<Option<Store<'g, f64>>>,
    /// For each step those of the statistics of its normalisation.
    pub(super) moments: Vec<Option<MomentsAlong>>,
    /// For each step what happens to each channel after f.
    pub(super) channels: Vec<Vec<Channel>>,
}

impl Tangent<'_> {
    /// A tile of the derivatives of a value.
    pub(super) fn view(&self, x: ValueId, t: usize) -> &[f64] {
        self.values[x].as_ref().expect("values are kept until their last reader").tile(t)
    }
}

/// Whether ρ has a second derivative other than 0.
pub(super) fn is_curved(rho: Activation) -> bool {
    !matches!(rho, Activation::Linear | Activation::Relu | Activation::Leaky)
}

impl Step {
    /// Whether the reverse pass needs the derivatives of f along the vector.
    pub(super) fn keeps_raw_along(&self) -> bool {
        self.norm.is_some() || is_curved(self.rho)
    }
}

impl<'g> Pass<'_, 'g> {
    /// The derivatives along the vector 0, which are zeros.
    pub(super) fn still(&self) -> Tangent<'g> {
        let plan = &self.graph.plan;
        let channels = |(step, moments): (&Step, &Option<Moments>)| match (&step.norm, moments) {
            (Some(norm), Some(moments)) => {
                let along = MomentsAlong::zero(norm.channels);
                Channel::all(norm, (moments, &along), self.trace.theta, self.vector.row)
            }
            _ => vec![Channel::PLAIN; plan.values[step.output].channels],
        };
        Tangent {
            values: (0..plan.values.len()).map(|x| Some(self.zeros(x))).collect(),
            raw: plan.steps.iter().map(|s| s.keeps_raw_along().then(|| self.zeros(s.output))).collect(),
            moments: vec![None; plan.steps.len()],
            channels: plan.steps.iter().zip(&self.trace.moments).map(channels).collect(),
        }
    }

    /// The derivatives of all values.
    pub(super) fn tangent(&self) -> Tangent<'g> {
        let steps = self.graph.plan.steps.len();
        let mut tangent = Tangent {
            values: self.graph.plan.values.iter().map(|_| None).collect(),
            raw: (0..steps).map(|_| None).collect(),
            moments: vec![None; steps],
            channels: Vec::with_capacity(steps),
        };
        tangent.values[0] = Some(self.zeros(0));
        (0..steps).for_each(|number| self.step(number, &mut tangent));
        tangent
    }

    fn step(&self, number: usize, tangent: &mut Tangent<'g>) {
        let (graph, trace, step) = (self.graph, self.trace, &self.graph.plan.steps[number]);
        let image = &graph.plan.values[step.output];
        let size = image.len::<f64>();
        let target = graph.store(trace.tiles(), size);
        let own = matches!(self.source, Source::Batch) && step.norm.is_some();
        let parts = graph.map_tiles(trace.count, |t, examples| {
            // SAFETY: each tile is written by its own task.
            let y = unsafe { target.tile_mut(t) };
            self.kind(step, tangent, t, y);
            let mut sums = vec![[0.; 2]; if own { image.channels } else { 0 }];
            if let (true, Some(moments), Some(x)) = (own, &trace.moments[number], &trace.raw[number]) {
                add_sums((y, x.tile(t)), moments, image.plane::<f64>(), examples, &mut sums);
            }
            sums
        });
        let along = step.norm.as_ref().map(|norm| match self.source {
            Source::Batch => {
                MomentsAlong::from_sums(&add_up(&parts, image.channels), trace.count * image.pixels())
            }
            Source::Reference(along) => along[number].clone().expect("a normalisation has statistics"),
            Source::Constant => MomentsAlong::zero(norm.channels),
        });
        tangent.channels.push(match (&step.norm, &trace.moments[number], &along) {
            (Some(norm), Some(moments), Some(along)) => {
                Channel::all(norm, (moments, along), trace.theta, self.vector.row)
            }
            _ => vec![Channel::PLAIN; image.channels],
        });
        tangent.moments[number] = along;
        let copied = step.keeps_raw_along().then(|| graph.store(trace.tiles(), size));
        let is_plain = step.norm.is_none() && step.add.is_none() && step.rho == Activation::Linear;
        if copied.is_some() || !is_plain {
            graph.map_tiles(trace.count, |t, _| {
                // SAFETY: each tile is written by its own task.
                let y = unsafe { copied.as_ref().unwrap_or(&target).tile_mut(t) };
                if copied.is_some() {
                    y.copy_from_slice(target.tile(t));
                }
                self.before_along(number, tangent, t, y);
                let z = self.before(number, t);
                let a = graph.view(trace, step.output, t).0;
                Arch::new().dispatch(
                    #[inline(always)]
                    || lines::times_slope(y, z.as_deref().unwrap_or(a), a, step.rho),
                );
            });
        }
        match copied {
            Some(copied) => {
                tangent.raw[number] = Some(target);
                tangent.values[step.output] = Some(copied);
            }
            None => tangent.values[step.output] = Some(target),
        }
    }

    /// Takes the derivatives of f, `y`, to those of what is activated.
    pub(super) fn before_along(&self, number: usize, tangent: &Tangent<'_>, t: usize, y: &mut [f64]) {
        let step = &self.graph.plan.steps[number];
        let plane = self.graph.plan.values[step.output].plane::<f64>();
        if step.norm.is_some() {
            let x = self.trace.raw[number].as_ref().expect("what is normalised is kept").tile(t);
            let channels = &tangent.channels[number];
            let both = y.chunks_exact_mut(plane).zip(x.chunks_exact(plane)).zip(channels);
            both.for_each(|((y, x), channel)| {
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = channel.along(x, *y));
            });
        }
        if let Some(other) = step.add {
            y.iter_mut().zip(tangent.view(other, t)).for_each(|(y, other)| *y += other);
        }
    }

    /// What is activated, where ρ′ needs it.
    pub(super) fn before(&self, number: usize, t: usize) -> Option<Vec<f64>> {
        let step = &self.graph.plan.steps[number];
        let raw = self.trace.raw[number].as_ref().filter(|_| step.rho.slope_needs_input())?;
        let plane = self.graph.plan.values[step.output].plane::<f64>();
        let mut z = raw.tile(t).to_vec();
        for (channel, z) in z.chunks_exact_mut(plane).enumerate() {
            let (scale, shift) = self.trace.scales[number].channel(channel);
            z.iter_mut().for_each(|z| *z = scale * *z + shift);
        }
        if let Some(other) = step.add {
            let other = self.graph.view(self.trace, other, t).0;
            z.iter_mut().zip(other).for_each(|(z, other)| *z += other);
        }
        Some(z)
    }

    /// The derivatives of f with the bias, on one tile.
    fn kind(&self, step: &Step, tangent: &Tangent<'_>, t: usize, y: &mut [f64]) {
        let values = &self.graph.plan.values;
        let (of, to) = (&values[step.inputs[0]], &values[step.output]);
        let r = tangent.view(step.inputs[0], t);
        let view = |x: ValueId| self.graph.view(self.trace, x, t).0;
        match &step.kind {
            Kind::Map(map) => self.map(step, map, r, t, y),
            Kind::Copy => apply::copy((r, of), (y, to), 0),
            Kind::Flatten => apply::flatten((r, of), y),
            Kind::Pool(op) if op.kind == PoolKind::Average => windows::forward(op, (r, of), (y, to)),
            Kind::Pool(op) => {
                largest::along(op, (view(step.inputs[0]), r, of), (view(step.output), to), y);
            }
            Kind::Concat => {
                let mut channel = 0;
                for &x in &step.inputs {
                    apply::copy((tangent.view(x, t), &values[x]), (y, to), channel);
                    channel += values[x].channels;
                }
            }
            Kind::Pad(before) => {
                y.fill(0.);
                apply::copy((r, of), (y, to), *before);
            }
            Kind::Function(_) | Kind::Product | Kind::Spread => {
                unreachable!("networks with such steps have no exact curvature")
            }
            Kind::Alone(norm) => {
                let (scale, _) = point::alone(norm, self.trace.theta);
                let (r_scale, r_shift) = direction(norm, self.vector.row);
                let x = (view(step.inputs[0]), r, of);
                alone::forward(norm, (&scale, (&r_scale, &r_shift)), x, y);
            }
        }
    }

    /// $W*Rx+V*x+c$ for the vector (V, c) of a map.
    fn map(&self, step: &Step, map: &Map, r: &[f64], t: usize, y: &mut [f64]) {
        let (graph, x) = (self.graph, step.inputs[0]);
        let to = &graph.plan.values[step.output];
        let border = Some(step.border()).filter(|&border| border > 0);
        graph.with_inputs(step, self.trace, t, border, |inputs| {
            let weight = &self.vector.row[map.weight.clone()];
            map.convolution.forward(weight, inputs[0], (y, to), |_, _| {});
        });
        if x != 0 {
            let image = graph.plan.values[x].with_border(map.convolution.border());
            let mut own = graph.pool.take(y.len());
            graph.with_border(r, &image, |r| {
                let weight = &self.trace.theta[map.weight.clone()];
                map.convolution.forward(weight, (r, &image), (&mut own, to), |_, _| {});
            });
            y.iter_mut().zip(&*own).for_each(|(y, own)| *y += own);
        }
        if let Some(bias) = &map.bias {
            let both = y.chunks_exact_mut(to.plane::<f64>()).zip(&self.vector.row[bias.clone()]);
            both.for_each(|(y, c)| y.iter_mut().for_each(|y| *y += c));
        }
    }
}

/// Adds the sums of Rx and of $(x-\mu)Rx$ over the examples of a tile, by channel.
fn add_sums(
    (r, x): (&[f64], &[f64]),
    moments: &Moments,
    plane: usize,
    examples: usize,
    sums: &mut [[f64; 2]],
) {
    let planes = r.chunks_exact(plane).zip(x.chunks_exact(plane)).zip(&moments.mean);
    for (((r, x), mean), sum) in planes.zip(sums) {
        for (r, x) in r.chunks_exact(f64::LANES).zip(x.chunks_exact(f64::LANES)) {
            for (r, x) in r[..examples].iter().zip(x) {
                *sum = [sum[0] + r, sum[1] + (x - mean) * r];
            }
        }
    }
}
