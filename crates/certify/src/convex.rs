//! Legs on which the risk is convex, so that its ends bound it.

use collado_models::Layer;

use crate::leg::Leg;

/// Whether the outputs are affine in τ on a leg, so that F is convex. This is decided exactly, by comparing numbers.
///
/// It holds on a segment where only one layer moves and no activation follows it (the last layer, or any layer of a
/// linear network), or where besides the last layer only neurons move whose outgoing weights are 0 at both ends.
pub(crate) fn is_convex(leg: &Leg, layers: &[Layer], linear: bool) -> bool {
    let [a, b] = leg.vertices.as_slice() else { return false };
    let moves = |layer: &Layer, row: usize| {
        let weight = layer.column(row, 0)..layer.column(row + 1, 0);
        let bias = |v| layer.bias_of(v).map(|bias: &[f64]| bias[row]);
        a[weight.clone()] != b[weight] || bias(a) != bias(b)
    };
    let moving: Vec<usize> =
        (0..layers.len()).filter(|&k| (0..layers[k].outputs()).any(|row| moves(&layers[k], row))).collect();
    let last = layers.len() - 1;
    match moving.as_slice() {
        [] => true,
        [k] if linear || *k == last => true,
        _ => moving.iter().filter(|&&k| k != last).all(|&k| {
            let above = &layers[k + 1];
            let silent = |row: usize| {
                let zero = |v: &[f64]| (0..above.outputs()).all(|j| v[above.column(j, row)] == 0.);
                zero(a) && zero(b)
            };
            (0..layers[k].outputs()).all(|row| !moves(&layers[k], row) || silent(row))
        }),
    }
}
