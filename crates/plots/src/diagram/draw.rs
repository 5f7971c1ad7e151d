//! The places of boxes and lines on the paper.

use super::{
    Step,
    layers::{Layers, Slot},
};
use crate::canvas::{Anchor, Canvas, Rect, Stroke, Style, Xy};
use crate::color::{AXIS, INK, SOFT};
use crate::text::Font;

/// The size of letters, the height of a line of text and the space around text in a box, in px.
const LETTERS: f64 = 12.0;
const LINE: f64 = 15.0;
const PAD: f64 = 8.0;
/// The widest box.
const WIDEST: f64 = 230.0;
/// The space between slots of a layer, the width of a slot for a line, and the space between layers and columns.
const BETWEEN: f64 = 16.0;
const PASSING: f64 = 10.0;
const GAP: f64 = 22.0;
const GUTTER: f64 = 44.0;
/// The tallest column, and the shape that a sheet should have.
const TALLEST: f64 = 9000.0;
const SHAPE: f64 = 1.5;

/// The boxes and lines of a diagram with their places, from (0, 0) on.
pub(super) struct Sheet<'a> {
    steps: &'a [Step],
    pub(super) size: Xy,
    boxes: Vec<(usize, Rect, Vec<String>)>,
    lines: Vec<Vec<Xy>>,
}

/// A column of layers.
struct Column {
    layers: std::ops::Range<usize>,
    left: f64,
    width: f64,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(font: &Font, steps: &'a [Step], layers: &Layers) -> Self {
        let text: Vec<Vec<String>> = steps
            .iter()
            .map(|step| {
                step.lines.iter().map(|line| font.fitted(line, LETTERS, WIDEST - 2.0 * PAD)).collect()
            })
            .collect();
        let width = |slot: &Slot| match slot {
            Slot::Line(_) => PASSING,
            Slot::Step(i) => {
                // Bold is about 6 % wider than the regular font that measures it.
                let widest =
                    text[*i].iter().map(|line| 1.06 * font.width(line, LETTERS)).fold(40.0, f64::max);
                widest + 2.0 * PAD
            }
        };
        let height = |slot: &Slot| match slot {
            Slot::Line(_) => 0.0,
            Slot::Step(i) => LINE * text[*i].len() as f64 + PAD,
        };
        let heights: Vec<f64> =
            layers.slots.iter().map(|layer| layer.iter().map(height).fold(8.0, f64::max)).collect();
        let widths: Vec<f64> = layers
            .slots
            .iter()
            .map(|layer| layer.iter().map(width).sum::<f64>() + BETWEEN * (layer.len() - 1) as f64)
            .collect();
        let columns = columns(&heights, &widths);
        let mut sheet = Self { steps, size: (0.0, 0.0), boxes: Vec::new(), lines: Vec::new() };
        // The middle of each slot, with its upper and lower end.
        let mut places: Vec<Vec<(f64, f64, f64)>> = Vec::with_capacity(heights.len());
        for column in &columns {
            let mut top = 0.0;
            for layer in column.layers.clone() {
                let mut left = column.left + (column.width - widths[layer]) / 2.0;
                let middle = top + heights[layer] / 2.0;
                let mut row = Vec::new();
                for slot in &layers.slots[layer] {
                    let (wide, high) = (width(slot), height(slot));
                    let center = left + wide / 2.0;
                    match slot {
                        Slot::Step(i) => {
                            let place = Rect {
                                left,
                                right: left + wide,
                                top: middle - high / 2.0,
                                bottom: middle + high / 2.0,
                            };
                            row.push((center, place.top, place.bottom));
                            sheet.boxes.push((*i, place, text[*i].clone()));
                        }
                        Slot::Line(_) => row.push((center, top, top + heights[layer])),
                    }
                    left += wide + BETWEEN;
                }
                places.push(row);
                top += heights[layer] + GAP;
            }
            sheet.size.1 = sheet.size.1.max(top - GAP);
            sheet.size.0 = column.left + column.width;
        }
        sheet.connect(layers, &columns, &places);
        sheet
    }

