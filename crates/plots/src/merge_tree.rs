//! The figure of a merge tree: minima, and the levels at which they join.

use crate::axis::Scale;
use crate::color::Role;
use crate::figure::Figure;
use crate::panel::Panel;
use crate::paper::{HEIGHT, WIDTH};
use crate::point::Point;
use crate::series::Series;

/// A node of the tree: a minimum, or the level at which two branches join.
#[derive(Clone, Copy, Debug)]
pub struct TreeNode {
    /// The risk of the minimum, or the level of the join.
    pub height: f64,
    /// The two nodes that join here, both earlier in the list.
    pub children: Option<(usize, usize)>,
}

/// The number of minima up to which each has a row as high as its name.
const MANY: usize = 60;

/// Draws the minima from top to bottom in the given `order` (numbers of leaves), with the risk to the right. A branch
/// ends in a dot at its minimum's risk, and two branches join at the level where their components do.
///
/// `names` and the first of the `nodes` are the minima. The risk axis is logarithmic where the levels span more than a
/// factor of 30. Of more than 60 minima every other one is named.
#[must_use]
pub fn merge_tree_figure(
    title: &str,
    subtitle: &str,
    names: &[String],
    nodes: &[TreeNode],
    order: &[usize],
) -> Figure {
    let rows = rows(nodes, order);
    let heights = || nodes.iter().map(|node| node.height).filter(|height| height.is_finite());
    let (low, high) = heights().fold((f64::INFINITY, 0.0_f64), |(a, b), h| (a.min(h), b.max(h)));
    let log = low > 0.0 && high / low > 30.0;
    let (step, every) = if order.len() <= MANY { (20.0, 1) } else { (9.0, 2) };
    let shown = order.iter().enumerate().rev().filter_map(|(place, &i)| {
        let name = names.get(i)?;
        Some(if place % every == 0 { name.clone() } else { String::new() })
    });
    let mut panel = Panel::new("Minimum").y_names(shown);
    for (node, &row) in nodes.iter().zip(&rows) {
        if let Some((a, b)) = node.children.filter(|&(a, b)| a < nodes.len() && b < nodes.len()) {
            let xs = [nodes[a].height, node.height, node.height, nodes[b].height];
            let ys = [rows[a], rows[a], rows[b], rows[b]];
            panel = panel.series(Series::line("", &xs, &ys).role(Role::Train).width(1.6));
        } else {
            panel = panel.point(Point::new(node.height, row).role(Role::Ink));
        }
    }
    let roots = nodes.iter().zip(&rows).rfind(|(node, _)| node.children.is_some());
    if let Some((root, &row)) = roots {
        // A short stem: from there on all are one component.
        let stem =
            if log { root.height * (high / low).powf(0.04) } else { root.height + 0.04 * (high - low) };
        panel =
            panel.series(Series::line("", &[root.height, stem], &[row, row]).role(Role::Train).width(1.6));
    }
    let height = (150.0 + step * order.len() as f64).max(HEIGHT);
    Figure::new(title)
        .subtitle(subtitle)
        .x_label(if log { "risk \u{3bb} (log scale)" } else { "risk \u{3bb}" })
        .x_scale(if log { Scale::Log } else { Scale::Linear })
        .size(WIDTH, height)
        .panel(panel)
}

/// The row of each node: leaves in their order from the top, and a join in the middle of its branches.
fn rows(nodes: &[TreeNode], order: &[usize]) -> Vec<f64> {
    let mut rows = vec![f64::NAN; nodes.len()];
    for (place, &leaf) in order.iter().rev().enumerate() {
        if let Some(row) = rows.get_mut(leaf) {
            *row = place as f64;
        }
    }
    for i in 0..nodes.len() {
        if let Some((a, b)) = nodes[i].children.filter(|&(a, b)| a < i && b < i) {
            rows[i] = f64::midpoint(rows[a], rows[b]);
        }
    }
    rows
}
