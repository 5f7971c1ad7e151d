//! The reverse pass of the R-operator, step by step: through ρ, sums and normalisation.

use pulp::Arch;

use super::{
    super::{forward::Trace, lanes::Number, lines, plan::Step, store::Store},
    norm::{Channel, MomentSlopes, ReverseSums, Spread, add_parameters},
    pass::{Pass, Slope, Source, Sums},
    tangent::{Tangent, is_curved},
};
use crate::engine::curvature::second;

/// The slopes of all values, where they are known.
pub(super) struct Slopes<'g> {
    pub(super) plain: Vec<Option<Store<'g, f64>>>,
    pub(super) along: Vec<Option<Store<'g, f64>>>,
}

impl<'g> Pass<'_, 'g> {
    /// Takes the slopes `top` of the outputs, if there are any, and those with respect to the statistics of each step,
    /// `injected`, if there are any, to the parameters.
    pub(super) fn reverse(
        &self,
        tangent: &Tangent<'_>,
        top: Option<Slope<'g>>,
        injected: &[Vec<MomentSlopes>],
        sums: &mut Sums,
    ) {
        let plan = &self.graph.plan;
        let none = || plan.values.iter().map(|_| None).collect::<Vec<_>>();
        let mut slopes = Slopes { plain: none(), along: none() };
        if let Some(Slope { plain, along }) = top {
            slopes.plain[plan.output()] = plain;
            slopes.along[plan.output()] = Some(along);
        }
        for (number, step) in plan.steps.iter().enumerate().rev() {
            let injected = injected.get(number).filter(|all| all.iter().any(|slopes| *slopes != [0.; 4]));
            let along = match (slopes.along[step.output].take(), injected) {
                (Some(along), _) => along,
                (None, Some(_)) => self.zeros(step.output),
                (None, None) => continue,
            };
            let plain = slopes.plain[step.output].take();
            let plain = match (plain, self.is_hessian()) {
                (None, true) => Some(self.zeros(step.output)),
                (plain, _) => plain,
            };
            let slope = Slope { plain, along };
            let found = self.through_rho(number, tangent, &slope);
            if let Some(other) = step.add.filter(|&x| x != 0) {
                self.pass_on(&mut slopes, &slope, 0, other);
            }
            if let Some(norm) = &step.norm {
                let channels = &tangent.channels[number];
                for (c, (channel, &found)) in channels.iter().zip(&found).enumerate() {
                    add_parameters(norm, c, channel.parameters(found), &mut sums.product);
                }
                let spread = self.spread(number, channels, &found, injected, sums);
                self.through_norm(number, tangent, &slope, &spread);
            }
            self.through_kind(number, tangent, slope, &mut slopes, &mut sums.product);
        }
    }

    pub(super) fn is_hessian(&self) -> bool {
        self.form == crate::CurvatureForm::Hessian
    }

    /// Lends a tile of the slopes to be changed; where there are no plain ones, zeros.
    ///
    /// # Safety
    /// Nothing else reads or writes the tile meanwhile.
    pub(super) unsafe fn with_tile<R>(
        &self,
        slope: &Slope<'_>,
        t: usize,
        run: impl FnOnce(&mut [f64], &mut [f64]) -> R,
    ) -> R {
        // SAFETY: the caller vouches for it.
        let h = unsafe { slope.along.tile_mut(t) };
        match &slope.plain {
            // SAFETY: the caller vouches for it.
            Some(plain) => run(unsafe { plain.tile_mut(t) }, h),
            None => {
                let mut zeros = self.graph.pool.take(h.len());
                zeros.fill(0.);
                run(&mut zeros, h)
            }
        }
    }

    /// Takes slopes through ρ: $Rg\gets\rho'Rg+\rho''Rz\,g$, $g\gets\rho'g$. Returns the sums for a normalisation, if
    /// there is one.
    fn through_rho(&self, number: usize, tangent: &Tangent<'_>, slope: &Slope<'_>) -> Vec<ReverseSums> {
        let (graph, trace, step) = (self.graph, self.trace, &self.graph.plan.steps[number]);
        let image = &graph.plan.values[step.output];
        let channels = if step.norm.is_some() { image.channels } else { 0 };
        let bends = self.is_hessian() && is_curved(step.rho);
        let parts = graph.map_tiles(trace.count, |t, _| {
            let (a, z) = (graph.view(trace, step.output, t).0, self.before(number, t));
            let z = z.as_deref().unwrap_or(a);
            // SAFETY: each tile is written by its own task.
            unsafe {
                self.with_tile(slope, t, |g, h| {
                    let bend = bends.then(|| {
                        let raw = tangent.raw[number].as_ref().expect("Rf is kept where ρ is curved");
                        let mut bend = raw.tile(t).to_vec();
                        self.before_along(number, tangent, t, &mut bend);
                        let all = bend.iter_mut().zip(&*g).zip(z.iter().zip(a));
                        all.for_each(|((bend, g), (&z, &a))| *bend *= g * second(step.rho, z, a));
                        bend
                    });
                    Arch::new().dispatch(
                        #[inline(always)]
                        || {
                            lines::times_slope(g, z, a, step.rho);
                            lines::times_slope(h, z, a, step.rho);
                        },
                    );
                    if let Some(bend) = bend {
                        h.iter_mut().zip(bend).for_each(|(h, bend)| *h += bend);
                    }
                    let mut sums = vec![[0.; 4]; channels];
                    if step.norm.is_some() {
                        let all = inputs(step, trace, tangent, number, t);
                        add_sums((g, h), all, (&tangent.channels[number], image.plane::<f64>()), &mut sums);
                    }
                    sums
                })
            }
        });
        let mut sums = vec![[0.; 4]; channels];
        for part in parts {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum = add(*sum, part));
        }
        sums
    }

    /// What reaches each number through the statistics of the batch. Slopes with respect to statistics that are taken
    /// over other examples are added to `sums`.
    fn spread(
        &self,
        number: usize,
        channels: &[Channel],
        found: &[ReverseSums],
        injected: Option<&Vec<MomentSlopes>>,
        sums: &mut Sums,
    ) -> Vec<Spread> {
        let count = self.trace.count * self.graph.plan.values[self.graph.plan.steps[number].output].pixels();
        let own = channels.iter().zip(found).map(|(channel, &found)| channel.moments(found));
        match self.source {
            Source::Constant => vec![Spread::default(); channels.len()],
            Source::Reference(_) => {
                sums.moments[number].iter_mut().zip(own).for_each(|(sum, own)| *sum = add(*sum, own));
                vec![Spread::default(); channels.len()]
            }
            Source::Batch => {
                let others = |c: usize| injected.map_or([0.; 4], |injected| injected[c]);
                own.enumerate().map(|(c, own)| Spread::new(add(own, others(c)), count)).collect()
            }
        }
    }

    /// Takes slopes through a batch normalisation. They are 0 beyond the examples again.
    fn through_norm(&self, number: usize, tangent: &Tangent<'_>, slope: &Slope<'_>, spread: &[Spread]) {
        let (graph, step) = (self.graph, &self.graph.plan.steps[number]);
        let plane = graph.plan.values[step.output].plane::<f64>();
        graph.map_tiles(self.trace.count, |t, examples| {
            let (x, r) = inputs(step, self.trace, tangent, number, t);
            // SAFETY: each tile is written by its own task.
            unsafe {
                self.with_tile(slope, t, |g, h| {
                    let slopes = g.chunks_exact_mut(plane).zip(h.chunks_exact_mut(plane));
                    let inputs = x.chunks_exact(plane).zip(r.chunks_exact(plane));
                    let channels = tangent.channels[number].iter().zip(spread);
                    for (((g, h), (x, r)), (channel, spread)) in slopes.zip(inputs).zip(channels) {
                        for ((g, h), (x, r)) in g.iter_mut().zip(h).zip(x.iter().zip(r)) {
                            let (c, r_c) = (x - channel.mean, r - channel.r_mean);
                            let through = spread.along[0] + spread.along[1] * c + spread.plain[1] * r_c;
                            *h = channel.r_scale * *g + channel.scale * *h + through;
                            *g = channel.scale * *g + spread.plain[0] + spread.plain[1] * c;
                        }
                    }
                    if examples < f64::LANES {
                        let pixels = g.chunks_exact_mut(f64::LANES).chain(h.chunks_exact_mut(f64::LANES));
                        pixels.for_each(|pixel| pixel[examples..].fill(0.));
                    }
                });
            }
        });
    }
}

