//! The header of a panel: the y label at the left, the legend at the right.
//!
//! A legend outside the plot never hides data, and a horizontal y label is read without turning the
//! head.

use crate::canvas::{Canvas, Stroke, Style, Xy};
use crate::color::{FAINT, SOFT};
use crate::curves::{cross, dots, missing};
use crate::panel::Panel;
use crate::paper::{FALLBACK, SMALL as SIZE};
use crate::series::Series;
use crate::text::Font;

/// The height of one row of the legend in px.
const ROW: f64 = 19.0;
/// The least width of a swatch, and the space after it, in px.
const SWATCH: Xy = (20.0, 6.0);
/// The space between two entries in px.
const AIR: f64 = 16.0;

/// An entry of the legend.
enum Entry<'a> {
    Series(&'a Series),
    Missing,
}

impl Entry<'_> {
    /// The width of the swatch in px. A pattern begins and ends with a whole dash and has two at least: a dash that is cut
    /// short would look like another pattern.
    fn swatch(&self) -> f64 {
        match self {
            Self::Series(Series { dash: Some([dash, gap]), joined: true, .. }) => {
                let dashes = ((SWATCH.0 + gap) / (dash + gap)).round().max(2.0);
                dashes * (dash + gap) - gap
            }
            _ => SWATCH.0,
        }
    }
}

/// The y label and the legend of one panel, broken into rows.
pub(crate) struct Header<'a> {
    y_label: &'a str,
    rows: Vec<Vec<(Entry<'a>, String, f64)>>,
}

impl<'a> Header<'a> {
    /// Breaks the legend of `panel` into rows at most `room` px wide, with the y label in the first row.
    pub(crate) fn new(panel: &'a Panel, font: &Font, room: f64) -> Self {
        // What is drawn last lies on top: it matters most.
        let named = panel.series.iter().rev().filter(|series| !series.label.is_empty());
        let named = named.map(|series| (Entry::Series(series), series.label.clone()));
        let missing = panel.missing.clone().or_else(|| missing(panel));
        let missing = missing.map(|text| (Entry::Missing, text));
        let mut rows = vec![Vec::new()];
        let mut used = font.width(&panel.y_label, SIZE + 0.5) + AIR;
        for (entry, text) in named.chain(missing) {
            let swatch = entry.swatch() + SWATCH.1;
            let text = font.fitted(&text, SIZE, room - swatch);
            // A fallback font may be a little wider than the embedded one.
            let width = swatch + font.width(&text, SIZE) * FALLBACK;
            if used + width > room {
                rows.push(Vec::new());
                used = 0.0;
            }
            used += width + AIR;
            if let Some(row) = rows.last_mut() {
                row.push((entry, text, width));
            }
        }
        Self { y_label: &panel.y_label, rows }
    }

    /// The height of the header, with the space under it, in px.
    pub(crate) fn height(&self) -> f64 {
        ROW * self.rows.len() as f64 + 7.0
    }

    /// Draws the header between `left` and `right`, from `top` down.
    pub(crate) fn draw(&self, canvas: &mut Canvas, (left, right): Xy, top: f64) {
        let mut baseline = top + 13.0;
        canvas.text((left, baseline), self.y_label, Style::new(SIZE + 0.5, SOFT));
        for row in &self.rows {
            let width: f64 = row.iter().map(|(_, _, width)| width + AIR).sum();
            let mut x = right - width + AIR;
            for (entry, text, width) in row {
                draw_swatch(canvas, entry, (x, baseline - 4.0));
                let color = if matches!(entry, Entry::Missing) { FAINT } else { SOFT };
                canvas.text((x + entry.swatch() + SWATCH.1, baseline), text, Style::new(SIZE, color));
                x += width + AIR;
            }
            baseline += ROW;
        }
    }
}

fn draw_swatch(canvas: &mut Canvas, entry: &Entry<'_>, (x, y): Xy) {
    let width = entry.swatch();
    let Entry::Series(series) = entry else {
        return cross(canvas, (x + width - 6.0, y), FAINT);
    };
    let color = series.role.color();
    let stroke = Stroke { color, width: series.width, opacity: series.opacity, dash: series.dash };
    if series.band.is_some() {
        let (top, bottom, end) = (y - 4.0, y + 4.0, x + width);
        canvas.area(&[(x, top), (end, top), (end, bottom), (x, bottom)], color, 0.18);
    }
    if series.joined {
        canvas.line((x, y), (x + width, y), stroke);
    }
    if series.markers {
        dots(canvas, series, &[(x + width / 2.0, y)], 3.4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_end_with_a_whole_dash() {
        let dashes = [[9.0, 3.0], [1.8, 2.4], [15.0, 4.0], [3.5, 1.8], [5.0, 3.5]];
        for [dash, gap] in dashes {
            let series = Series { dash: Some([dash, gap]), ..Series::line("a", &[], &[]) };
            let width = Entry::Series(&series).swatch();
            let count = (width + gap) / (dash + gap);
            assert!(
                (count - count.round()).abs() < 1e-9 && count > 1.9 && width > 17.0,
                "{dash} {gap}: {width}"
            );
        }
        assert_eq!(Entry::Series(&Series::line("a", &[], &[])).swatch(), SWATCH.0);
        assert_eq!(Entry::Missing.swatch(), SWATCH.0);
    }
}
