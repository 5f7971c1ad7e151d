//! Methods that find a path from one minimum to another (docs/theory.md §2 to §4), one file or folder each.

mod ahead;
mod constructive;
mod curve;
mod deep_linear;
mod dss;
mod linear;
mod neb;
mod search;

pub(crate) use self::search::{finite, refuse_infinite};
pub use self::{
    constructive::{Constructive, ConstructiveSettings},
    curve::{Curve, CurveKind},
    deep_linear::{DeepLinear, LinearOptimum, RidgePath, linear_optimum},
    dss::{Dss, Level},
    linear::Linear,
    neb::Neb,
    search::{Connect, Connection, Guarantee, Search, StringReport},
};
