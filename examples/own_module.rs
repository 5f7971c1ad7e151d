//! A candle module of one's own, with a residual connection: trained, connected, saved and read again.
#![allow(clippy::print_stdout)]

use candle_nn::{Linear as Layer, VarBuilder};
use collado::{
    candle::{Module, Result as CandleResult},
    dynamics::{TrainSettings, train},
    files::{Provenance, read_point, write_point},
    prelude::*,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// $x\mapsto W_2(h+\tanh(Bh))$ with $h=\tanh(W_1x)$.
struct Residual {
    first: Layer,
    block: Layer,
    last: Layer,
}

impl Residual {
    fn new(vb: VarBuilder<'_>) -> CandleResult<Self> {
        Ok(Self {
            first: candle_nn::linear(1, 12, vb.pp("first"))?,
            block: candle_nn::linear(12, 12, vb.pp("block"))?,
            last: candle_nn::linear(12, 1, vb.pp("last"))?,
        })
    }
}

impl Module for Residual {
    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let h = self.first.forward(x)?.tanh()?;
        let h = (&h + self.block.forward(&h)?.tanh()?)?;
        self.last.forward(&h)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado::data::load("synthetic:sine?n=64")?.train;
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = ModuleObjective::new(Residual::new, &Examples::try_from(&data)?, criterion)?;

    let start = [0, 1].map(|seed| risk.init(&mut ChaCha8Rng::seed_from_u64(seed)));
    let start = Tensor::stack(&start.into_iter().collect::<Result<Vec<_>, _>>()?, 0)?;
    let settings = TrainSettings { epochs: 200, batch: 16, lr: 0.02, ..TrainSettings::default() };
    let minima = train(&risk, &start, &[0, 1], &settings, &mut ())?;

    // The file has PyTorch's names: `first.weight`, `first.bias`, …
    let file = std::env::temp_dir().join(format!("residual-{}.safetensors", std::process::id()));
    write_point(&file, risk.layout(), &minima.runs[0].theta, &Provenance::default())?;
    let (a, _) = read_point(&file, risk.layout())?;
    std::fs::remove_file(&file)?;

    let curve = Curve { epochs: 200, batch: 16, lr: 5e-3, ..Curve::default() };
    for (name, method) in [("line", &Linear as &dyn Connect), ("Bézier", &curve)] {
        let barrier = method.connect(&risk, &a, &minima.runs[1].theta)?.profile(&risk, 61)?.barrier();
        println!("{name}: highest risk {:.4}, barrier above the ends {:.4}", barrier.max, barrier.above_ends);
    }
    Ok(())
}
