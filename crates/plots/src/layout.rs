//! The layout of a figure: its panels one above the other, or side by side.

use crate::canvas::Rect;
use crate::header::Header;
use crate::panel::Panel;

/// The space between two panels in px: one above the other, and side by side.
const GAP: f64 = 14.0;
const GUTTER: f64 = 28.0;
/// The space for tick labels and label of the x axis in px.
const FOOT: f64 = 50.0;
/// The space between the tick labels of the y axis and the axis in px.
const TICKS: f64 = 8.0;

/// The place of a panel: its header begins at `left` and `top` and ends at the window's right side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) window: Rect,
    /// Whether the x axis has labels here.
    pub(crate) labelled: bool,
}

/// The width of each of `count` panels side by side.
pub(crate) fn column(paper: Rect, count: usize) -> f64 {
    (paper.right - paper.left - GUTTER * (count as f64 - 1.0)) / count as f64
}

/// Panels side by side, with headers of one height; `ticks` are the widths of their tick labels.
pub(crate) fn beside(headers: &[Header<'_>], ticks: &[f64], paper: Rect) -> Option<Vec<Cell>> {
    let width = column(paper, headers.len());
    let header = headers.iter().map(Header::height).fold(0.0, f64::max);
    let (top, bottom) = (paper.top + header, paper.bottom - FOOT);
    let cell = |(index, &ticks): (usize, &f64)| {
        let start = paper.left + index as f64 * (width + GUTTER);
        let window = Rect { left: start + ticks + TICKS, top, right: start + width, bottom };
        Cell { left: start, top: paper.top, window, labelled: true }
    };
    fitting(ticks.iter().enumerate().map(cell).collect())
}

/// Panels one above the other, their heights in proportion to their weights, with labels under the last x axis.
pub(crate) fn stacked(
    panels: &[Panel],
    headers: &[Header<'_>],
    ticks: &[f64],
    paper: Rect,
) -> Option<Vec<Cell>> {
    let left = paper.left + ticks.iter().copied().fold(0.0, f64::max) + TICKS;
    let heads: f64 = headers.iter().map(Header::height).sum();
    let room = paper.bottom - paper.top - heads - GAP * (panels.len() as f64 - 1.0) - FOOT;
    let shares: f64 = panels.iter().map(Panel::share).sum();
    let mut y = paper.top;
    let cell = |(index, (panel, header)): (usize, (&Panel, &Header<'_>))| {
        let top = y + header.height();
        let bottom = top + room * panel.share() / shares;
        let window = Rect { left, top, right: paper.right, bottom };
        let cell = Cell { left: paper.left, top: y, window, labelled: index + 1 == panels.len() };
        y = bottom + GAP;
        cell
    };
    fitting(panels.iter().zip(headers).enumerate().map(cell).collect())
}

/// The cells, unless one is too small to draw in.
fn fitting(cells: Vec<Cell>) -> Option<Vec<Cell>> {
    let fits =
        |Cell { window, .. }: &Cell| window.bottom - window.top >= 12.0 && window.right - window.left >= 60.0;
    cells.iter().all(fits).then_some(cells)
}
