//! Placement of labels inside a panel, where they hide neither curves nor each other.

use crate::canvas::{Anchor, Canvas, Rect, Style, Xy};
use crate::color::{Color, FAINT, INK};
use crate::paper::{FALLBACK, SMALL as SIZE};
use crate::text::Font;

/// The distance between two baselines in px.
pub(crate) const LEADING: f64 = 16.5;
/// The height of a line of text without the space to the next one, in px.
const LINE: f64 = 15.0;

/// A label with its place.
struct Placed {
    area: Rect,
    lines: Vec<String>,
    color: Color,
    anchor: Anchor,
}

/// The labels of one panel.
pub(crate) struct Labels<'a> {
    font: &'a Font,
    window: Rect,
    /// Points on curves, which labels should not cover.
    inked: Vec<Xy>,
    /// The areas of dots and marks, which labels should not cover.
    taken: Vec<Rect>,
    waiting: Vec<(Xy, Vec<String>, Color, Kind)>,
}

/// The places where a label may stand.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// The label stands around a point.
    Around,
    /// The label stands just above or below a horizontal line, anywhere along it.
    Along,
}

impl<'a> Labels<'a> {
    pub(crate) fn new(font: &'a Font, window: Rect) -> Self {
        Self { font, window, inked: Vec::new(), taken: Vec::new(), waiting: Vec::new() }
    }

    /// Makes labels avoid a curve.
    pub(crate) fn avoid_line(&mut self, line: &[Xy]) {
        self.inked.extend(line.first());
        for pair in line.windows(2) {
            let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            // Every 3 px, but a segment far out of the window is not worth millions of samples.
            let steps = (dx.hypot(dy) / 3.0).ceil().clamp(1.0, 1000.0);
            let part = |i: f64| (pair[0].0 + dx * i / steps, pair[0].1 + dy * i / steps);
            self.inked.extend((1..=steps as u32).map(|i| part(f64::from(i))));
        }
    }

    /// Makes labels avoid a dot.
    pub(crate) fn avoid_dot(&mut self, (x, y): Xy, radius: f64) {
        self.taken.push(Rect { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius });
    }

    /// Asks for a label near `at`.
    pub(crate) fn around(&mut self, at: Xy, lines: &[String], color: Color) {
        if lines.iter().any(|line| !line.is_empty()) {
            self.waiting.push((at, lines.to_vec(), color, Kind::Around));
        }
    }

    /// Asks for a label along the horizontal line at `y`.
    pub(crate) fn along(&mut self, y: f64, line: &str) {
        if !line.is_empty() {
            self.waiting.push(((self.window.right, y), vec![line.to_owned()], FAINT, Kind::Along));
        }
    }

    /// Places the labels in the order in which they were asked for, points first, and draws them.
    pub(crate) fn draw(mut self, canvas: &mut Canvas) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_by_key(|(_, _, _, kind)| *kind == Kind::Along);
        for (at, lines, color, kind) in waiting {
            let placed = self.place(at, lines, color, kind);
            self.taken.push(placed.area);
            draw_label(canvas, &placed);
        }
    }

    fn place(&self, at: Xy, lines: Vec<String>, color: Color, kind: Kind) -> Placed {
        let widths = lines.iter().map(|line| self.font.width(line, SIZE));
        let size = (widths.fold(0.0, f64::max) * FALLBACK, LEADING * lines.len() as f64);
        let candidates = match kind {
            Kind::Around => around(at, size, self.window),
            Kind::Along => along(at.1, (size.0, LINE), self.window),
        };
        let mut best =
            (f64::INFINITY, Rect { left: at.0, top: at.1, right: at.0, bottom: at.1 }, Anchor::Start);
        for (rank, (area, anchor)) in candidates.into_iter().enumerate() {
            let cost = self.cost(area) + 0.9 * rank as f64;
            if cost < best.0 {
                best = (cost, area, anchor);
            }
        }
        Placed { area: best.1, lines, color, anchor: best.2 }
    }

    /// The cost of a place: what it covers of the paper's edge, other labels, dots and curves.
    fn cost(&self, area: Rect) -> f64 {
        let window = self.window;
        let above = (window.top - 4.0 - area.top).max(0.0);
        // Half a letter may stand out at the sides, where the paper has a margin.
        let out = (window.left - 8.0 - area.left).max(0.0)
            + (area.right - window.right - 8.0).max(0.0)
            + above
            + (area.bottom - window.bottom + 2.0).max(0.0);
        // Above the window stands the legend.
        let legend = above * (area.right - area.left);
        let covered = self.taken.iter().map(|taken| overlap(area, *taken)).sum::<f64>() + legend;
        let near = |&&(x, y): &&Xy| {
            (area.left - 2.0..=area.right + 2.0).contains(&x) && (area.top..=area.bottom).contains(&y)
        };
        40.0 * out + 4.0 * covered + 4.0 * self.inked.iter().filter(near).count() as f64
    }
}

