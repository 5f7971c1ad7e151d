//! A connector of one's own: a chain over one point in the middle, trained by plain gradient descent.
//!
//! A [`Connect`] writes `find`: a path, and what is known about it. Everything that takes a connector takes it.
#![allow(clippy::print_stdout)]

use collado::{dynamics, prelude::*};

/// The chain A, m, B with m moved down the gradient of the risk at m.
struct OverOnePoint {
    steps: u64,
    lr: f64,
}

impl Connect for OverOnePoint {
    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> dynamics::Result<Connection> {
        let mut middle = ((a + b)? / 2.)?.unsqueeze(0)?;
        let mut gradient = middle.zeros_like()?;
        for _ in 0..self.steps {
            search.objective.at(&middle, Rows::All, Some(&mut gradient))?;
            middle = (middle - (&gradient * self.lr)?)?;
        }
        let vertices = Tensor::stack(&[a, &middle.squeeze(0)?, b], 0)?;
        Ok(Path::polychain(vertices)?.into())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado::data::digits()?;
    let risk = Arch::relu([64, 32, 10])?.risk(&data.train)?;
    let [a, b] = Trainer::default().epochs(20).minima(&risk, [0, 1])?;
    let own = OverOnePoint { steps: 200, lr: 0.2 };
    for (name, method) in [("line", &Linear as &dyn Connect), ("own", &own), ("Bézier", &Curve::bezier(1))] {
        let barrier = method.connect(&risk, &a, &b)?.profile(&risk, 61)?.barrier();
        println!("{name:7} highest risk {:.4}, above the ends {:.4}", barrier.max, barrier.above_ends);
    }
    Ok(())
}
