//! Two minima trained apart, written and read back as checkpoints: as far from each other as from the start, equally
//! good, and with a mountain on the straight line between them.
#![allow(clippy::print_stdout)]

use candle_core::{DType, Device, Tensor};
use collado_data::Targets;
use collado_dynamics::{Connect, Epoch, Linear, Search, TrainSettings, train};
use collado_files::{Checkpoint, Provenance, ReadOptions};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, profile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado_data::digits()?.train;
    let Targets::Classes { labels, .. } = &data.targets else { return Err("digits are classes".into()) };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu)?;
    let arch = Arch::dense(Activation::Relu, &[64, 32, 32, 10], true)?;
    let objective = EmpiricalRisk::new(&arch, Examples::new(&data.inputs, &labels)?, Criterion::default())?
        .with_memory(64 << 20);
    let folder = tempfile::tempdir()?;

    let mut minima = Vec::new();
    for seed in [0, 1] {
        let start = Init::default().stack(&arch, &[seed], DType::F32, &Device::Cpu)?;
        let settings = TrainSettings { epochs: 40, ..TrainSettings::default() };
        let run = train(&objective, &start, &[seed], &settings, &mut |_: &Epoch<'_>| Ok(()))?.runs.remove(0);
        let walked = norm(&(&run.theta - start.get(0)?)?)?;
        println!(
            "seed {seed}: risk {:.5} after {} steps, {walked:.2} from its start",
            run.value.risk, run.steps
        );

        // PyTorch's names and shapes: load_state_dict takes the file as it is.
        let file = folder.path().join(format!("seed-{seed}.safetensors"));
        let (arch, theta) = (arch.clone(), run.theta);
        Checkpoint::new(arch, theta, Provenance::default()).write(&file)?;
        minima.push(Checkpoint::read(&file, &ReadOptions::default())?.theta);
    }

    let mut search = Search { objective: &objective, seed: 0, progress: &mut |_, _| true };
    let line = Linear.find(&minima[0], &minima[1], &mut search)?.path;
    let barrier = profile(&line, 61, &objective, None)?.barrier();
    println!("distance of the two: {:.2}", norm(&(&minima[1] - &minima[0])?)?);
    println!("highest risk on the line: {:.4}, {:.4} above the ends", barrier.max, barrier.above_ends);
    Ok(())
}

fn norm(x: &Tensor) -> candle_core::Result<f64> {
    x.to_dtype(DType::F64)?.sqr()?.sum_all()?.sqrt()?.to_scalar()
}
