//! A matrix of values between named things, each a square of colour: how high the way between two minima leads.

use super::bar::{Shade, draw_bar};
use super::panel::BAR;
use crate::canvas::{Anchor, Canvas, Picture, Rect, Stroke, Style};
use crate::color::{AXIS, INK, PAPER, SOFT};
use crate::colormap::MISSING;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::paper::{HEIGHT, MARGIN, SMALL, WIDTH};
use crate::text::Font;
use crate::words::{Words, figure_methods};

/// The largest number of rows that can be drawn.
const MOST: usize = 2000;
/// The least side of a square, up to which the paper grows, and the tallest paper, in px.
const SIDE: f64 = 15.0;
const TALLEST: f64 = 1000.0;
/// The least side of a square that has room for its number, in px.
const NUMBERED: f64 = 30.0;
/// The width of the names and the height of the numbers of columns, in px.
const NAMES: f64 = 170.0;
const FOOT: f64 = 22.0;

/// A matrix of values, with one scale of colours. Rows have a number and a name, columns the number.
#[derive(Clone, Debug)]
pub struct MatrixFigure {
    words: Words,
    names: Vec<String>,
    values: Vec<f64>,
}

figure_methods!(MatrixFigure, print);

impl MatrixFigure {
    /// The matrix of `values` `[names.len(), names.len()]`, row by row; those that are not finite are grey.
    ///
    /// # Errors
    /// When there are no names or too many, or the number of values does not fit.
    pub fn new(title: impl Into<String>, names: &[String], values: &[f64]) -> Result<Self> {
        let n = names.len();
        if n == 0 || n > MOST || values.len() != n * n {
            let found = format!("{n} names and {} values", values.len());
            return Err(Error::Grid(format!(
                "1 to {MOST} names and a value for each two of them, found {found}"
            )));
        }
        Ok(Self { words: Words::titled(title), names: names.to_vec(), values: values.to_vec() })
    }

    fn draw(&self) -> Result<Picture> {
        let n = self.names.len();
        let mut page = Page::new(&self.words, WIDTH);
        let top = page.top + 8.0;
        let around = top + FOOT + page.foot() + 6.0;
        let room = (around + SIDE * n as f64).clamp(HEIGHT, TALLEST) - around;
        let left = MARGIN + NAMES;
        let side = room.min(WIDTH - MARGIN - BAR - left) / n as f64;
        let window = Rect { left, right: left + side * n as f64, top, bottom: top + side * n as f64 };
        let shade = Shade::over(self.values.iter().copied());
        self.squares(&mut page.canvas, window, side, &shade);
        self.labels(&mut page.canvas, &page.font, window, side);
        // A thing and itself are no pair: a value that is missing there is not missed.
        let pairs = self.values.iter().enumerate().filter(|(i, _)| i / n != i % n);
        let missing = pairs.filter(|(_, v)| !v.is_finite()).count();
        draw_bar(&mut page.canvas, window, &shade, ("no value", missing));
        Ok(page.finish(window.bottom + FOOT + 6.0))
    }

    /// The squares, in runs of one colour, with their numbers where these have room.
    fn squares(&self, canvas: &mut Canvas, window: Rect, side: f64, shade: &Shade) {
        let n = self.names.len();
        let mut runs = vec![Vec::new(); Shade::BANDS];
        let mut missing = Vec::new();
        let corner = |i: usize| (window.left + (i % n) as f64 * side, window.top + (i / n) as f64 * side);
        for (i, &value) in self.values.iter().enumerate() {
            match shade.band(shade.form(value)) {
                Some(band) => runs[band].push((corner(i), side)),
                None => missing.push((corner(i), side)),
            }
        }
        canvas.runs(&missing, side, MISSING);
        for (band, runs) in runs.iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
            canvas.runs(runs, side, shade.color((band as f64 + 0.5) / Shade::BANDS as f64, 1.0));
        }
        if side >= NUMBERED {
            for (i, &value) in self.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                let (x, y) = corner(i);
                // Viridis is dark below and bright above.
                let color = if shade.part(shade.form(value)) < 0.6 { PAPER } else { INK };
                let style = Style::new(11.0, color).anchor(Anchor::Middle);
                canvas.text((x + side / 2.0, y + side / 2.0 + 4.0), &short(value), style);
            }
        }
        let Rect { left, right, top, bottom } = window;
        let frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        canvas.polyline(&frame, Stroke::solid(AXIS, 1.0));
    }

    /// Names beside the rows and numbers under the columns, as many as have room.
    fn labels(&self, canvas: &mut Canvas, font: &Font, window: Rect, side: f64) {
        let every = (13.0 / side).ceil().max(1.0) as usize;
        let size = SMALL.min(side.max(11.0));
        for (i, name) in self.names.iter().enumerate().step_by(every) {
            let middle = (i as f64 + 0.5) * side;
            let text = font.fitted(&format!("{name}  {}", i + 1), size, NAMES - 10.0);
            let style = Style::new(size, SOFT).anchor(Anchor::End);
            canvas.text((window.left - 6.0, window.top + middle + 0.35 * size), &text, style);
            let number = (i + 1).to_string();
            // Three digits are wider than a small square.
            if i % (every * (26.0 / (side * every as f64)).ceil().max(1.0) as usize) == 0 {
                let style = Style::new(size, SOFT).anchor(Anchor::Middle);
                canvas.text((window.left + middle, window.bottom + 15.0), &number, style);
            }
        }
    }
}

/// A value in two or three digits.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e4).contains(&size) => format!("{value:.0e}"),
        size if size < 1.0 => format!("{value:.3}").trim_start_matches('0').replace("-0.", "-."),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_square_of_its_colour() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let values = [0.1, 0.2, 0.3, 0.2, f64::NAN, 0.5, 0.3, 0.5, 0.1];
        let figure = MatrixFigure::new("heights", &names, &values).unwrap().caption("what is seen");
        let svg = figure.to_svg().unwrap();
        for text in ["heights", "what is seen", ".100", ".500", "a  1"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(!svg.contains("no value"), "the diagonal is no pair: {svg}");
        let values = [0.1, 0.2, 0.3, f64::NAN, 0.4, 0.5, 0.3, 0.5, 0.1];
        assert!(MatrixFigure::new("", &names, &values).unwrap().to_svg().unwrap().contains("no value: 1"));
        assert!(figure.to_png().unwrap().len() > 1000 && !figure.print().unwrap().svg.contains("heights"));
        assert!(MatrixFigure::new("", &names, &values[1..]).is_err());
        assert!(MatrixFigure::new("", &[], &[]).is_err());
    }

    #[test]
    fn large_matrices_and_equal_values_are_drawn() {
        for n in [1, 40, 300] {
            let names: Vec<String> = (0..n).map(|i| format!("seed-{i}")).collect();
            let svg = MatrixFigure::new("", &names, &vec![2.5; n * n]).unwrap().to_svg().unwrap();
            assert!(svg.contains("seed-0  1") && !svg.contains("NaN"), "{n}");
        }
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.25, -0.25, 12.345, 1e-7, 123_456.0].map(short);
        assert_eq!(shown, ["0", ".250", "-.250", "12.35", "1e-7", "1e5"].map(str::to_owned));
    }
}
