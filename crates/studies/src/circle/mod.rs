//! All level sets of one ReLU neuron, proved: $\Phi(x)=w\,\rho(ux+b)$ with
//! $F(\theta)=\frac1L\sum(\Phi(x_i)-y_i)^2+\kappa\|\theta\|^2$, θ = (u, b, w) (docs/theory.md §7).
//!
//! For a fixed direction d = (u, b)/‖(u, b)‖ the output depends on $a=w\|(u,b)\|$, F is convex in a, and
//! $\|\theta\|^2\ge2|a|$ with equality at $\|(u,b)\|=|w|$. So the least F of a direction is in closed form,
//! $$g(d)=\tfrac1L\Big(\|y\|^2-\frac{(|s|-\kappa L)_+^2}n\Big),\qquad s=\sum y_iv_i,\quad n=\sum v_i^2,\quad
//! v_i=\rho(\langle d,(x_i,1)\rangle).$$
//! For λ < F(0) the components of $\Omega_F(\lambda)$ are those of {d : g(d) ≤ λ} on the circle: the points over one direction
//! form a connected set, and neither a nor (u, b) can vanish. For λ ≥ F(0) $\Omega_F(\lambda)$ is connected, as F is convex in
//! τ on θ√τ, τ ∈ [0, 1]. Likewise the local minima of F below F(0) are those of g.
//!
//! The circle is followed on the boundary of a square, where (u, b) is affine: [`Arc`]. Interval arithmetic encloses g, and the
//! sign of its slope outside of small arcs around the critical directions.

mod critical;
mod terms;

pub(crate) use self::critical::{Circle, Critical, Pass};
use collado_certify::Interval;

/// The risk of one neuron on few examples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NeuronRisk {
    /// The inputs $x_i$.
    pub(crate) x: Vec<f64>,
    /// The targets $y_i$.
    pub(crate) y: Vec<f64>,
    /// The weight κ of ‖θ‖².
    pub(crate) kappa: f64,
}

/// The length of the boundary of the square $\lbrack-1,1\rbrack^2$.
pub(crate) const PERIMETER: f64 = 8.;

/// A piece of one edge of the square: from `lo` to `hi` along the boundary, counterclockwise from (1, −1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Arc {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
}

impl Arc {
    /// The arc of one direction.
    pub(crate) fn point(at: f64) -> Self {
        Self { lo: at, hi: at }
    }

    /// The edge, 0 to 3; a corner belongs to the edge that it begins.
    fn edge(self) -> u8 {
        // The middle of an arc of positive length is inside its edge.
        (0.25 * (self.lo + self.hi)).min(3.999).floor() as u8
    }

    /// Enclosures of (u, b), their slopes, and the place t on the edge.
    fn direction(self) -> ([Interval; 2], [f64; 2], Interval) {
        let edge = self.edge();
        let start = 2. * f64::from(edge) + 1.;
        let t = Interval::new(self.lo - start, self.hi - start);
        let one = Interval::point(1.);
        match edge {
            0 => ([one, t], [0., 1.], t),
            1 => ([-t, one], [-1., 0.], t),
            2 => ([-one, -t], [0., -1.], t),
            _ => ([t, -one], [1., 0.], t),
        }
    }
}

/// The unit vector of a direction.
pub(crate) fn unit(at: f64) -> [f64; 2] {
    let ([u, b], _, _) = Arc::point(at).direction();
    let (u, b) = (u.middle(), b.middle());
    let norm = u.hypot(b);
    [u / norm, b / norm]
}

/// The least F of each of `count` directions, against its angle in degrees; no direction is a corner of the square, where g may
/// jump.
pub(crate) fn profile(risk: &NeuronRisk, count: u32) -> Vec<(f64, f64)> {
    let at = |i: u32| PERIMETER * (f64::from(i) + 0.5) / f64::from(count);
    (0..count).map(|i| (degrees(at(i)), risk.value(at(i)))).collect()
}

/// Numbers in parentheses, with the sign of minus.
pub(crate) fn tuple(numbers: &[f64]) -> String {
    let text = |x: &f64| x.to_string().replace('-', "−");
    format!("({})", numbers.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// The label of the axis of angles.
pub(crate) const ANGLE: &str = "Direction of (u, b) in degrees";
/// The angles with a meaning: rising to the right, constant, rising to the left, and dead.
pub(crate) const ANGLES: [f64; 4] = [0., 90., 180., 270.];

/// The angle of a direction in degrees, from −45 at the start of the boundary to 315.
pub(crate) fn degrees(at: f64) -> f64 {
    let [u, b] = unit(at);
    let angle = b.atan2(u).to_degrees();
    if angle < -45. - 1e-9 || (angle <= -45. + 1e-9 && at > 1.) { angle + 360. } else { angle }
}

impl NeuronRisk {
    /// An enclosure of F(0), the mean of y².
    pub(crate) fn at_zero(&self) -> Interval {
        self.squares() * Interval::point(self.y.len() as f64).recip()
    }

    fn squares(&self) -> Interval {
        self.y.iter().map(|&y| Interval::point(y).square()).sum()
    }

    /// The point (u, b, w) of least F over a direction; near 0 where none is below F(0).
    pub(crate) fn lowest(&self, at: f64) -> [f64; 3] {
        let [u, b] = unit(at);
        let v = self.x.iter().map(|x| (u * x + b).max(0.));
        let (s, n) = self.y.iter().zip(v).fold((0., 0.), |(s, n), (y, v)| (s + y * v, n + v * v));
        let fitted = (s.abs() - self.kappa * self.y.len() as f64).max(0.);
        let a = if fitted > 0. { fitted / n } else { 0. };
        let root = a.sqrt();
        [root * u, root * b, root.copysign(s)]
    }

    /// g at a direction, in floating point.
    pub(crate) fn value(&self, at: f64) -> f64 {
        self.enclose(Arc::point(at)).middle()
    }
}
