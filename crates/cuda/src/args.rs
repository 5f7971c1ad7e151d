//! The arguments of the kernels, as `kernels/` declares them. Addresses are `u64`, and 0 stands for null.
#![allow(missing_docs)]

/// Layers of one launch of `update`.
pub const LAYERS: usize = 24;
/// Matrices of one launch of `pack_points`.
pub const SEGMENTS: usize = 48;
/// Layers of the largest small network.
pub const SMALL_LAYERS: usize = 4;
/// Outputs that are read out at once.
pub const OUT: usize = 12;

/// `forward_*`: one layer of P networks.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Forward {
    pub x: u64,
    pub rows: u64,
    pub theta: u64,
    pub out: u64,
    pub slope: u64,
    pub parts: u64,
    pub x_point: i64,
    pub rows_point: i64,
    pub size: i64,
    pub w: i64,
    pub b: i64,
    pub w_last: i64,
    pub points: i32,
    pub batch: i32,
    pub outputs: i32,
    pub inputs: i32,
    pub ldx: i32,
    pub ldw: i32,
    pub ldo: i32,
    pub kind: i32,
    pub q: i32,
    pub ld_last: i32,
}

/// `backward_*`: the error of a layer's inputs.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Backward {
    pub dz: u64,
    pub theta: u64,
    pub x: u64,
    pub out: u64,
    pub size: i64,
    pub w: i64,
    pub points: i32,
    pub batch: i32,
    pub inputs: i32,
    pub outputs: i32,
    pub ldz: i32,
    pub ldw: i32,
    pub ldo: i32,
    pub kind: i32,
}

/// A rule of descent and what it works on.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Descent {
    pub theta: u64,
    pub first: u64,
    pub second: u64,
    pub steps: u64,
    pub momentum: f32,
    pub decay: f32,
    pub nesterov: i32,
    pub keep: i32,
}

/// The gradient of one layer.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Gradient {
    pub dz: u64,
    pub x: u64,
    pub dz_point: i64,
    pub x_point: i64,
    pub w: i64,
    pub b: i64,
    pub outputs: i32,
    pub inputs: i32,
    pub ldz: i32,
    pub ldx: i32,
    pub ldw: i32,
    pub gather: i32,
    pub bias: i32,
    pub pull: i32,
    pub ready: i32,
    pub tile: i32,
}

/// Points that are combinations of vertices, one of which is free.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Bend {
    pub vertices: u64,
    pub coefficients: u64,
    pub count: i32,
    pub free: i32,
    pub points: i32,
}

/// `update_*`: gradients of all layers, and what a rule makes of them.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Update {
    pub descent: Descent,
    pub bend: Bend,
    pub rows: u64,
    pub rows_point: i64,
    pub size: i64,
    pub rule: i32,
    pub layers: i32,
    pub tiles: i32,
    pub batch: i32,
    pub shared_rows: i32,
    pub kappa: f32,
    pub layer: [Gradient; LAYERS],
}

/// `head_*`: losses of few outputs, and back through the last layer.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Head {
    pub parts: u64,
    pub theta: u64,
    pub labels: u64,
    pub rows: u64,
    pub values: u64,
    pub x: u64,
    pub scale: u64,
    pub dz: u64,
    pub dx: u64,
    pub sums: u64,
    pub size: i64,
    pub w: i64,
    pub b: i64,
    pub rows_point: i64,
    pub first: i64,
    pub points: i32,
    pub batch: i32,
    pub inputs: i32,
    pub count: i32,
    pub q: i32,
    pub ld: i32,
    pub ldx: i32,
    pub ldw: i32,
    pub ldv: i32,
    pub loss: i32,
    pub kind: i32,
}

/// `wide_outputs`: losses of any number of outputs.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Wide {
    pub z: u64,
    pub labels: u64,
    pub rows: u64,
    pub values: u64,
    pub scale: u64,
    pub sums: u64,
    pub rows_point: i64,
    pub first: i64,
    pub points: i32,
    pub batch: i32,
    pub q: i32,
    pub ldz: i32,
    pub ldv: i32,
    pub loss: i32,
    pub slopes: i32,
}

/// A matrix of a point in both layouts.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Segment {
    pub dense: i64,
    pub padded: i64,
    pub rows: i32,
    pub columns: i32,
    pub ld: i32,
}

/// `pack_points`: from one layout to the other.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Pack {
    pub from: u64,
    pub to: u64,
    pub coefficients: u64,
    pub dense: i64,
    pub padded: i64,
    pub from_rows: i32,
    pub to_rows: i32,
    pub segments: i32,
    pub back: i32,
    pub keep: i32,
    pub segment: [Segment; SEGMENTS],
}