fn overlap(a: Rect, b: Rect) -> f64 {
    let width = a.right.min(b.right) - a.left.max(b.left);
    let height = a.bottom.min(b.bottom) - a.top.max(b.top);
    if width > 0.0 && height > 0.0 { width * height } else { 0.0 }
}

/// Candidate places around a point, the nearest first, and those above before those below.
fn around((x, y): Xy, (width, height): Xy, window: Rect) -> Vec<(Rect, Anchor)> {
    let mut places = Vec::new();
    for gap in [6.0, 12.0, 20.0, 32.0, 48.0, 70.0] {
        let (above, below, middle) = (y - gap - height, y + gap, y - height / 2.0);
        let (left, right, center) = (x - gap - width, x + gap, x - width / 2.0);
        let (near_left, near_right) = (x + 4.0 - width, x - 4.0);
        // Where the label would leave the window, as far towards its side as that allows.
        let inside = center.min(window.right - width).max(window.left);
        for (left, top, anchor) in [
            (center, above, Anchor::Middle),
            (near_right, above, Anchor::Start),
            (near_left, above, Anchor::End),
            (right, middle, Anchor::Start),
            (left, middle, Anchor::End),
            (center, below, Anchor::Middle),
            (near_right, below, Anchor::Start),
            (near_left, below, Anchor::End),
            (inside, above, Anchor::Start),
            (inside, below, Anchor::Start),
        ] {
            places.push((Rect { left, top, right: left + width, bottom: top + height }, anchor));
        }
    }
    places
}

/// Candidate places along a horizontal line, from the right.
fn along(y: f64, (width, height): Xy, window: Rect) -> Vec<(Rect, Anchor)> {
    let room = (window.right - window.left - width).max(0.0);
    let mut places = Vec::new();
    for part in [1.0, 0.0, 0.5, 0.75, 0.25, 0.9, 0.1, 0.6, 0.4] {
        for top in [y - height - 2.5, y + 1.0] {
            let left = window.left + part * room;
            let anchor = if part > 0.8 { Anchor::End } else { Anchor::Start };
            places.push((Rect { left, top, right: left + width, bottom: top + height }, anchor));
        }
    }
    places
}

fn draw_label(canvas: &mut Canvas, label: &Placed) {
    let Rect { left, right, top, .. } = label.area;
    let x = match label.anchor {
        Anchor::Start => left,
        Anchor::End => right,
        Anchor::Middle => f64::midpoint(left, right),
    };
    for (index, line) in label.lines.iter().enumerate() {
        let baseline = top + LEADING * index as f64 + 12.5;
        let color = if index > 0 && label.color == INK { FAINT } else { label.color };
        let bold = line.chars().count() == 1;
        let style = Style { bold, halo: true, ..Style::new(SIZE, color).anchor(label.anchor) };
        canvas.text((x, baseline), line, style);
    }
}
