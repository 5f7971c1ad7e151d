//! Example 1.20 of Berner et al. 2021: the risk of a six-parameter network is not convex.
//!
//! Two parameter points give the same function and risk 0; their midpoint gives 0 and risk exactly ½.
#![allow(clippy::print_stdout)]

use candle_core::{Device, Tensor};
use collado_models::Arch;
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Path, profile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arch = Arch::example_1_20();
    let x = Tensor::new(&[[-1.], [1.]], &Device::Cpu)?;
    let y = Tensor::new(&[[0.], [1.]], &Device::Cpu)?;
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let objective = EmpiricalRisk::new(&arch, Examples::new(&x, &y)?, criterion)?.with_memory(1 << 20);

    // A row is (θ₃, θ₄, θ₅, θ₆, θ₁, θ₂).
    let theta = Tensor::new(&[1., 1., 1., 0., 1., -1.], &Device::Cpu)?;
    let theta_bar = Tensor::new(&[1., 1., 0., 1., -1., 1.], &Device::Cpu)?;
    let line = profile(&Path::segment(&theta, &theta_bar)?, 5, &objective, None)?;
    for (t, risk) in line.t.iter().zip(line.risks()) {
        println!("F(γ({t:.2})) = {risk}");
    }
    assert_eq!(line.barrier().above_ends, 0.5);
    Ok(())
}
