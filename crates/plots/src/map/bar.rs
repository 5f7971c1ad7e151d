//! The conversion of values to colours, and the colour bar that explains it.

use super::panel::Map;
use crate::axis::{Axis, Range, Scale};
use crate::canvas::{Canvas, Rect, Stroke, Style};
use crate::color::{AXIS, Color, SOFT};
use crate::colormap::{MISSING, color};
use crate::ticks::ticks;

const SIZE: f64 = 12.0;

/// The scale of colours between the lowest and the highest value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shade {
    scale: Scale,
    range: Range,
}

impl Shade {
    /// The number of different colours.
    pub(super) const BANDS: usize = 48;

    /// One scale for all values of some maps: logarithmic where they are positive and far apart, unless a map sets it.
    pub(super) fn of<'a>(maps: impl Iterator<Item = &'a Map> + Clone) -> Self {
        let values = maps.clone().flat_map(|map| map.field.values.iter().copied());
        let scale = maps.clone().find_map(|map| map.scale).unwrap_or_else(|| natural(values.clone()));
        Self { scale, range: Range::tight(scale, values) }
    }

    /// The scale of some values: logarithmic where they are positive and far apart.
    pub(super) fn over(values: impl Iterator<Item = f64> + Clone) -> Self {
        let scale = natural(values.clone());
        Self { scale, range: Range::tight(scale, values) }
    }

    /// The value, or on a log scale its logarithm, which is not finite for values that the scale cannot show.
    pub(super) fn form(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Log if value > 0.0 => value.ln(),
            Scale::Log => f64::NAN,
            Scale::Linear => value,
        }
    }

    /// The place of a [`form`](Self::form) on the scale, 0 for the lowest and 1 for the highest.
    pub(super) fn part(&self, form: f64) -> f64 {
        let (low, high) = (self.form(self.range.low), self.form(self.range.high));
        (form - low) / (high - low)
    }

    /// The number of the colour of a form; `None` where it is not finite.
    pub(super) fn band(&self, form: f64) -> Option<usize> {
        let part = self.part(form);
        part.is_finite().then(|| ((part * Self::BANDS as f64) as usize).min(Self::BANDS - 1))
    }

    pub(super) fn color(&self, part: f64, light: f64) -> Color {
        color(part, light)
    }

    /// About `count` equally spaced levels for contour lines.
    pub(super) fn levels(&self, count: usize) -> Vec<f64> {
        let (low, high) = (self.form(self.range.low), self.form(self.range.high));
        let level = |k: usize| low + (high - low) * k as f64 / (count + 1) as f64;
        let back = |form: f64| if self.scale == Scale::Log { form.exp() } else { form };
        (1..=count).map(|k| back(level(k))).collect()
    }

    /// The axis of the values, from `start` to `end` px.
    pub(super) fn axis(&self, start: f64, end: f64) -> Axis {
        Axis { scale: self.scale, range: self.range, start, end }
    }
}

/// Logarithmic where all finite values are positive and span more than a decade and a half.
fn natural(values: impl Iterator<Item = f64>) -> Scale {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if low > 0.0 && high / low > 30.0 { Scale::Log } else { Scale::Linear }
}

/// Draws the colour bar at the right of `window`, and below it the meaning of grey, `absent`, if values are missing.
pub(super) fn draw_bar(canvas: &mut Canvas, window: Rect, shade: &Shade, (absent, missing): (&str, usize)) {
    let (left, right) = (window.right + 14.0, window.right + 26.0);
    let bottom = if missing > 0 { window.bottom - 30.0 } else { window.bottom };
    let step = (bottom - window.top) / Shade::BANDS as f64;
    for band in 0..Shade::BANDS {
        let y = bottom - (band + 1) as f64 * step;
        let fill = shade.color((band as f64 + 0.5) / Shade::BANDS as f64, 1.0);
        canvas.runs(&[((left, y), right - left)], step + 0.2, fill);
    }
    let axis = shade.axis(bottom, window.top);
    let wanted = ((bottom - window.top) / 36.0).clamp(2.0, 7.0) as usize;
    for tick in ticks(axis.scale, axis.range, wanted) {
        let Some(y) = axis.place(tick.value) else { continue };
        canvas.line((right, y), (right + 4.0, y), Stroke::solid(AXIS, 1.0));
        canvas.text((right + 7.0, y + SIZE * 0.35), &tick.label, Style::new(SIZE, SOFT));
    }
    if missing > 0 {
        canvas.runs(&[((left, window.bottom - 12.0), right - left)], 12.0, MISSING);
        let text = format!("{absent}: {missing}");
        canvas.text((right + 4.0, window.bottom - 2.0), &text, Style::new(9.0, SOFT));
    }
}