/// `pull_slopes`: adds the derivative of the regulariser.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Pull {
    pub theta: u64,
    pub slopes: u64,
    pub size: i64,
    pub first: i64,
    pub end: i64,
    pub kind: i32,
    pub kappa: f32,
}

/// `move_points`: free vertices from gradients, and the points of the next step.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Move {
    pub descent: Descent,
    pub vertices: u64,
    pub slopes: u64,
    pub coefficients: u64,
    pub next: u64,
    pub size: i64,
    pub from: i64,
    pub to: i64,
    pub count: i32,
    pub free: i32,
    pub frees: i32,
    pub points: i32,
    pub rule: i32,
    pub pull: i32,
    pub kappa: f32,
}

/// `sum_parts`: sums in double.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    pub from: u64,
    pub to: u64,
    pub parts: i64,
    pub step: i64,
    pub stride: i64,
    pub count: i32,
    pub keep: i32,
}

/// `norm_parts`: parts of penalties.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Norm {
    pub theta: u64,
    pub to: u64,
    pub size: i64,
    pub first: i64,
    pub end: i64,
    pub kind: i32,
}

/// `channel_*`: batch normalisation.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Channels {
    pub x: u64,
    pub dy: u64,
    pub w: u64,
    pub b: u64,
    pub mean: u64,
    pub variance: u64,
    pub sums: u64,
    pub out: u64,
    pub dw: u64,
    pub db: u64,
    pub n: i32,
    pub c: i32,
    pub s: i32,
    pub parts: i32,
    pub epsilon: f32,
}

/// `rectifier*`: rectifiers by themselves.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Rectifier {
    pub x: u64,
    pub dy: u64,
    pub out: u64,
    pub count: i64,
}

/// `across_*`: the first layer with examples along the rows of memory.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Across {
    pub theta: u64,
    pub x: u64,
    pub out: u64,
    pub size: i64,
    pub w: i64,
    pub b: i64,
    pub out_point: i64,
    pub points: i32,
    pub outputs: i32,
    pub rows: i32,
    pub examples: i32,
    pub inputs: i32,
    pub ldw: i32,
    pub ldx: i32,
    pub ldo: i32,
}

/// `blended*`: the second layer of combinations.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Blended {
    pub forward: Forward,
    pub coefficients: u64,
    pub vertex: i64,
    pub group: i32,
}

/// `blend_layer`: the activations of combinations.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Blend {
    pub h: u64,
    pub coefficients: u64,
    pub out: u64,
    pub vertex: i64,
    pub vertices: i32,
    pub points: i32,
    pub batch: i32,
    pub ld: i32,
    pub width: i32,
    pub kind: i32,
    pub based: i32,
}

/// `turn_last`: the last layer with outputs along the rows of memory.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    pub theta: u64,
    pub w_out: u64,
    pub b_out: u64,
    pub size: i64,
    pub w: i64,
    pub b: i64,
    pub vertices: i32,
    pub units: i32,
    pub padded: i32,
    pub q: i32,
    pub ldw: i32,
}

/// `tail_*`: one hidden layer of rectifiers at many points.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Tail {
    pub h: u64,
    pub w: u64,
    pub b: u64,
    pub coefficients: u64,
    pub labels: u64,
    pub values: u64,
    pub part: u64,
    pub ldn: i64,
    pub first: i64,
    pub units: i32,
    pub examples: i32,
    pub points: i32,
    pub padded: i32,
    pub q: i32,
    pub ldv: i32,
    pub loss: i32,
}

/// `small_*`: many steps of small networks.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Small {
    pub x: u64,
    pub values: u64,
    pub labels: u64,
    pub rows: u64,
    pub theta: u64,
    pub velocity: u64,
    pub second: u64,
    pub sums: u64,
    pub rates: u64,
    pub size: i64,
    pub w: [i64; SMALL_LAYERS],
    pub b: [i64; SMALL_LAYERS],
    pub n: [i32; SMALL_LAYERS + 1],
    pub ldw: [i32; SMALL_LAYERS],
    pub bias: [i32; SMALL_LAYERS],
    pub points: i32,
    pub batch: i32,
    pub steps: i32,
    pub ldx: i32,
    pub ldv: i32,
    pub kind: i32,
    pub loss: i32,
    pub nesterov: i32,
    pub momentum: f32,
    pub decay: f32,
    pub apart: f32,
}

/// `largest_pixels`: of each window the pixel with the largest number.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Largest {
    pub x: u64,
    pub pixel: u64,
    pub count: i64,
    pub height: i32,
    pub width: i32,
    pub rows: i32,
    pub columns: i32,
    pub high: i32,
    pub wide: i32,
    pub down: i32,
    pub right: i32,
    pub above: i32,
    pub left: i32,
}
