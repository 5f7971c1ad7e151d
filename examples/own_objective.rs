//! A risk of one's own: a function of the plane with two minima and a pass between them.
//!
//! An [`Objective`] writes `at`: values at many points, and their gradients where they are asked for. Paths, profiles,
//! training and curvature follow from that.
#![allow(clippy::print_stdout)]

use collado::{candle::Result as CandleResult, dynamics::Neb, prelude::*, risk};

/// $F(x,y)=\tfrac1{10}+(x^2-1)^2+2(y-1+x^2)^2$: minima of .1 at (±1, 0), the pass of 1.1 at (0, 1).
struct Valley;

impl Objective for Valley {
    fn at(
        &self,
        theta: &Tensor,
        _: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> risk::Result<Vec<Evaluation>> {
        let points = theta.to_vec2::<f64>()?;
        let parts = |p: &[f64]| (p[0] * p[0] - 1., p[1] - 1. + p[0] * p[0]);
        if let Some(gradient) = gradient {
            let slope = |p: &Vec<f64>| {
                let (w, h) = parts(p);
                [4. * p[0] * w + 8. * p[0] * h, 4. * h]
            };
            let slopes: Vec<f64> = points.iter().flat_map(slope).collect();
            *gradient = Tensor::from_vec(slopes, theta.dims(), theta.device())?;
        }
        let value = |p: &Vec<f64>| {
            let (w, h) = parts(p);
            Evaluation::from(0.1 + w * w + 2. * h * h)
        };
        Ok(points.iter().map(value).collect())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let point = |x: f64| -> CandleResult<Tensor> { Tensor::new(&[x, 0.], &Device::Cpu) };
    let (a, b) = (point(-1.)?, point(1.)?);
    let band = Neb { epochs: 2000, ..Neb::default() };
    let line = Linear.connect(&Valley, &a, &b)?.profile(&Valley, 61)?.barrier();
    let path = band.connect(&Valley, &a, &b)?.profile(&Valley, 61)?.barrier();
    println!(
        "highest on the straight line {:.3}, along the valley {:.3} (the pass: 1.1)",
        line.max, path.max
    );
    Ok(())
}
