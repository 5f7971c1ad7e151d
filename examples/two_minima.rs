//! Two minima trained apart, written and read back as checkpoints: as far from each other as from the start, equally
//! good, and with a mountain on the straight line between them.
#![allow(clippy::print_stdout)]

use collado::{
    candle,
    files::{Provenance, ReadOptions},
    prelude::*,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado::data::digits()?;
    let arch = Arch::relu([64, 32, 32, 10])?;
    let risk = arch.risk(&data.train)?;
    let trainer = Trainer::default().epochs(40);
    let starts = trainer.init.stack(&arch, &[0, 1], DType::F32, &Device::Cpu)?;
    let folder = tempfile::tempdir()?;

    let mut minima = Vec::new();
    for (seed, end) in trainer.minima(&risk, [0, 1])?.into_iter().enumerate() {
        let value = risk.at(&end.unsqueeze(0)?, Rows::All, None)?[0];
        let walked = norm(&(&end - starts.get(seed)?)?)?;
        println!("seed {seed}: risk {:.5}, {walked:.2} from its start", value.risk);

        // PyTorch's names and shapes: load_state_dict takes the file as it is.
        let file = folder.path().join(format!("seed-{seed}.safetensors"));
        Checkpoint::new(arch.clone(), end, Provenance::default()).write(&file)?;
        minima.push(Checkpoint::read(&file, &ReadOptions::default())?.theta);
    }

    let barrier = Linear.connect(&risk, &minima[0], &minima[1])?.profile(&risk, 61)?.barrier();
    println!("distance of the two: {:.2}", norm(&(&minima[1] - &minima[0])?)?);
    println!("highest risk on the line: {:.4}, {:.4} above the ends", barrier.max, barrier.above_ends);
    Ok(())
}

fn norm(x: &Tensor) -> candle::Result<f64> {
    x.to_dtype(DType::F64)?.sqr()?.sum_all()?.sqrt()?.to_scalar()
}
