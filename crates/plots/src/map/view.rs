//! The view of a surface: where the points of a box lie on paper, and how bright a square of the surface is.

use crate::canvas::{Rect, Xy};

/// The angles of the view in radians: its rotation, and how steeply it looks down.
const TURN: f64 = 0.62;
const STEEP: f64 = 0.56;
/// The height of the box divided by its side.
const TALL: f64 = 0.62;
/// The largest ratio of the scales across and upwards: a wide paper shows a wide box.
const WIDE: f64 = 1.45;

/// A view of the unit box that fills a room on paper.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    room: Rect,
    /// The lengths in px of a unit across and of a unit upwards.
    across: f64,
    upwards: f64,
}

impl View {
    /// The largest view that fits.
    pub(super) fn new(room: Rect) -> Self {
        let (width, height) = (room.right - room.left, room.bottom - room.top);
        let upwards = height / (depth() + rise());
        Self { room, across: (width / breadth()).min(WIDE * upwards), upwards }
    }

    /// The paper that the view fills.
    pub(super) fn room(&self) -> Rect {
        self.room
    }

    /// The place on paper of the point (x, y, z) of the unit box, and its nearness to the viewer.
    pub(super) fn project(&self, (x, y, z): (f64, f64, f64)) -> (Xy, f64) {
        let (x, y) = (x - 0.5, y - 0.5);
        let (across, away) = (x * TURN.cos() - y * TURN.sin(), x * TURN.sin() + y * TURN.cos());
        let bottom = self.room.bottom - self.upwards * depth() / 2.0;
        let place = (
            f64::midpoint(self.room.left, self.room.right) + self.across * across,
            bottom - self.upwards * (away * STEEP.sin() + z * rise()),
        );
        (place, -away)
    }

    /// The brightness of a square with these corners, lit from the upper left: 1 if it faces the light, less otherwise.
    pub(super) fn brightness(p: [(f64, f64, f64); 4]) -> f64 {
        let (dx, dy) = (p[1].0 - p[0].0, p[3].1 - p[0].1);
        let slope_x = TALL * (p[1].2 + p[2].2 - p[0].2 - p[3].2) / (2.0 * dx);
        let slope_y = TALL * (p[2].2 + p[3].2 - p[0].2 - p[1].2) / (2.0 * dy);
        let norm = (1.0 + slope_x * slope_x + slope_y * slope_y).sqrt();
        let facing = (0.75 + 0.55 * slope_x + 0.35 * slope_y) / norm;
        (0.78 + 0.24 * facing).clamp(0.62, 1.0)
    }
}

/// The breadth of the floor seen, its depth, and the height of the box, in units of its side.
fn breadth() -> f64 {
    TURN.cos() + TURN.sin()
}

fn depth() -> f64 {
    breadth() * STEEP.sin()
}

fn rise() -> f64 {
    TALL * STEEP.cos()
}
