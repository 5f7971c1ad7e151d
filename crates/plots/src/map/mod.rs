//! Maps: a function of two variables as colours with lines of equal value, or as a surface.

mod bar;
mod field;
mod figure;
mod isolines;
mod matrix;
mod panel;
mod surface;
mod view;
mod zoom;

pub use self::{
    field::Field,
    figure::MapFigure,
    matrix::MatrixFigure,
    panel::{Map, Mark},
    surface::SurfaceFigure,
    zoom::ZoomFigure,
};
