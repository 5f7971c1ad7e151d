//! A network that collado does not know: any candle module from a `VarBuilder` closure, two minima of it, connected.
#![allow(clippy::print_stdout)]

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Linear as Layer, VarBuilder, linear};
use collado_dynamics::{Connect, Curve, Epoch, Linear, Search, TrainSettings, train};
use collado_risk::{Criterion, Examples, Loss, ModuleObjective, profile};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A residual block between two linear layers.
struct Residual {
    first: Layer,
    block: Layer,
    last: Layer,
}

impl Residual {
    fn new(vb: VarBuilder<'_>) -> candle_core::Result<Self> {
        Ok(Self {
            first: linear(1, 16, vb.pp("first"))?,
            block: linear(16, 16, vb.pp("block"))?,
            last: linear(16, 1, vb.pp("last"))?,
        })
    }
}

impl Module for Residual {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let h = self.first.forward(x)?.tanh()?;
        let h = (&h + self.block.forward(&h)?.tanh()?)?;
        self.last.forward(&h)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado_data::load("synthetic:sine?n=64")?.train;
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let objective = ModuleObjective::new(Residual::new, &Examples::try_from(&data)?, criterion)?;

    let start = [0, 1].map(|seed| objective.init(&mut ChaCha8Rng::seed_from_u64(seed)));
    let [a, b] = start;
    let start = Tensor::stack(&[a?, b?], 0)?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?;
    let settings = TrainSettings { epochs: 200, batch: 16, lr: 0.02, ..TrainSettings::default() };
    let minima = train(&objective, &start, &[0, 1], &settings, &mut |_: &Epoch<'_>| Ok(()))?;

    let curve = Curve { epochs: 200, batch: 16, lr: 5e-3, ..Curve::default() };
    for (name, method) in [("line", &Linear as &dyn Connect), ("Bézier", &curve)] {
        let mut search = Search { objective: &objective, seed: 0, progress: &mut |_, _| true };
        let path = method.find(&minima.runs[0].theta, &minima.runs[1].theta, &mut search)?.path;
        let barrier = profile(&path, 61, &objective, None)?.barrier();
        println!("{name}: highest risk {:.4}, barrier above the ends {:.4}", barrier.max, barrier.above_ends);
    }
    Ok(())
}
