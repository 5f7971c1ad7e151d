//! The reverse pass of the R-operator through the operation of a step: to the values that it reads, and to its
//! parameters.

use collado_models::Norm;

use super::{
    super::{
        lines,
        plan::{Kind, Map, Step, ValueId},
        point,
        store::Store,
        windows,
    },
    alone,
    norm::{add_parameters, direction},
    pass::{Pass, Slope},
    reverse::Slopes,
    tangent::Tangent,
};

impl<'g> Pass<'_, 'g> {
    /// Takes slopes through f, and adds what reaches parameters to `product`.
    pub(super) fn through_kind(
        &self,
        number: usize,
        tangent: &Tangent<'_>,
        slope: Slope<'g>,
        slopes: &mut Slopes<'g>,
        product: &mut [f64],
    ) {
        let step = &self.graph.plan.steps[number];
        let x = step.inputs[0];
        match &step.kind {
            Kind::Map(map) => self.through_map(number, map, tangent, &slope, slopes, product),
            Kind::Copy | Kind::Flatten if x == 0 => {}
            // Without borders, features lie where pixels do.
            Kind::Copy | Kind::Flatten if slopes.along[x].is_none() => {
                (slopes.plain[x], slopes.along[x]) = (slope.plain, Some(slope.along));
            }
            Kind::Copy | Kind::Flatten => self.pass_on(slopes, &slope, 0, x),
            Kind::Pad(before) if x != 0 => self.pass_on(slopes, &slope, *before, x),
            Kind::Concat => {
                let mut first = 0;
                for &x in &step.inputs {
                    if x != 0 {
                        self.pass_on(slopes, &slope, first, x);
                    }
                    first += self.graph.plan.values[x].channels;
                }
            }
            Kind::Pool(_) if x != 0 => {
                if let Some(plain) = &slope.plain {
                    self.through_pool(step, plain, &mut slopes.plain[x]);
                }
                self.through_pool(step, &slope.along, &mut slopes.along[x]);
            }
            Kind::Alone(norm) => self.through_alone(norm, x, tangent, &slope, slopes, product),
            Kind::Pad(_) | Kind::Pool(_) => {}
            Kind::Function(_) | Kind::Product | Kind::Spread => {
                unreachable!("networks with such steps have no exact curvature")
            }
        }
    }

    /// Adds slopes, from channel `first` on, to those of the value `x`.
    pub(super) fn pass_on(&self, slopes: &mut Slopes<'g>, slope: &Slope<'_>, first: usize, x: ValueId) {
        if let Some(plain) = &slope.plain {
            self.graph.add(&mut slopes.plain[x], self.trace, (plain, first), x);
        }
        self.graph.add(&mut slopes.along[x], self.trace, (&slope.along, first), x);
    }

    fn through_pool(&self, step: &Step, slope: &Store<'_, f64>, at: &mut Option<Store<'g, f64>>) {
        let Kind::Pool(op) = &step.kind else { return };
        let (graph, x) = (self.graph, step.inputs[0]);
        let (image, to) = (&graph.plan.values[x], &graph.plan.values[step.output]);
        let (target, is_fresh) = graph.target(at, self.trace, x);
        graph.map_tiles(self.trace.count, |t, _| {
            // SAFETY: each tile is written by its own task.
            let d = unsafe { target.tile_mut(t) };
            let y = graph.view(self.trace, step.output, t).0;
            let x = (graph.view(self.trace, x, t).0, image);
            windows::reverse(op, x, (y, slope.tile(t), to), d, is_fresh);
        });
    }

    /// Takes out the places of the slopes of the value `x`, where those are wanted, and whether they are yet to be written
    /// for the first time.
    fn target(&self, slopes: &mut Slopes<'g>, x: ValueId) -> Option<(Slope<'g>, bool)> {
        if x == 0 {
            return None;
        }
        let is_fresh = slopes.along[x].is_none();
        let new = || self.graph.store(self.trace.tiles(), self.graph.plan.values[x].len::<f64>());
        let plain = self.is_hessian().then(|| slopes.plain[x].take().unwrap_or_else(new));
        Some((Slope { plain, along: slopes.along[x].take().unwrap_or_else(new) }, is_fresh))
    }

    fn through_alone(
        &self,
        norm: &Norm,
        x: ValueId,
        tangent: &Tangent<'_>,
        slope: &Slope<'_>,
        slopes: &mut Slopes<'g>,
        product: &mut [f64],
    ) {
        let (graph, image) = (self.graph, &self.graph.plan.values[x]);
        let (scale, _) = point::alone(norm, self.theta.row);
        let (r_scale, _) = direction(norm, self.vector.row);
        let target = self.target(slopes, x);
        let parts = graph.map_tiles(self.trace.count, |t, _| {
            let mut sums = vec![[0.; 2]; norm.channels];
            let values = (graph.view(self.trace, x, t).0, tangent.view(x, t), image);
            // SAFETY: each tile is read and written by its own task.
            unsafe {
                self.with_tile(slope, t, |g, h| {
                    let all = alone::Slopes { g, h };
                    match &target {
                        Some((target, is_fresh)) => self.with_tile(target, t, |d, r_d| {
                            if *is_fresh {
                                d.fill(0.);
                                r_d.fill(0.);
                            }
                            alone::reverse(norm, (&scale, &r_scale), values, all, Some((d, r_d)), &mut sums);
                        }),
                        None => alone::reverse(norm, (&scale, &r_scale), values, all, None, &mut sums),
                    }
                });
            }
            sums
        });
        if let Some((Slope { plain, along }, _)) = target {
            (slopes.plain[x], slopes.along[x]) = (plain, Some(along));
        }
        for part in parts {
            for (c, slopes) in part.into_iter().enumerate() {
                add_parameters(norm, c, slopes, product);
            }
        }
    }

    /// Adds $Rg\,x^\top+g\,Rx^\top$ and $\sum Rg$ to the product, and $W^\top Rg+V^\top g$ to the slopes of x.
    fn through_map(
        &self,
        number: usize,
        map: &Map,
        tangent: &Tangent<'_>,
        slope: &Slope<'_>,
        slopes: &mut Slopes<'g>,
        product: &mut [f64],
    ) {
        let (graph, step) = (self.graph, &self.graph.plan.steps[number]);
        let x = step.inputs[0];
        let image = &graph.plan.values[x];
        let [own, vector] = [self.theta, self.vector].map(|packed| packed.reverse[number].as_ref());
        let at = graph.plan.values[step.output].with_border(own.map_or(0, |reverse| reverse.border()));
        let bordered = image.with_border(map.convolution.border());
        let target = self.target(slopes, x);
        let border = Some(step.border()).filter(|&border| border > 0);
        let parts = graph.map_runs(self.trace, &at, |tiles| {
            let mut weights = graph.pool.take(map.weight.len());
            weights.fill(0.);
            let mut biases = vec![0.; map.bias.as_ref().map_or(0, std::ops::Range::len)];
            for t in tiles {
                graph.with_border(slope.along.tile(t), &at, |h| {
                    for (channel, sum) in biases.iter_mut().enumerate() {
                        let rows = (0..at.height).map(|row| &h[at.line::<f64>(channel, row)]);
                        *sum += rows.map(lines::sum).sum::<f64>();
                    }
                    graph.with_inputs(step, self.trace, t, border, |inputs| {
                        map.convolution.weights(&mut weights, inputs[0], (h, &at));
                    });
                    if let (Some(own), Some((target, is_fresh))) = (own, &target) {
                        // SAFETY: each tile is written by the task of its run.
                        own.run((h, &at), (unsafe { target.along.tile_mut(t) }, image), !is_fresh);
                    }
                });
                // The rest is for the Hessian, and nothing where the input is the network's.
                let (Some(plain), Some(own), Some(vector)) = (&slope.plain, own, vector) else { continue };
                let Some((target, is_fresh)) = &target else { continue };
                graph.with_border(plain.tile(t), &at, |g| {
                    graph.with_border(tangent.view(x, t), &bordered, |r| {
                        map.convolution.weights(&mut weights, (r, &bordered), (g, &at));
                    });
                    // SAFETY: each tile is written by the task of its run.
                    vector.run((g, &at), (unsafe { target.along.tile_mut(t) }, image), true);
                    if let Some(d) = &target.plain {
                        // SAFETY: the same.
                        own.run((g, &at), (unsafe { d.tile_mut(t) }, image), !is_fresh);
                    }
                });
            }
            (weights, biases)
        });
        if let Some((Slope { plain, along }, _)) = target {
            (slopes.plain[x], slopes.along[x]) = (plain, Some(along));
        }
        for (weights, biases) in parts {
            product[map.weight.clone()].iter_mut().zip(&*weights).for_each(|(p, w)| *p += w);
            let columns = map.bias.clone().unwrap_or(0..0);
            product[columns].iter_mut().zip(biases).for_each(|(p, b)| *p += b);
        }
    }
}
