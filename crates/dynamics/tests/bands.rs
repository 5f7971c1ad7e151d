//! Nudged elastic bands and strings, on landscapes whose passes are known.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use candle_core::{Device, Tensor};
use collado_dynamics::{Connect, Dss, Guarantee, Level, Neb, Search};
use collado_risk::{Evaluation, Objective, Result, Rows, profile};

/// A function of the plane with its gradient.
struct Plane(fn(f64, f64) -> (f64, [f64; 2]));

impl Objective for Plane {
    fn at(&self, theta: &Tensor, _: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        let values: Vec<_> = theta.to_vec2::<f64>()?.iter().map(|p| self.0(p[0], p[1])).collect();
        if let Some(gradient) = gradient {
            let rows: Vec<_> = values.iter().map(|v| v.1.to_vec()).collect();
            *gradient = Tensor::new(rows, &Device::Cpu)?;
        }
        Ok(values.iter().map(|v| v.0.into()).collect())
    }
}

/// Müller & Brown (1979), plus 200: the standard test of path methods. Its highest pass between the two deep minima is
/// at (−.822, .624) with −40.665.
fn mueller_brown(x: f64, y: f64) -> (f64, [f64; 2]) {
    let terms = [
        (-200., -1., 0., -10., 1., 0.),
        (-100., -1., 0., -10., 0., 0.5),
        (-170., -6.5, 11., -6.5, -0.5, 1.5),
        (15., 0.7, 0.6, 0.7, -1., 1.),
    ];
    let (mut f, mut g) = (200., [0., 0.]);
    for (scale, a, b, c, x0, y0) in terms {
        let (u, v) = (x - x0, y - y0);
        let e = scale * f64::exp(a * u * u + b * u * v + c * v * v);
        f += e;
        g[0] += e * (2. * a * u + b * v);
        g[1] += e * (b * u + 2. * c * v);
    }
    (f, g)
}

/// Minima .1 at (±1, 0), the pass 1.1 at (0, 1); on the straight line 3.1.
fn bridge(x: f64, y: f64) -> (f64, [f64; 2]) {
    let (w, h) = (x * x - 1., y - (1. - x * x));
    (0.1 + w * w + 2. * h * h, [4. * x * w + 8. * x * h, 4. * h])
}

fn point(x: f64, y: f64) -> Tensor {
    Tensor::new(&[x, y], &Device::Cpu).unwrap()
}

#[test]
fn the_band_finds_the_pass_of_mueller_and_brown() {
    let plane = Plane(mueller_brown);
    let mut search = Search { objective: &plane, seed: 0, progress: &mut () };
    let (a, b) = (point(-0.5582, 1.4417), point(0.6235, 0.0280));
    let neb = Neb { epochs: 8000, insert_above: 0.02, ..Neb::default() };
    let found = neb.find(&a, &b, &mut search).unwrap();
    let max = profile(&found.path, 2001, &plane, None).unwrap().barrier().max;
    assert!((max - 159.335).abs() < 0.5, "{max}");
    // At a maximum along the band and a minimum across it: the highest pivot is near the pass.
    let Guarantee::Band { pivots } = found.guarantee else { panic!("{:?}", found.guarantee) };
    assert!(pivots > 5, "{pivots}");
    assert!(found.path.knots().windows(2).all(|k| k[0] < k[1]));
    // The pivots keep their shares of the arc length.
    let (knots, length) = (found.path.knots(), profile(&found.path, 4001, &plane, None).unwrap().length());
    for (step, k) in found.path.steps(&knots).unwrap().iter().zip(knots.windows(2)) {
        assert!((step / length - (k[1] - k[0])).abs() < 0.02, "{step} of {length} for {k:?}");
    }
}

#[test]
fn the_band_ends_where_it_was_told_and_stops_when_asked() {
    let plane = Plane(bridge);
    let mut steps = 0;
    let mut stop = |_: f64| {
        steps += 1;
        if steps < 17 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let mut search = Search { objective: &plane, seed: 0, progress: &mut stop };
    let (a, b) = (point(-1., 0.), point(1., 0.));
    let path = Neb { epochs: 1000, ..Neb::default() }.find(&a, &b, &mut search).unwrap().path;
    assert_eq!(steps, 17);
    let rows = path.vertices().to_vec2::<f64>().unwrap();
    assert_eq!((rows[0].clone(), rows[rows.len() - 1].clone()), (vec![-1., 0.], vec![1., 0.]));
    let mut search = Search { objective: &plane, seed: 0, progress: &mut () };
    assert!(Neb { pivots: 0, ..Neb::default() }.find(&a, &b, &mut search).is_err());
    assert!(Neb { lr: f64::NAN, ..Neb::default() }.find(&a, &b, &mut search).is_err());
}

#[test]
fn a_string_stays_below_its_level_or_says_that_it_could_not() {
    let plane = Plane(bridge);
    let mut search = Search { objective: &plane, seed: 0, progress: &mut () };
    let (a, b) = (point(-1., 0.), point(1., 0.1));
    let dss =
        |level: f64| Dss { level: Level::Risk(level), epochs: 3000, lr: 1e-2, depth: 4, ..Dss::default() };
    let (path, report) = dss(2.).string(&a, &b, &mut search).unwrap();
    assert_eq!((report.missed, report.open_legs, report.depth_limit_reached), (0, 0, false), "{report:?}");
    assert_eq!(report.beads, path.vertices().dims()[0] - 2);
    assert!(report.beads >= 1);
    let max = profile(&path, 1001, &plane, None).unwrap().barrier().max;
    assert!(max <= 2. * 1.05, "{max}");
    // No path is lower than the pass.
    let (_, report) = dss(1.).string(&a, &b, &mut search).unwrap();
    assert!(report.depth_limit_reached && report.open_legs > 0, "{report:?}");
    // A level that the line already meets needs no bead.
    let (path, report) = dss(4.).string(&a, &b, &mut search).unwrap();
    assert_eq!((report.beads, path.vertices().dims()[0]), (0, 2));
}
