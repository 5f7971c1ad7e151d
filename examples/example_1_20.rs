//! Example 1.20 of Berner et al. 2021: the risk of a six-parameter network is not convex.
//!
//! Two parameter points give the same function and risk 0; their midpoint gives 0 and risk exactly ½.
#![allow(clippy::print_stdout)]

use collado::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x = Tensor::new(&[[-1.], [1.]], &Device::Cpu)?;
    let y = Tensor::new(&[[0.], [1.]], &Device::Cpu)?;
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = EmpiricalRisk::new(Arch::example_1_20(), Examples::new(&x, &y)?, criterion)?;

    // A row is (θ₃, θ₄, θ₅, θ₆, θ₁, θ₂).
    let theta = Tensor::new(&[1., 1., 1., 0., 1., -1.], &Device::Cpu)?;
    let theta_bar = Tensor::new(&[1., 1., 0., 1., -1., 1.], &Device::Cpu)?;
    let line = Path::segment(&theta, &theta_bar)?.profile(&risk, 5)?;
    for (t, risk) in line.t.iter().zip(line.risks()) {
        println!("F(γ({t:.2})) = {risk}");
    }
    assert_eq!(line.barrier().above_ends, 0.5);
    Ok(())
}
