//! A proof that a strict local minimum lies near a point of the plane: the test of Krawczyk 1969 with interval arithmetic.

use collado_certify::Interval;

use super::random::Sample;

/// A rectangle of the plane.
pub(super) type Rectangle = [Interval; 2];

/// Whether two rectangles meet; those of one minimum do.
pub(super) fn meet(a: &Rectangle, b: &Rectangle) -> bool {
    a.iter().zip(b).all(|(a, b)| a.lo() <= b.hi() && b.lo() <= a.hi())
}

/// Krawczyk's test around `w`: a rectangle that holds exactly one zero of $\nabla F$, with $\nabla^2F\succ0$ all over a
/// larger one, so a strict local minimum; nothing where that cannot be proved, as on a plateau.
///
/// With $Y\approx\nabla^2F(w)^{-1}$ and a rectangle B around w, $K=w-Y\nabla F(w)+(I-Y\,\nabla^2F(B))(B-w)$ inside B proves it.
pub(super) fn prove(data: &[Sample], w: [f64; 2]) -> Option<Rectangle> {
    let point = w.map(Interval::point);
    let (gradient, [a, b, c]) = derivatives(data, point);
    let [a, b, c] = [a, b, c].map(Interval::middle);
    let determinant = a * c - b * b;
    let y = [[c / determinant, -b / determinant], [-b / determinant, a / determinant]];
    let size = w[0].hypot(w[1]);
    let newton: Rectangle = std::array::from_fn(|i| gradient[0] * y[i][0] + gradient[1] * y[i][1]);
    // No zero is near on a plateau, nor where the inverse is not finite.
    if !newton.iter().all(|step| step.magnitude() <= 1e-3 * size) {
        return None;
    }
    (3..13).find_map(|e| {
        let radius = size * 10f64.powi(-e);
        let cube = w.map(|w| Interval::around(w, radius));
        let (_, [a, b, c]) = derivatives(data, cube);
        let rest = [cube[0] - point[0], cube[1] - point[1]];
        let image: Rectangle = std::array::from_fn(|i| {
            let one = |j| Interval::point(if i == j { 1. } else { 0. });
            let left = [one(0) - (a * y[i][0] + b * y[i][1]), one(1) - (b * y[i][0] + c * y[i][1])];
            point[i] - newton[i] + left[0] * rest[0] + left[1] * rest[1]
        });
        let inside = (0..2).all(|i| cube[i].lo() < image[i].lo() && image[i].hi() < cube[i].hi());
        (inside && a.lo() > 0. && (a * c - b.square()).lo() > 0.).then_some(image)
    })
}

/// Enclosures over a rectangle of $\frac m2\nabla F$ and of the entries (11, 12, 22) of $\frac m2\nabla^2F$.
fn derivatives(data: &[Sample], w: Rectangle) -> ([Interval; 2], [Interval; 3]) {
    let one = Interval::point(1.);
    let zero = ([Interval::ZERO; 2], [Interval::ZERO; 3]);
    data.iter().fold(zero, |(g, h), Sample { x, y }| {
        let z = w[0] * x[0] + w[1] * x[1];
        let s = (one + (-z).exp()).recip();
        let slope = s * (one + z.exp()).recip();
        let error = s - Interval::point(*y);
        let (first, second) = (error * slope, slope.square() + error * slope * (one - s * 2.));
        let [x0, x1] = x.map(Interval::point);
        let g = [g[0] + first * x0, g[1] + first * x1];
        (g, [h[0] + second * x0.square(), h[1] + second * (x0 * x1), h[2] + second * x1.square()])
    })
}

#[cfg(test)]
mod tests {
    use collado_risk::LogisticNeuron;

    use super::*;

    /// On the axes the minima are the pairs of those of one coordinate.
    #[test]
    fn pairs_of_minima_are_proved_and_plateaus_are_not() {
        let boxes = collado_certify::neuron_minima(&LogisticNeuron::new(1, 3, 10.).unwrap()).boxes;
        assert_eq!(boxes.len(), 3);
        let on_axis =
            |i: usize| [1., 10., 100.].map(|r| Sample { x: if i == 0 { [r, 0.] } else { [0., r] }, y: 0.75 });
        let data: Vec<Sample> = on_axis(0).into_iter().chain(on_axis(1)).collect();
        let pairs = boxes.iter().flat_map(|a| boxes.iter().map(|b| [*a, *b]));
        let mut proved: Vec<Rectangle> = Vec::new();
        for pair in pairs {
            let rectangle = prove(&data, [pair[0].middle() * (1. + 1e-9), pair[1].middle()]).unwrap();
            assert!(meet(&rectangle, &pair), "{rectangle:?}");
            assert!(!proved.iter().any(|other| meet(other, &rectangle)), "{rectangle:?}");
            proved.push(rectangle);
        }
        for w in [[50., 60.], [-30., 0.2], [boxes[0].middle() * 1.2, boxes[0].middle()]] {
            assert!(prove(&data, w).is_none(), "{w:?}");
        }
    }
}
