//! Candle modules trained by candle-nn's own optimiser, connected afterwards.
//!
//! The variables of a `VarMap` and a point of collado are exchanged as files with the same names.
#![allow(clippy::print_stdout)]

use std::path::Path as File;

use candle_nn::{AdamW, Linear as Layer, Optimizer, ParamsAdamW, VarBuilder, VarMap, loss};
use collado::{
    candle::{Module, Result as CandleResult},
    files::{Provenance, read_point, write_point},
    prelude::*,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

struct Net {
    hidden: Layer,
    last: Layer,
}

impl Net {
    fn new(vb: VarBuilder<'_>) -> CandleResult<Self> {
        Ok(Self {
            hidden: candle_nn::linear(64, 32, vb.pp("hidden"))?,
            last: candle_nn::linear(32, 10, vb.pp("last"))?,
        })
    }
}

impl Module for Net {
    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        self.last.forward(&self.hidden.forward(x)?.gelu_erf()?)
    }
}

/// Trains the point in `file`, by nothing but candle, and writes it there again.
fn train(file: &File, x: &Tensor, y: &Tensor) -> CandleResult<()> {
    let mut variables = VarMap::new();
    let net = Net::new(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    variables.load(file)?;
    let mut adam = AdamW::new(variables.all_vars(), ParamsAdamW { lr: 1e-2, ..ParamsAdamW::default() })?;
    for _ in 0..150 {
        adam.backward_step(&loss::cross_entropy(&net.forward(x)?, y)?)?;
    }
    variables.save(file)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado::data::digits()?.train;
    let examples = Examples::try_from(&data)?;
    let labels = examples.targets().classes().ok_or("expected classes")?;
    let (x, y) = (examples.inputs(DType::F32)?.clone(), Tensor::new(labels, &Device::Cpu)?);
    let risk = ModuleObjective::new(Net::new, &examples, Criterion::default())?;

    let folder = tempfile::tempdir()?;
    let mut minima = Vec::new();
    for seed in [0, 1] {
        let file = folder.path().join(format!("net-{seed}.safetensors"));
        let start = risk.init(&mut ChaCha8Rng::seed_from_u64(seed))?;
        write_point(&file, risk.layout(), &start, &Provenance::default())?;
        train(&file, &x, &y)?;
        minima.push(read_point(&file, risk.layout())?.0);
    }

    let curve = Curve { epochs: 30, ..Curve::bezier(2) };
    for (name, method) in [("line", &Linear as &dyn Connect), ("Bézier", &curve)] {
        let barrier = method.connect(&risk, &minima[0], &minima[1])?.profile(&risk, 21)?.barrier();
        println!("{name}: highest risk {:.4}, {:.4} above the ends", barrier.max, barrier.above_ends);
    }
    Ok(())
}
