//! Functions of each number by itself.

use collado_models::{Activation, Function};

use super::{
    Lower, Result,
    call::Call,
    value::{Numbers, Value},
};

type Values = Result<Vec<Value>>;

impl Lower<'_> {
    /// An activation of a value.
    fn activation(&mut self, x: &Value, rho: Activation) -> Values {
        if let Some(numbers) = x.constant() {
            return Ok(vec![x.with_numbers(numbers.iter().map(|&n| rho.value(n)).collect::<Vec<_>>())]);
        }
        let node = self.node(x)?;
        Ok(vec![Value::node(self.net.activation(node, rho), x.axes.clone())])
    }

    /// Another function of a value.
    pub(super) fn function(&mut self, x: &Value, f: Function) -> Values {
        if let Some(numbers) = x.constant() {
            return Ok(vec![x.with_numbers(numbers.iter().map(|&n| f.value(n)).collect::<Vec<_>>())]);
        }
        let node = self.node(x)?;
        let node = match f {
            Function::Scale { by, shift } => self.net.scale(node, by, shift),
            f => self.net.function(node, f),
        };
        Ok(vec![Value::node(node, x.axes.clone())])
    }
}

impl Value {
    /// Fixed numbers with the same axes.
    pub(super) fn with_numbers(&self, numbers: Vec<f64>) -> Self {
        Self { axes: self.axes.clone(), numbers: Numbers::Fixed(numbers.into(), None) }
    }
}

/// Declares the rules of functions without arguments.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident: $method:ident($f:expr);)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
            let x = lower.input(call, "self")?;
            lower.$method(&x, $f)
        }
    )*};
}

plain! {
    /// `relu(self)`
    relu: activation(Activation::Relu);
    /// `silu(self)`
    silu: activation(Activation::Silu);
    /// `sigmoid(self)`
    sigmoid: activation(Activation::Logistic);
    /// `tanh(self)`
    tanh: activation(Activation::Tanh);
    /// `relu6(self)`
    relu6: function(Function::Clamp { low: 0., high: 6. });
    /// `hardsigmoid(self)`
    hardsigmoid: function(Function::HardSigmoid);
    /// `hardswish(self)`
    hardswish: function(Function::HardSwish);
    /// `exp(self)`
    exp: function(Function::Exp);
    /// `log(self)`
    log: function(Function::Log);
    /// `erf(self)`
    erf: function(Function::Erf);
    /// `sin(self)`
    sin: function(Function::Sin);
    /// `cos(self)`
    cos: function(Function::Cos);
    /// `abs(self)`
    abs: function(Function::Abs);
    /// `neg(self)`
    neg: function(Function::Scale { by: -1., shift: 0. });
    /// `sqrt(self)`
    sqrt: function(Function::Power { exponent: 0.5 });
    /// `rsqrt(self)`
    rsqrt: function(Function::Power { exponent: -0.5 });
    /// `reciprocal(self)`
    reciprocal: function(Function::Power { exponent: -1. });
    /// `square(self)`
    square: function(Function::Power { exponent: 2. });
}

/// `hardtanh(self, min_val=-1, max_val=1)`
pub(super) fn hardtanh(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let (low, high) = (call.float("min_val", -1.)?, call.float("max_val", 1.)?);
    lower.function(&x, Function::Clamp { low, high })
}

/// `clamp(self, min=None, max=None)`, `clamp_min(self, min)` and `clamp_max(self, max)`
pub(super) fn clamp(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let (low, high) = (call.float("min", f64::NEG_INFINITY)?, call.float("max", f64::INFINITY)?);
    lower.function(&x, Function::Clamp { low, high })
}

/// `leaky_relu(self, negative_slope=0.01)`
pub(super) fn leaky_relu(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    match call.float("negative_slope", 0.01)? {
        0.01 => lower.activation(&x, Activation::Leaky),
        slope => lower.function(&x, Function::Leaky { slope }),
    }
}

/// `elu(self, alpha=1, scale=1, input_scale=1)`
pub(super) fn elu(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    if call.float("scale", 1.)? != 1. || call.float("input_scale", 1.)? != 1. {
        return Err("other scales than 1 are not covered".into());
    }
    lower.function(&x, Function::Elu { alpha: call.float("alpha", 1.)? })
}

/// `gelu(self, approximate='none')`
pub(super) fn gelu(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    match call.text("approximate", "none")? {
        "none" => lower.activation(&x, Activation::Gelu),
        "tanh" => lower.function(&x, Function::GeluTanh),
        other => Err(format!("its approximation '{other}' is not covered").into()),
    }
}

/// `softplus(self, beta=1, threshold=20)`; beyond the threshold the function differs from z by 2e-9 at most
pub(super) fn softplus(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let (beta, threshold) = (call.float("beta", 1.)?, call.float("threshold", 20.)?);
    if threshold < 20. || beta <= 0. {
        return Err(format!("its threshold {threshold} at beta {beta} is not covered").into());
    }
    let [scaled] = one(lower.function(&x, Function::Scale { by: beta, shift: 0. })?);
    let [soft] = one(lower.activation(&scaled, Activation::Softplus)?);
    lower.function(&soft, Function::Scale { by: beta.recip(), shift: 0. })
}

/// `pow(self, exponent)` for a number as exponent
pub(super) fn power(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    match call.float("exponent", None)? {
        1. => Ok(vec![x]),
        exponent => lower.function(&x, Function::Power { exponent }),
    }
}

/// The only value.
pub(super) fn one(values: Vec<Value>) -> [Value; 1] {
    values.try_into().expect("functions have one result")
}
