//! Enclosures of the planted risk, its gradient and its Hessian over boxes, by closed formulas.

use collado_risk::Planted;

use super::{Enclosure, TwiceDifferentiable};
use crate::Interval;

impl TwiceDifferentiable for Planted {
    fn enclose(&self, cube: &[Interval]) -> Enclosure {
        enclose(self.n(), self.k(), cube)
    }

    fn hessian(&self, cube: &[Interval]) -> Vec<Interval> {
        hessian(self.n(), self.k(), cube)
    }

    fn outside(&self, cube: &[Interval]) -> Option<Vec<Interval>> {
        Some(outside(self.n(), self.k(), cube))
    }
}

/// The quantities of a pair of vectors of intervals that the formulas need.
struct Pair {
    unit: Vec<Interval>,
    other: Vec<Interval>,
    lengths: (Interval, Interval),
    /// The angle between the vectors.
    angle: Interval,
    sine: Interval,
    cosine: Interval,
}

fn length(x: &[Interval]) -> Interval {
    x.iter().map(|x| x.square()).sum::<Interval>().sqrt()
}

fn scaled(x: &[Interval], by: Interval) -> Vec<Interval> {
    x.iter().map(|&x| x * by).collect()
}

impl Pair {
    fn new(w: &[Interval], v: &[Interval]) -> Self {
        let lengths = (length(w), length(v));
        let (unit, other) = (scaled(w, lengths.0.recip()), scaled(v, lengths.1.recip()));
        let part = |sign: f64| {
            let terms: Vec<_> = unit.iter().zip(&other).map(|(&x, &y)| x + y * sign).collect();
            length(&terms)
        };
        let (minus, plus) = (part(-1.), part(1.));
        let cosine = (plus.square() - minus.square()) * 0.25;
        let angle = minus.angle(plus) * 2.;
        Self { unit, other, lengths, angle, sine: minus * plus * 0.5, cosine }
    }

    /// The value $2\pi f$.
    fn value(&self) -> Interval {
        self.lengths.0 * self.lengths.1 * (self.sine + self.rest() * self.cosine)
    }

    fn rest(&self) -> Interval {
        Interval::pi() - self.angle
    }

    /// Entry a of the gradient $2\pi\,\partial f/\partial w$.
    fn slope(&self, a: usize) -> Interval {
        self.lengths.1 * (self.sine * self.unit[a] + self.rest() * self.other[a])
    }

    /// The unit vector along $\hat v-\cos\varphi\,\hat w$, whose length is sin φ; `None` where the angle may be 0 or π.
    fn normal(&self, of: &[Interval], to: &[Interval]) -> Option<Vec<Interval>> {
        if self.sine.lo() <= 1e-6 {
            return None;
        }
        let by = self.sine.recip();
        Some(to.iter().zip(of).map(|(&y, &x)| (y - self.cosine * x) * by).collect())
    }

    /// The matrix $2\pi\,\partial^2f/\partial w^2$ `[k, k]`. Where the angle may be 0 or π it is enclosed by all S with
    /// $0\preceq S\preceq tI$, $t=2\|v\|\sin\varphi_{\max}/\|w\|$, whose entries off the diagonal are at most t/2 in
    /// size.
    fn same(&self) -> Vec<Interval> {
        let k = self.unit.len();
        let scale = self.sine * self.lengths.1 * self.lengths.0.recip();
        let Some(normal) = self.normal(&self.unit, &self.other) else {
            let t = (2. * scale.magnitude()).next_up();
            let entry = |at: usize| match at / k == at % k {
                true => Interval::new(0., t),
                false => Interval::new(-t, t) * 0.5,
            };
            return (0..k * k).map(entry).collect();
        };
        let entry = |at: usize| {
            let (a, d) = (at / k, at % k);
            let one = if a == d { Interval::point(1.) } else { Interval::ZERO };
            scale * (one - self.unit[a] * self.unit[d] + normal[a] * normal[d])
        };
        (0..k * k).map(entry).collect()
    }

