//! The parameters of one layer on a piece of a leg, with the bounds of their rounding errors.

use collado_models::{Affine, Map};

use crate::{
    convolve::convolve,
    leg::Leg,
    matrix::{product, product_t},
    rounding::{U, gamma},
    single::Single,
    taylor::Taylor,
    tiles::Tile,
};

/// The parameters of one layer on a piece of a leg: $W(s)=\sum_ks^kD_k$ for $|s|\le\delta$.
pub(crate) struct LayerPiece {
    map: Map,
    /// The number of inputs of a dot product.
    pub(crate) inputs: usize,
    /// The number of features or channels that it puts out.
    pub(crate) outputs: usize,
    /// The number of pixels of a channel that it puts out; 1 for features.
    pub(crate) positions: usize,
    /// The matrices $D_0,\dots,D_d$ one below the other, `[(d+1) out, in]`.
    pub(crate) weights: Vec<f64>,
    /// An upper bound `[out, in]` of $\sum_k\delta^k|D_k|$, and so of $|W(s)|$, plus [`SHARE`] of the vertices' bound,
    /// which carries the rounding errors of the $D_k$.
    pub(crate) radius: Vec<f64>,
    /// The upper bound of the vertices' absolute values, `[out, in]`.
    bound: Vec<f64>,
    /// The powers $\delta^k$.
    powers: Vec<f64>,
    /// The coefficients of the bias, `[(d+1), out]`; zeros where there is none.
    pub(crate) bias: Vec<f64>,
    /// An upper bound `[out]` of the bias's absolute values at all vertices.
    pub(crate) bias_bound: Vec<f64>,
    /// The matrices of a dense layer in single precision, where it may be used.
    pub(crate) single: Option<Single>,
}

/// The share of the vertices' bound in [`LayerPiece::radius`]: small beside the radius itself, large beside rounding.
const SHARE: f64 = 1. / 8192.;
/// Covers the underflow of a parameter; it is far below any relevant number.
const FLOOR: f64 = 1e-300;

impl LayerPiece {
    /// The parameters of a layer on a piece.
    pub(crate) fn new(leg: &Leg, layer: &Affine, taylor: &Taylor) -> Self {
        let (n, m) = (layer.outputs(), layer.fan_in());
        let powers: Vec<f64> = (0..taylor.rows.len()).map(|k| taylor.power(k)).collect();
        let mut weights = vec![0.; powers.len() * n * m];
        let mut bias = vec![0.; powers.len() * n];
        for k in 0..powers.len() {
            let vertices = leg.vertices.iter();
            taylor.combine(
                k,
                vertices.clone().map(|v| layer.weight_of(v)),
                &mut weights[k * n * m..][..n * m],
            );
            if layer.bias.is_some() {
                let biases = vertices.map(|v| layer.bias_of(v).expect("the layer has a bias"));
                taylor.combine(k, biases, &mut bias[k * n..][..n]);
            }
        }
        let bound = layer.weight_of(&leg.bound).to_vec();
        let bias_bound = layer.bias_of(&leg.bound).map_or_else(|| vec![0.; n], <[f64]>::to_vec);
        let radius = radius(&weights, &bound, &powers);
        let (map, positions) = (layer.map, positions(&layer.map));
        // Convolutions gather what they multiply, which takes as long as the products of few channels.
        let single = taylor.single && matches!(map, Map::Dense { .. });
        let single = if single { Single::new(&weights, &radius, (n, m), taylor) } else { None };
        Self {
            map,
            inputs: m,
            outputs: n,
            positions,
            weights,
            radius,
            bound,
            powers,
            bias,
            bias_bound,
            single,
        }
    }

    /// The number of neurons, or channels times pixels, that it puts out.
    pub(crate) fn neurons(&self) -> usize {
        self.outputs * self.positions
    }

    /// `out` $=Wx$ for each of `weights`, matrices like [`radius`](Self::radius) one below the other, and `width`
    /// numbers for each neuron of `x`.
    pub(crate) fn product(&self, out: &mut [f64], weights: &[f64], x: &[f64], width: usize) {
        match &self.map {
            Map::Dense { .. } => product(out, weights, x, (weights.len() / self.inputs, self.inputs, width)),
            Map::Conv2d(conv) => convolve(out, weights, x, conv, width),
        }
    }

    /// The dense layer that puts out the margins $z_j-z_y$ for all j ≠ y, on which the cross-entropy of class y depends.
    pub(crate) fn margins(&self, y: usize, taylor: &Taylor) -> Self {
        let (n, m) = (self.outputs, self.inputs);
        let rows = |matrix: &[f64], f: fn(f64, f64) -> f64| -> Vec<f64> {
            let width = matrix.len() / n;
            let of = &matrix[y * width..][..width];
            let others = matrix.chunks_exact(width).enumerate().filter(|(j, _)| *j != y);
            others.flat_map(|(_, row)| row.iter().zip(of).map(|(&a, &b)| f(a, b))).collect()
        };
        let difference = |a, b| a - b;
        let weights: Vec<f64> = self.weights.chunks_exact(n * m).flat_map(|w| rows(w, difference)).collect();
        let bound = rows(&self.bound, |a, b| a + b);
        let radius = radius(&weights, &bound, &self.powers);
        let single = self.single.as_ref().and_then(|_| Single::new(&weights, &radius, (n - 1, m), taylor));
        Self {
            map: Map::Dense { inputs: m, outputs: n - 1 },
            inputs: m,
            outputs: n - 1,
            positions: 1,
            radius,
            weights,
            bound,
            single,
            powers: self.powers.clone(),
            bias: self.bias.chunks_exact(n).flat_map(|b| rows(b, difference)).collect(),
            bias_bound: rows(&self.bias_bound, |a, b| a + b),
        }
    }
}

