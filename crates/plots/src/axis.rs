//! Axes: the range of values that an axis shows, and the place of a value on the paper.

/// The scale of an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    #[default]
    Linear,
    /// Equal ratios are equally long; only positive values can be shown.
    Log,
}

impl Scale {
    /// Whether a value has a place on such an axis.
    pub(crate) fn shows(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }
}

/// A range of values: finite, `low < high`, both positive on a log scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Range {
    /// The range of the values that the scale can show, exactly; `None` if there are none.
    fn hull(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        values.filter(|&value| scale.shows(value)).fold(None, |range, value| {
            let Range { low, high } = range.unwrap_or(Self { low: value, high: value });
            Some(Self { low: low.min(value), high: high.max(value) })
        })
    }

    /// Exactly the values' range, for the x axis; widened only if it is a point.
    pub(crate) fn tight(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        Self::hull(scale, values).unwrap_or_else(|| Self::nothing(scale)).widened(scale)
    }

    /// The values' range with some air around it, for the y axis.
    pub(crate) fn airy(scale: Scale, from_zero: bool, values: impl Iterator<Item = f64>) -> Self {
        let Some(hull) = Self::hull(scale, values) else {
            return Self::nothing(scale).widened(scale);
        };
        let anchored = scale == Scale::Linear && from_zero;
        let hull = if anchored { Self { low: hull.low.min(0.0), high: hull.high.max(0.0) } } else { hull };
        let Self { low, high } = hull.widened(scale);
        match scale {
            Scale::Linear => {
                let air = (high / 2.0 - low / 2.0) * 0.14;
                let low = if anchored && hull.low == 0.0 { 0.0 } else { low - air };
                Self { low, high: high + air }.bounded()
            }
            Scale::Log => {
                let air = (high.ln() - low.ln()) * 0.06;
                Self { low: low * (-air).exp(), high: high * air.exp() }.bounded_log()
            }
        }
    }

    /// The range of an axis without data.
    fn nothing(scale: Scale) -> Self {
        match scale {
            Scale::Linear => Self { low: 0.0, high: 1.0 },
            Scale::Log => Self { low: 0.1, high: 1.0 },
        }
    }

    /// A point, or a range that is rounding noise, is widened so that it has a middle.
    pub(crate) fn widened(self, scale: Scale) -> Self {
        let size = self.low.abs().max(self.high.abs());
        if self.high - self.low > 1e-12 * size && self.high > self.low {
            return self;
        }
        if scale == Scale::Log {
            return Self { low: self.low / 2.0, high: self.high * 2.0 }.bounded_log();
        }
        if size == 0.0 {
            return Self { low: 0.0, high: 1.0 };
        }
        let air = (size * 0.1).max(f64::MIN_POSITIVE);
        Self { low: self.low - air, high: self.high + air }.bounded()
    }

    fn bounded(self) -> Self {
        Self { low: self.low.max(f64::MIN), high: self.high.min(f64::MAX) }
    }

    fn bounded_log(self) -> Self {
        Self { low: self.low.max(f64::from_bits(1)), high: self.high.min(f64::MAX) }
    }
}

/// A range laid out between two places in px.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    pub(crate) range: Range,
    pub(crate) start: f64,
    pub(crate) end: f64,
}

impl Axis {
    /// The place of `value` in px, also outside the range; `None` if the scale cannot show it.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        if !self.scale.shows(value) {
            return None;
        }
        let Range { low, high } = self.range;
        let part = match self.scale {
            Scale::Linear => {
                // Divided first: high - low may overflow.
                let size = low.abs().max(high.abs());
                (value / size - low / size) / (high / size - low / size)
            }
            Scale::Log => (value.ln() - low.ln()) / (high.ln() - low.ln()),
        };
        // Far outside is as good as anywhere outside.
        Some(self.start + part.clamp(-1e3, 1e3) * (self.end - self.start))
    }

    /// Whether `value` lies inside the range.
    pub(crate) fn contains(&self, value: f64) -> bool {
        (self.range.low..=self.range.high).contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_finite_and_has_a_middle() {
        let extremes =
            [0.0, 5e-324, 1e-300, 1e-9, 1.0, 1.0 + 1e-16, 1e300, f64::MAX, f64::NAN, f64::INFINITY];
        for a in extremes.into_iter().flat_map(|a| [a, -a]) {
            for b in extremes.into_iter().flat_map(|b| [b, -b]) {
                for scale in [Scale::Linear, Scale::Log] {
                    for range in [
                        Range::tight(scale, [a, b].into_iter()),
                        Range::airy(scale, true, [a, b].into_iter()),
                    ] {
                        assert!(range.low.is_finite() && range.high.is_finite(), "{a:e} {b:e} {range:?}");
                        assert!(range.low < range.high, "{a:e} {b:e} {scale:?} {range:?}");
                        let axis = Axis { scale, range, start: 100.0, end: 0.0 };
                        let place = |value| axis.place(value).expect("the ends have a place");
                        let (low, high) = (place(range.low), place(range.high));
                        assert!(scale == Scale::Linear || range.low > 0.0, "{a:e} {b:e} {range:?}");
                        assert!((low - 100.0).abs() < 1e-6 && high.abs() < 1e-6, "{range:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_range_from_zero_starts_at_zero() {
        let range = Range::airy(Scale::Linear, true, [0.5, 2.0].into_iter());
        assert_eq!(range.low, 0.0);
        assert!(range.high > 2.0);
    }
}
