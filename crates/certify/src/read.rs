//! Losses read from the models of a tile's outputs.

use collado_risk::{Criterion, Loss as Kind, Targets};

use crate::{
    line::Line,
    loss::{cross_entropy, separable},
    model::Model,
    rounding::U,
    sums::{Loss, Sums},
    tiles::Tile,
};

/// The losses of a tile: the sum, and an estimate of each in the middle of the cell.
pub(crate) struct Losses {
    pub(crate) sums: Sums,
    pub(crate) each: Vec<f64>,
}

/// Reads losses from outputs.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) criterion: Criterion,
    pub(crate) targets: &'a Targets,
    /// The half-width δ of the cell.
    pub(crate) delta: f64,
}

/// The models of one example's outputs, or of its margins.
#[derive(Default)]
struct Outputs {
    c: Vec<f64>,
    l: Vec<f64>,
    q: Vec<f64>,
    r: Vec<f64>,
}

impl Outputs {
    /// Replaces outputs by the margins $z_j-z_y$ of the other outputs.
    fn against(&mut self, y: usize, delta: f64) {
        let own = self.line(y);
        let Self { c, l, q, r } = self;
        for numbers in [&mut *c, l, q, r] {
            numbers.remove(y);
        }
        for j in 0..c.len() {
            let other = Line { c: c[j], l: l[j], q: q[j], r: r[j] };
            r[j] += own.r + 4. * U * (other.size(delta) + own.size(delta));
            c[j] -= own.c;
            l[j] -= own.l;
            q[j] -= own.q;
        }
    }

    fn line(&self, j: usize) -> Line {
        Line { c: self.c[j], l: self.l[j], q: self.q[j], r: self.r[j] }
    }

    /// The largest value of the model of output j, up to a few roundings.
    fn most(&self, j: usize, delta: f64) -> f64 {
        self.line(j).range(delta).1 + self.r[j]
    }

    /// The least value.
    fn least(&self, j: usize, delta: f64) -> f64 {
        self.line(j).range(delta).0 - self.r[j]
    }
}

impl Reader<'_> {
    /// The losses of a tile, from the models of its outputs or, with `margins`, of the margins.
    pub(crate) fn losses(&self, tile: &Tile, model: &Model, margins: bool) -> Losses {
        let q = model.neurons();
        let (mut z, mut room) = (Outputs::default(), [Vec::new(), Vec::new()]);
        let mut each = Vec::with_capacity(tile.rows.len());
        let losses = tile.rows.iter().enumerate().map(|(e, &row)| {
            [&mut z.c, &mut z.l, &mut z.q, &mut z.r].into_iter().for_each(Vec::clear);
            for j in 0..q {
                let line = model.line(j, e);
                z.c.push(line.c);
                z.l.push(line.l);
                z.q.push(line.q);
                z.r.push(line.r);
            }
            if let (false, Some(y)) = (margins, tile.label) {
                z.against(y as usize, self.delta);
            }
            let loss = self.loss((row, q), tile.label.is_some(), &mut z, &mut room);
            each.push(loss.estimate[1]);
            loss
        });
        let sums = Sums::new(losses, self.delta);
        Losses { sums, each }
    }

    /// The loss of one example with `q` outputs; `u` and `v` are room for numbers of the outputs.
    fn loss(
        &self,
        (row, q): (usize, usize),
        margins: bool,
        z: &mut Outputs,
        [u, v]: &mut [Vec<f64>; 2],
    ) -> Loss {
        let delta = self.delta;
        (0..z.c.len()).for_each(|j| z.r[j] += 16. * U * z.line(j).size(delta));
        // With the sign 1 an upper bound and an estimate, with -1 a lower bound, at u_j = c + x l + y q.
        let mut at = |r: &[f64], (x, y): (f64, f64), sign: f64| {
            u.clear();
            u.extend(z.c.iter().zip(&z.l).zip(&z.q).map(|((c, l), q)| c + x * l + y * q));
            match self.criterion.loss {
                Kind::CrossEntropy => {
                    let (value, slope) = cross_entropy(u, r, sign);
                    // Small losses are exponentials of the radius, large ones are lines.
                    (value, if sign > 0. && value > 0. { value * (-slope / value).exp() } else { value })
                }
                loss => {
                    let separable = |sign| separable(loss, u, r, |j| self.targets.value(row, j, q), sign);
                    (separable(sign), if sign > 0. { separable(0.) } else { 0. })
                }
            }
        };
        let square = delta * delta;
        let (upper, middle, estimate) = if delta > 0. {
            // The outputs are parabolas with these Bernstein points, and the loss is convex.
            let points = [(-delta, square), (0., -square), (delta, square)];
            let [a, b, c] = points.map(|point| at(&z.r, point, 1.));
            // With the lines nearest to the parabolas the loss is convex in s.
            v.clear();
            v.extend(z.r.iter().zip(&z.q).map(|(r, q)| (r + 0.5 * square * q.abs()) * (1. + 8. * U)));
            let middle = at(v, (0., 0.5 * square), -1.).0;
            ([a.0, b.0, c.0], middle, [a.1, 0.25 * (a.1 + c.1) + 0.5 * b.1, c.1])
        } else {
            let (value, estimate) = at(&z.r, (0., 0.), 1.);
            ([value; 3], at(&z.r, (0., 0.), -1.).0, [estimate; 3])
        };
        Loss { upper, middle, estimate, wrong: self.may_err(row, margins, z) }
    }

    /// Whether an example's margin allows a wrong class somewhere on the cell.
    fn may_err(&self, row: usize, margins: bool, z: &mut Outputs) -> bool {
        let Targets::Classes(labels) = self.targets else { return false };
        let y = labels[row] as usize;
        let beyond = |z: &Outputs| (0..z.c.len()).all(|j| z.most(j, self.delta) < 0.);
        if margins {
            // A single output under cross-entropy has no margin; its sign, which decides, is not at hand.
            return z.c.is_empty() || !beyond(z);
        }
        if z.c.len() == 1 {
            let threshold = self.criterion.loss.threshold();
            let (least, most) = (z.least(0, self.delta), z.most(0, self.delta));
            return !(if y == 1 { least > threshold } else { most < threshold });
        }
        z.against(y, self.delta);
        !beyond(z)
    }
}