    /// The matrix $2\pi\,\partial^2f/\partial w\partial v$ in the form $(\pi-\varphi)I+\sin\varphi(bb^\top-cc^\top)$.
    /// Where the angle may be 0 or π it uses $|bb^\top-cc^\top|\le1$ entrywise.
    fn mixed(&self) -> Vec<Interval> {
        let k = self.unit.len();
        let directions = (self.sine.lo() > 1e-6).then(|| {
            let part = |sign: f64| {
                let terms: Vec<_> = self.unit.iter().zip(&self.other).map(|(&x, &y)| x + y * sign).collect();
                let by = length(&terms).recip();
                scaled(&terms, by)
            };
            (part(1.), part(-1.))
        });
        let entry = |at: usize| {
            let (a, d) = (at / k, at % k);
            let rest = if a == d { self.rest() } else { Interval::ZERO };
            let bend = match &directions {
                Some((b, c)) => b[a] * b[d] - c[a] * c[d],
                None => Interval::new(-1., 1.),
            };
            rest + self.sine * bend
        };
        (0..k * k).map(entry).collect()
    }
}

fn half_turn() -> Interval {
    (Interval::pi() * 2.).recip()
}

fn teacher(k: usize, j: usize) -> Vec<Interval> {
    (0..k).map(|c| Interval::point(f64::from(u8::from(c == j)))).collect()
}

/// Enclosures of risk and gradient over the box `w` `[n, k]`.
fn enclose(n: usize, k: usize, w: &[Interval]) -> Enclosure {
    let row = |i: usize| &w[i * k..][..k];
    // k/2 on the diagonal, 1/(2 pi) for every pair of teachers
    let mut risk = Interval::point(0.25 * k as f64) + half_turn() * (0.5 * (k * (k - 1)) as f64);
    let mut gradient: Vec<_> = w.iter().map(|&x| x * 0.5).collect();
    for i in 0..n {
        risk = risk + length(row(i)).square() * 0.25;
        let mut add = |pair: &Pair, sign: f64, weight: f64| {
            risk = risk + pair.value() * half_turn() * weight;
            for (a, g) in gradient[i * k..][..k].iter_mut().enumerate() {
                *g = *g + pair.slope(a) * half_turn() * sign;
            }
        };
        (0..k).for_each(|j| add(&Pair::new(row(i), &teacher(k, j)), -1., -1.));
        (0..n).filter(|&j| j != i).for_each(|j| add(&Pair::new(row(i), row(j)), 1., 0.5));
    }
    Enclosure { risk, gradient }
}

/// An enclosure of the Hessian `[nk, nk]` over the box.
fn hessian(n: usize, k: usize, w: &[Interval]) -> Vec<Interval> {
    let (size, row) = (n * k, |i: usize| &w[i * k..][..k]);
    let mut out = vec![Interval::ZERO; size * size];
    for i in 0..n {
        let mut add = |j: usize, block: &[Interval], by: f64| {
            for (at, &x) in block.iter().enumerate() {
                let to = &mut out[(i * k + at / k) * size + j * k + at % k];
                *to = *to + x * half_turn() * by;
            }
        };
        let half: Vec<_> = (0..k).flat_map(|a| teacher(k, a)).map(|x| x * Interval::pi()).collect();
        add(i, &half, 1.);
        (0..k).for_each(|j| add(i, &Pair::new(row(i), &teacher(k, j)).same(), -1.));
        for j in (0..n).filter(|&j| j != i) {
            let pair = Pair::new(row(i), row(j));
            add(i, &pair.same(), 1.);
            add(j, &pair.mixed(), 1.);
        }
    }
    out
}

/// The matrix M `[n, n]` of the directions orthogonal to all teachers and neurons: for d > k inputs the Hessian is
/// that for d = k and d − k copies of M.
fn outside(n: usize, k: usize, w: &[Interval]) -> Vec<Interval> {
    let row = |i: usize| &w[i * k..][..k];
    let mut out = vec![Interval::ZERO; n * n];
    for i in 0..n {
        let share = |pair: Pair| pair.sine * pair.lengths.1 * pair.lengths.0.recip();
        let mut own = Interval::pi();
        for j in 0..k {
            own = own - share(Pair::new(row(i), &teacher(k, j)));
        }
        for j in (0..n).filter(|&j| j != i) {
            let pair = Pair::new(row(i), row(j));
            out[i * n + j] = pair.rest() * half_turn();
            own = own + share(pair);
        }
        out[i * n + i] = own * half_turn();
    }
    out
}
