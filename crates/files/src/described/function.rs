//! Functions of each number by itself as JSON.

use collado_models::Function;
use serde::{Deserialize, Serialize};

use crate::number::read_number;

/// A function with its numbers.
#[derive(Serialize, Deserialize)]
#[serde(tag = "function", rename_all = "snake_case")]
pub(super) enum Described {
    Scale {
        #[serde(deserialize_with = "read_number")]
        by: f64,
        #[serde(deserialize_with = "read_number")]
        shift: f64,
    },
    Clamp {
        #[serde(deserialize_with = "read_number")]
        low: f64,
        #[serde(deserialize_with = "read_number")]
        high: f64,
    },
    Leaky {
        #[serde(deserialize_with = "read_number")]
        slope: f64,
    },
    Elu {
        #[serde(deserialize_with = "read_number")]
        alpha: f64,
    },
    Power {
        #[serde(deserialize_with = "read_number")]
        exponent: f64,
    },
    GeluTanh,
    HardSigmoid,
    HardSwish,
    Exp,
    Log,
    Erf,
    Sin,
    Cos,
    Abs,
}

/// Declares both directions, which are the same list of names.
macro_rules! both_ways {
    ($($name:ident $({ $($field:ident),* })?),* $(,)?) => {
        impl From<Function> for Described {
            fn from(f: Function) -> Self {
                match f {
                    $(Function::$name $({ $($field),* })? => Self::$name $({ $($field),* })?,)*
                }
            }
        }

        impl From<&Described> for Function {
            fn from(f: &Described) -> Self {
                match *f {
                    $(Described::$name $({ $($field),* })? => Self::$name $({ $($field),* })?,)*
                }
            }
        }
    };
}

both_ways! {
    Scale { by, shift },
    Clamp { low, high },
    Leaky { slope },
    Elu { alpha },
    Power { exponent },
    GeluTanh,
    HardSigmoid,
    HardSwish,
    Exp,
    Log,
    Erf,
    Sin,
    Cos,
    Abs,
}
