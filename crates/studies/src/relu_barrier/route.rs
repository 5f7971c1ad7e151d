//! Paths between two points of the network with one neuron, and with two, with certificates.

use candle_core::{Device, Tensor};
use collado_certify::{CertifySettings, certify_path};
use collado_models::Arch;
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Path, Regularizer, profile};

use super::landscape::{Certified, LEVEL, Landscape};
use crate::{
    Result,
    circle::{NeuronRisk, PERIMETER, Pass},
};

/// Number of legs of a way round the circle.
const LEGS: usize = 400;
/// Number of points for pictures.
const POINTS: usize = 401;

/// The place on the boundary of the square of the direction of a point.
fn place([u, b, _]: [f64; 3]) -> f64 {
    let largest = u.abs().max(b.abs());
    if largest == 0. {
        return 0.;
    }
    let (u, b) = (u / largest, b / largest);
    match (u, b) {
        (u, b) if u >= 1. => 1. + b,
        (u, b) if b >= 1. => 3. - u,
        (u, b) if u <= -1. => 5. - b,
        (u, _) => 7. + u,
    }
}

/// The lowest points over the directions from one place to another, counterclockwise or clockwise.
fn way(risk: &NeuronRisk, from: f64, to: f64, counterclockwise: bool) -> Vec<Vec<f64>> {
    let turn = (to - from).rem_euclid(PERIMETER);
    let turn = if counterclockwise { turn } else { turn - PERIMETER };
    let at = |i: usize| (from + turn * i as f64 / LEGS as f64).rem_euclid(PERIMETER);
    (0..=LEGS).map(|i| risk.lowest(at(i)).to_vec()).collect()
}

/// The path between two minima over the pass: through Φ = 0, or round the circle on the side of the pass.
pub(super) fn over(risk: &NeuronRisk, ends: [[f64; 3]; 2], pass: Pass) -> Result<Certified> {
    let [a, b] = ends.map(place);
    let vertices = match pass.over {
        None => vec![ends[0].to_vec(), vec![0.; 3], ends[1].to_vec()],
        Some(top) => {
            let counterclockwise = (top - a).rem_euclid(PERIMETER) < (b - a).rem_euclid(PERIMETER);
            way(risk, a, b, counterclockwise)
        }
    };
    certified(risk, 1, &vertices)
}

/// The path between two points: each moves straight to the lowest point of its direction, and round the circle on the lower side.
pub(super) fn lower_way(risk: &NeuronRisk, ends: [[f64; 3]; 2]) -> Result<Certified> {
    let [a, b] = ends.map(place);
    let highest = |counterclockwise| {
        let turn = (b - a).rem_euclid(PERIMETER) - if counterclockwise { 0. } else { PERIMETER };
        let at = |i: usize| (a + turn * i as f64 / LEGS as f64).rem_euclid(PERIMETER);
        (0..=LEGS).map(|i| risk.value(at(i))).fold(0., f64::max)
    };
    let round = way(risk, a, b, highest(true) <= highest(false));
    let vertices: Vec<Vec<f64>> =
        std::iter::once(ends[0].to_vec()).chain(round).chain([ends[1].to_vec()]).collect();
    certified(risk, 1, &vertices)
}

/// Two neurons: from one minimum with an idle second neuron, that neuron takes the place of the other minimum's neuron, then the
/// first one becomes idle.
pub(super) fn with_idle_neurons(risk: &NeuronRisk, landscape: &Landscape) -> Result<Option<Certified>> {
    let Some((a, b)) = landscape.ends() else { return Ok(None) };
    // The order of a stack: u, u', b, b', w, w'.
    let pair = |[u, b, w]: [f64; 3], [u2, b2, w2]: [f64; 3]| vec![u, u2, b, b2, w, w2];
    let vertices = vec![pair(a, [0.; 3]), pair(a, b), pair([0.; 3], b)];
    certified(risk, 2, &vertices).map(Some)
}

/// The chain through `vertices` of the network with `neurons` neurons, with a certificate.
fn certified(risk: &NeuronRisk, neurons: usize, vertices: &[Vec<f64>]) -> Result<Certified> {
    let column = |values: &[f64]| Tensor::from_slice(values, (values.len(), 1), &Device::Cpu);
    let arch = Arch::two_layer(1, neurons, 1)?;
    let criterion = Criterion { loss: Loss::Squared, kappa: risk.kappa, regularizer: Regularizer::L2 };
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&column(&risk.x)?, &column(&risk.y)?)?, criterion)?
            .with_memory(1 << 26);
    let shape = (vertices.len(), arch.layout().len());
    let path = Path::polychain(Tensor::from_vec(vertices.concat(), shape, &Device::Cpu)?)?;
    let settings = CertifySettings { tolerance: 0.5 * LEVEL, ..CertifySettings::default() };
    let proof = certify_path(&path, &objective, &settings, &mut ())?;
    let sampled = profile(&path, POINTS, &objective, None)?;
    let risks = sampled.risks();
    Ok(Certified {
        upper: proof.hi,
        higher_end: proof.ends.iter().map(|end| end.1).fold(0., f64::max),
        vertices: vertices.len(),
        profile: sampled.t.into_iter().zip(risks).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A direction is found again at its place, and the certificate is one of the risk that the circle is about.
    #[test]
    fn places_and_risks_agree_with_the_circle() {
        let risk = NeuronRisk { x: vec![-1., 0., 1.], y: vec![1., -1., 0.8], kappa: 0.02 };
        for i in 0..80 {
            let at = 0.1 * f64::from(i) + 0.03;
            let theta = risk.lowest(at);
            if theta != [0.; 3] {
                assert!((place(theta) - at).abs() < 1e-12, "{at}");
                let path = certified(&risk, 1, &[theta.to_vec(), vec![0.; 3]]).unwrap();
                assert!((path.profile[0].1 - risk.value(at)).abs() < 1e-12);
                assert!(path.upper >= risk.at_zero().lo());
            }
        }
    }
}
