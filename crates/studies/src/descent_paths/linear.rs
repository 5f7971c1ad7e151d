//! Deep linear networks: from any point the explicit path of Freeman & Bruna to a factorisation of the closed-form optimum.

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Connect, DeepLinear, LinearOptimum, Search, linear_optimum};
use collado_models::{Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Regularizer, profile};

use super::{DescentPath, DescentPathsSettings, Family};
use crate::{Result, synthetic::regression};

/// Number of examples.
const EXAMPLES: usize = 60;
/// Number of points at which F is looked at on a path.
const POINTS: usize = 1001;

pub(super) fn family(settings: &DescentPathsSettings) -> Result<Family> {
    let arch = settings.linear.with_ends(1, 1);
    let (d, q, seed) = (arch.inputs(), arch.outputs(), settings.seed);
    let (inputs, targets) =
        regression(&format!("synthetic:linear?d={d}&q={q}&n={EXAMPLES}&noise=0.5&seed={seed}"))?;
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets)?, criterion)?.with_memory(256 << 20);
    let optimum = linear_optimum(&inputs, &targets, d.min(q), false)?;
    let end = factored(&arch, &optimum)?;
    let seeds: Vec<u64> = (0..settings.starts as u64).map(|i| seed.wrapping_add(i)).collect();
    let starts = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu)?;
    let method = DeepLinear::new(&objective);
    let paths = (0..settings.starts).map(|i| {
        let mut search = Search { objective: &objective, seed: 0, progress: &mut () };
        let path = method.find(&starts.get(i)?, &end, &mut search)?.path;
        let risks = profile(&path, POINTS, &objective, None)?.risks();
        let vertices = path.vertices().dims()[0];
        Ok(DescentPath { start: "random", risks, optimum: optimum.risk, vertices })
    });
    Ok(Family {
        name: format!("deep linear network {}", settings.linear),
        width: None,
        paths: paths.collect::<Result<_>>()?,
        missing: None,
    })
}

/// The point of the network with $W_1=\lbrack P;0\rbrack$ and identities after it, where q is not above the hidden widths.
fn factored(arch: &Arch, optimum: &LinearOptimum) -> Result<Tensor> {
    let (d, q) = (arch.inputs(), arch.outputs());
    let mut theta = Vec::with_capacity(arch.layout().len());
    for (k, sides) in arch.widths().windows(2).enumerate() {
        let (columns, rows) = (sides[0], sides[1]);
        for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
            theta.push(match k {
                0 if i < q => optimum.product[i * d + j],
                0 => 0.,
                _ => f64::from(u8::from(i == j && i < q)),
            });
        }
    }
    let size = theta.len();
    Ok(Tensor::from_vec(theta, size, &Device::Cpu)?)
}
