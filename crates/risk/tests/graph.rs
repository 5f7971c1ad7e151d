//! `risk_node` inside a candle graph.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use collado_models::{ArchSpec, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Objective, Rows, Span, risk_node};

/// θ = c·v for a Var c: autodiff through the node gives dF/dc = ⟨∇F, v⟩, and the node's value is F.
#[test]
fn gradients_flow_through_the_node_to_what_theta_was_made_of() {
    let arch = "relu:4-6-3".parse::<ArchSpec>().unwrap().resolve(4, 3).unwrap();
    let x: Vec<f64> = (0..40).map(|i| (f64::from(i) * 1.7).sin()).collect();
    let x = Tensor::from_slice(&x, (10, 4), &Device::Cpu).unwrap();
    let y = Tensor::from_slice(&[0_u32, 1, 2, 0, 1, 2, 0, 1, 2, 0], 10, &Device::Cpu).unwrap();
    let objective = EmpiricalRisk::new(&arch, Examples::new(&x, &y).unwrap(), Criterion::default())
        .unwrap()
        .with_memory(1 << 20);
    let v = Init::default().stack(&arch, &[0, 1], DType::F64, &Device::Cpu).unwrap();
    let objective: Arc<dyn Objective> = Arc::new(objective);
    for rows in [None, Some(vec![1_u32, 5, 7])] {
        let c = Var::new(&[[0.7_f64], [1.3]], &Device::Cpu).unwrap();
        let theta = v.broadcast_mul(c.as_tensor()).unwrap();
        let risks = risk_node(Arc::clone(&objective), &theta, rows.clone()).unwrap();
        // Weights 1 and 3 on the two risks, so that the upstream gradient matters.
        let weights = Tensor::new(&[1_f64, 3.], &Device::Cpu).unwrap();
        let total = (&risks * weights).unwrap().sum_all().unwrap();
        let slope = total.backward().unwrap().get(&c).unwrap().to_vec2::<f64>().unwrap();
        let span = Span::stack(&theta.detach()).unwrap();
        let mut grad = theta.zeros_like().unwrap();
        let which = rows.as_deref().map_or(Rows::All, Rows::Shared);
        let values = objective.evaluate(&span, which, Some(&mut grad)).unwrap();
        let inner = (grad * &v).unwrap().sum(1).unwrap().to_vec1::<f64>().unwrap();
        for i in 0..2 {
            assert_eq!(risks.to_vec1::<f64>().unwrap()[i], values[i].risk);
            let expected = [1., 3.][i] * inner[i];
            assert!((slope[i][0] - expected).abs() < 1e-13, "{} {expected}", slope[i][0]);
        }
    }
}