    /// The lines between neighbouring layers, and through the slots of lines.
    fn connect(&mut self, layers: &Layers, columns: &[Column], places: &[Vec<(f64, f64, f64)>]) {
        for (layer, row) in places.iter().enumerate() {
            for (slot, &(x, top, bottom)) in layers.slots[layer].iter().zip(row) {
                if matches!(slot, Slot::Line(_)) {
                    self.lines.push(vec![(x, top), (x, bottom)]);
                }
            }
        }
        for (above, lines) in layers.lines.iter().enumerate() {
            let turn = columns.iter().find(|column| column.layers.start == above + 1);
            for (lane, &(from, to)) in lines.iter().enumerate() {
                let ((x, _, y), (x2, y2, _)) = (places[above][from], places[above + 1][to]);
                self.lines.push(match turn {
                    None => vec![(x, y), (x, y + GAP / 3.0), (x2, y2 - GAP / 3.0), (x2, y2)],
                    // Down, through the gutter to the top of the next column, and into it.
                    Some(column) => {
                        let aside = 5.0 * lane as f64;
                        let gutter = column.left - GUTTER / 2.0 + aside;
                        let (low, high) = (bottom(&places[above]) + 6.0 + aside, -12.0 - aside);
                        vec![(x, y), (x, low), (gutter, low), (gutter, high), (x2, high), (x2, y2)]
                    }
                });
            }
        }
    }

    /// Draws everything with its upper left corner at a place.
    pub(super) fn draw(&self, canvas: &mut Canvas, (left, top): Xy) {
        let at = |&(x, y): &Xy| (left + x, top + y);
        for line in &self.lines {
            canvas.polyline(&line.iter().map(at).collect::<Vec<_>>(), Stroke::solid(AXIS, 1.2));
        }
        for (step, place, text) in &self.boxes {
            let color = self.steps[*step].role.color();
            let corners = [
                (place.left, place.top),
                (place.right, place.top),
                (place.right, place.bottom),
                (place.left, place.bottom),
            ];
            let mut outline: Vec<Xy> = corners.iter().map(at).collect();
            canvas.area(&outline, color.paler(0.88), 1.0);
            outline.push(outline[0]);
            canvas.polyline(&outline, Stroke::solid(color.paler(0.35), 1.0));
            for (i, line) in text.iter().enumerate() {
                let baseline = place.top + PAD / 2.0 + LINE * (i as f64 + 1.0) - 4.0;
                let style = Style::new(LETTERS, if i == 0 { INK } else { SOFT }).anchor(Anchor::Middle);
                let middle = f64::midpoint(place.left, place.right);
                canvas.text(at(&(middle, baseline)), line, Style { bold: i == 0, ..style });
            }
        }
    }
}

/// The lower end of a layer.
fn bottom(places: &[(f64, f64, f64)]) -> f64 {
    places.iter().map(|place| place.2).fold(0.0, f64::max)
}

/// Cuts the layers into columns so that the sheet has about the wanted shape.
fn columns(heights: &[f64], widths: &[f64]) -> Vec<Column> {
    let total: f64 = heights.iter().map(|height| height + GAP).sum();
    let widest = widths.iter().copied().fold(0.0, f64::max) + GUTTER;
    // n columns are n·widest wide and total/n tall.
    let count = (SHAPE * total / widest).sqrt().round().clamp(1.0, heights.len() as f64);
    let tall = (total / count).min(TALLEST);
    let mut columns: Vec<Column> = Vec::new();
    let (mut start, mut filled, mut left) = (0, 0.0, 0.0);
    let mut close = |start: usize, end: usize, left: &mut f64| {
        let width = widths[start..end].iter().copied().fold(0.0, f64::max);
        columns.push(Column { layers: start..end, left: *left, width });
        *left += width + GUTTER;
    };
    for (layer, height) in heights.iter().enumerate() {
        if layer > start && filled + height / 2.0 > tall {
            close(start, layer, &mut left);
            (start, filled) = (layer, 0.0);
        }
        filled += height + GAP;
    }
    close(start, heights.len(), &mut left);
    columns
}