/// Computes [`LayerPiece::radius`].
fn radius(weights: &[f64], bound: &[f64], powers: &[f64]) -> Vec<f64> {
    let mut radius: Vec<f64> = bound.iter().map(|b| SHARE * b + FLOOR).collect();
    for (d, &power) in weights.chunks_exact(bound.len().max(1)).zip(powers) {
        radius.iter_mut().zip(d).for_each(|(r, d)| *r += power * d.abs());
    }
    radius
}

/// The constants of a layer's rounding on a piece.
#[derive(Clone, Copy)]
pub(crate) struct Slack {
    /// The factor of |W||a| in the error.
    pub(crate) product: f64,
    /// The factor of the bias's bound in the error.
    pub(crate) bias: f64,
    /// The factor that rounds a radius up.
    pub(crate) up: f64,
}

impl Slack {
    /// The constants for dot products of length `n`.
    ///
    /// The products and what is done with their results err by γ of n + 2d + 16 on $\sum_k\delta^k|D_k||a|$, in which
    /// differences of two rows count once more; parameters by [`Taylor::error`] times the growth on the vertices'
    /// bound, of which the radius holds [`SHARE`].
    pub(crate) fn new(n: usize, taylor: &Taylor) -> Self {
        let d = taylor.degree();
        let parameters = 2. * taylor.growth * taylor.error();
        // Radii meet the errors of parameters as well, for which the share is enough but on very long pieces of curves with
        // thirty bends.
        let on_radii = if parameters > SHARE { parameters / SHARE } else { 0. };
        Self {
            product: 2. * gamma(n + 2 * d + 32) + parameters / SHARE,
            bias: parameters + taylor.growth * gamma(2 * d + 32),
            up: (1. + gamma(2 * n + 32 * d + 64)) * (1. + on_radii),
        }
    }

    /// The factor for the first layer, of $|W||x|+|b|$ at the vertices.
    pub(crate) fn first(n: usize, taylor: &Taylor) -> f64 {
        2. * taylor.growth * (gamma(n + 8) + taylor.error() + 32. * U)
    }
}

/// The first layer's results at the vertices of a leg, for one tile. The first layer is linear in the parameters, so
/// that its results on every piece are combinations of these.
pub(crate) struct FirstLayer {
    /// The products $V_jx+b_j$, `[(d+1)][out][T]`.
    pub(crate) products: Vec<f64>,
    /// An upper bound of $|V_j||x|+|b_j|$ for every j, `[out][T]`.
    pub(crate) bound: Vec<f64>,
    /// The number of pixels in a channel.
    pub(crate) positions: usize,
    /// The number of examples T.
    t: usize,
}

impl FirstLayer {
    /// The memory that it takes, in bytes.
    pub(crate) fn bytes(leg: &Leg, layer: &Affine, tile: &Tile) -> usize {
        let neurons = layer.outputs() * positions(&layer.map);
        size_of::<f64>() * (leg.vertices.len() + 1) * neurons * tile.rows.len()
    }

    /// Computes the results for inputs `x` `[T, in]`.
    pub(crate) fn new(leg: &Leg, layer: &Affine, tile: &Tile, x: &[f64]) -> Self {
        let (t, positions) = (tile.rows.len(), positions(&layer.map));
        let size = layer.outputs() * positions * t;
        let shape = (layer.outputs(), layer.fan_in(), t);
        // Convolutions read inputs pixel by pixel.
        let pixels = |x: &[f64]| match layer.map {
            Map::Dense { .. } => x.to_vec(),
            Map::Conv2d(_) => transposed(x, t),
        };
        let fill = |point: &[f64], x: &[f64], out: &mut [f64]| {
            match &layer.map {
                Map::Dense { .. } => product_t(out, layer.weight_of(point), x, shape),
                Map::Conv2d(conv) => convolve(out, layer.weight_of(point), x, conv, t),
            }
            for (z, b) in out.chunks_exact_mut(positions * t).zip(layer.bias_of(point).unwrap_or_default()) {
                z.iter_mut().for_each(|z| *z += b);
            }
        };
        let mut products = vec![0.; leg.vertices.len() * size];
        let x = pixels(x);
        products.chunks_exact_mut(size).zip(&leg.vertices).for_each(|(out, v)| fill(v, &x, out));
        let mut bound = vec![0.; size];
        fill(&leg.bound, &x.iter().map(|x| x.abs()).collect::<Vec<_>>(), &mut bound);
        Self { products, bound, positions, t }
    }

    /// The results for examples at these places, each a layer of `from` and the number of an example there.
    pub(crate) fn gathered(from: &[Self], places: &[(usize, usize)]) -> Self {
        let t = places.len();
        let gather = |of: fn(&Self) -> &Vec<f64>| {
            let mut out = vec![0.; of(&from[0]).len() / from[0].t * t];
            for (at, &(layer, e)) in places.iter().enumerate() {
                let numbers = of(&from[layer])[e..].iter().step_by(from[layer].t);
                out[at..].iter_mut().step_by(t).zip(numbers).for_each(|(x, y)| *x = *y);
            }
            out
        };
        let (products, bound) = (gather(|layer| &layer.products), gather(|layer| &layer.bound));
        Self { products, bound, positions: from[0].positions, t }
    }
}

/// The number of pixels of a channel that a map puts out; 1 for features.
pub(crate) fn positions(map: &Map) -> usize {
    match map {
        Map::Dense { .. } => 1,
        Map::Conv2d(conv) => conv.output_size().iter().product(),
    }
}

/// The columns of `x` `[t, n]`, one after the other.
fn transposed(x: &[f64], t: usize) -> Vec<f64> {
    let n = x.len() / t;
    (0..n).flat_map(|i| (0..t).map(move |e| x[e * n + i])).collect()
}