/// A tile of what is normalised, and its derivatives along the vector.
fn inputs<'v>(
    step: &Step,
    trace: &'v Trace<'_, f64>,
    tangent: &'v Tangent<'_>,
    number: usize,
    t: usize,
) -> (&'v [f64], &'v [f64]) {
    debug_assert!(step.norm.is_some());
    let kept = "what is normalised is kept";
    (trace.raw[number].as_ref().expect(kept).tile(t), tangent.raw[number].as_ref().expect(kept).tile(t))
}

fn add(x: [f64; 4], y: [f64; 4]) -> [f64; 4] {
    std::array::from_fn(|i| x[i] + y[i])
}

/// Adds the sums over a tile, where slopes are 0 beyond the examples.
fn add_sums(
    (g, h): (&[f64], &[f64]),
    (x, r): (&[f64], &[f64]),
    (channels, plane): (&[Channel], usize),
    sums: &mut [ReverseSums],
) {
    let slopes = g.chunks_exact(plane).zip(h.chunks_exact(plane));
    let inputs = x.chunks_exact(plane).zip(r.chunks_exact(plane));
    for (((g, h), (x, r)), (channel, sum)) in slopes.zip(inputs).zip(channels.iter().zip(sums)) {
        // A sum for each lane: the order is fixed, and the compiler may use vectors.
        let mut lanes = [[0.; f64::LANES]; 4];
        let pixels = (0..plane).step_by(f64::LANES);
        for at in pixels {
            for i in 0..f64::LANES {
                let (g, h) = (g[at + i], h[at + i]);
                let (c, r_c) = (x[at + i] - channel.mean, r[at + i] - channel.r_mean);
                lanes[0][i] += g;
                lanes[1][i] += h;
                lanes[2][i] += g * c;
                lanes[3][i] += h * c + g * r_c;
            }
        }
        *sum = add(*sum, lanes.map(|lane| lane.iter().sum()));
    }
}
