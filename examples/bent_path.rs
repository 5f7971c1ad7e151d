//! Two minima of a small network, the straight line between them, and a bent path around the mountain.
#![allow(clippy::print_stdout)]

use candle_core::{DType, Device, Tensor};
use collado_data::Targets;
use collado_dynamics::{Connect, Curve, Epoch, Linear, Search, TrainSettings, train};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, profile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado_data::digits()?.train;
    let Targets::Classes { labels, .. } = &data.targets else { return Err("digits are classes".into()) };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu)?;
    let arch = Arch::dense(Activation::Relu, &[64, 32, 32, 10], true)?;
    let objective = EmpiricalRisk::new(&arch, Examples::new(&data.inputs, &labels)?, Criterion::default())?
        .with_memory(64 << 20);

    // Both minima are trained as one stack [2, S].
    let start = Init::default().stack(&arch, &[0, 1], DType::F32, &Device::Cpu)?;
    let settings = TrainSettings { epochs: 40, ..TrainSettings::default() };
    let minima = train(&objective, &start, &[0, 1], &settings, &mut |_: &Epoch<'_>| Ok(()))?;
    let (a, b) = (&minima.runs[0].theta, &minima.runs[1].theta);

    for (name, method) in [("line", &Linear as &dyn Connect), ("Bézier", &Curve::default())] {
        let mut search = Search { objective: &objective, seed: 0, progress: &mut |_, _| true };
        let path = method.find(a, b, &mut search)?.path;
        let barrier = profile(&path, 61, &objective, None)?.barrier();
        println!("{name}: highest risk {:.4}, barrier above the ends {:.4}", barrier.max, barrier.above_ends);
    }
    Ok(())
}
