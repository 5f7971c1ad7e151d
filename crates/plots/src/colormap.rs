//! The colour map viridis (van der Walt and Smith), which is perceptually uniform and readable in grey and with every
//! common colour blindness.

use crate::color::Color;

/// Every 16th of the 256 colours of viridis, and the last.
const STOPS: [(u8, u8, u8); 17] = [
    (68, 1, 84),
    (72, 24, 106),
    (71, 45, 123),
    (66, 64, 134),
    (59, 82, 139),
    (51, 99, 141),
    (44, 114, 142),
    (38, 130, 142),
    (33, 145, 140),
    (31, 160, 136),
    (40, 174, 128),
    (63, 188, 115),
    (94, 201, 98),
    (132, 212, 75),
    (173, 220, 48),
    (216, 226, 25),
    (253, 231, 37),
];

/// The colour of values that are not finite.
pub(crate) const MISSING: Color = Color(0xd9dce0);

/// The colour of `part` in [0, 1] shaded by `light` in [0, 1].
pub(crate) fn color(part: f64, light: f64) -> Color {
    let place = part.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let index = (place as usize).min(STOPS.len() - 2);
    let t = place - index as f64;
    let ((r0, g0, b0), (r1, g1, b1)) = (STOPS[index], STOPS[index + 1]);
    let mix = |a: u8, b: u8| ((f64::from(a) * (1.0 - t) + f64::from(b) * t) * light).round() as u8;
    Color(u32::from_be_bytes([0, mix(r0, r1), mix(g0, g1), mix(b0, b1)]))
}
