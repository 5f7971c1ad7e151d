//! The picture of the wall around θ = 0, and of where descent ends inside and outside of it.

use collado_plots::{Figure, Panel, Point, Role, Series};

use super::{Depth, Ridge};

pub(super) fn pictures(found: &Ridge) -> Vec<(&'static str, Figure)> {
    vec![("ridge", ridge(found))]
}

/// At most this many depths are drawn.
const MOST: usize = 4;
/// Dots of one depth after the other are drawn this much higher, so that none hides another.
const SHIFT: f64 = 0.045;

fn ridge(found: &Ridge) -> Figure {
    let drawn: Vec<&Depth> = found.depths.iter().take(MOST).collect();
    let highest = drawn.iter().map(|d| d.wall.height).fold(0., f64::max).max(1e-3);
    let mut wall =
        Panel::new("F − F(0) along a ray from 0").y_limits(-4. * highest, 2.5 * highest).rule(0., "F(0)");
    let mut ends = Panel::new("F at the end of descent")
        .y_limits(-0.12, 1.2)
        .y_ticks(&[0., 1.])
        .rule(1., "F(0)")
        .rule(0., "optimum");
    for (i, depth) in drawn.into_iter().enumerate() {
        let (label, role) = (format!("K = {} layers", depth.layers), Role::Group(i as u8));
        let (norms, heights) = ray(depth.layers, found.settings.kappa, found.settings.largest_norm);
        wall = wall.series(Series::line(label, &norms, &heights).role(role).width(2.4));
        if depth.wall.is_bad_minimum() {
            let point = Point::new(depth.wall.radius, depth.wall.height).role(role);
            wall = wall.point(point.text(format!("wall ≥ {:.4}", depth.wall.height)));
        }
        let (least, zero) = (depth.optimum(), depth.zero);
        let shift = SHIFT * i as f64;
        let dots = depth.converged().map(|end| (end.start_norm, (end.risk - least) / (zero - least) + shift));
        let (xs, ys): (Vec<f64>, Vec<f64>) = dots.filter(|(_, y)| y.is_finite()).unzip();
        ends = ends.series(Series::dots("", &xs, &ys).role(role));
    }
    Figure::new("With ridge, from three layers on θ = 0 is a local minimum")
        .subtitle(format!(
            "κ = {}, {} starts for each K (dots moved apart); the ray fits the first singular direction",
            found.settings.kappa, found.settings.starts
        ))
        .caption("Left: three and four layers have to climb over a wall. Right: so descent from small starts ends at 0.")
        .x_label("Norm of θ: on the ray, at the start of descent")
        .beside()
        .panel(wall)
        .panel(ends)
}

/// $p^2-2p+\kappa\|\theta\|^2$ with $p=(\|\theta\|^2/K)^{K/2}$: F − F(0) on the ray that fits the largest singular value, 1,
/// up to its minimum there.
fn ray(layers: usize, kappa: f64, longest: f64) -> (Vec<f64>, Vec<f64>) {
    let k = layers as f64;
    let norms: Vec<f64> = (0..=600).map(|i| longest * f64::from(i) / 600.).collect();
    let height = |r: &f64| {
        let p = (r * r / k).powf(k / 2.);
        p * (p - 2.) + kappa * r * r
    };
    let heights: Vec<f64> = norms.iter().map(height).collect();
    let lowest = (0..heights.len()).min_by(|&i, &j| heights[i].total_cmp(&heights[j])).unwrap_or(0);
    (norms[..=lowest].to_vec(), heights[..=lowest].to_vec())
}
