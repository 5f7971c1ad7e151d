//! Layers with parameters: dense maps, normalisations, tables.

use collado_models::{NormKind, NormSettings, Slice, Weights};

use super::{
    Lower, Result,
    axes::Axis,
    call::Call,
    value::{Numbers, Value, across},
};

/// Whether the axes are the batch, then as many of one example.
pub(super) fn is_batch_first(x: &Value, axes: usize) -> bool {
    x.axes.len() == axes + 1 && x.axes[0].is_batch() && x.axes[1..].iter().all(|axis| axis.batch.is_none())
}

/// The name of the layer whose tensor is called `tensor`.
pub(super) fn layer(tensor: &str) -> String {
    let name = ["weight", "bias"].iter().find_map(|end| tensor.strip_suffix(end));
    name.map_or(tensor, |name| name.trim_end_matches(['.', '_'])).to_owned()
}

impl Lower<'_> {
    /// The name of the parameter, if the value is one as it is.
    fn parameter_name(&self, value: &Value) -> Option<String> {
        match &value.numbers {
            Numbers::Parameter(name) => (self.shapes[name] == value.shape()).then(|| name.clone()),
            _ => None,
        }
    }

    /// The name of the parameter that a layer needs.
    pub(super) fn needed(&self, value: &Value, what: &str) -> Result<String> {
        let name = self.parameter_name(value);
        name.ok_or_else(|| {
            format!("its {what} is computed from others, expected a parameter of the network").into()
        })
    }
}

/// `linear(input, weight, bias=None)`, along the last axis
pub(super) fn linear(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    let (x, weight) = (lower.input(call, "input")?, lower.input(call, "weight")?);
    let bias = lower.optional(call, "bias")?;
    dense(lower, &x, &weight, bias.as_ref())
}

/// $xW^\top+b$ along the last axis of x.
fn dense(lower: &mut Lower<'_>, x: &Value, weight: &Value, bias: Option<&Value>) -> Result<Vec<Value>> {
    let (&[outputs, inputs], Some(&last)) = (weight.shape().as_slice(), x.axes.last()) else {
        return Err("its weight is not [out, in], or its input has no axis".into());
    };
    if last != Axis::plain(inputs) {
        return Err(format!("its weight takes {inputs} numbers, its input has {}", last.size).into());
    }
    let mut axes = x.axes.clone();
    *axes.last_mut().expect("the input has a last axis") = Axis::plain(outputs);
    let bias_name = bias.map(|bias| lower.parameter_name(bias));
    let names = lower.parameter_name(weight).filter(|_| !matches!(bias_name, Some(None)));
    let node = match names {
        Some(name) => {
            let node = lower.own_shape(x)?;
            let weights = Weights { layer: layer(&name), weight: name, bias: bias_name.flatten() };
            lower.net.dense_of(node, weights, outputs)
        }
        // A weight that is computed from others is a value like any.
        None => {
            let weight = lower.shaped(weight, &[outputs, inputs])?;
            let turned = lower.net.permute(weight, &[1, 0]);
            let rows = lower.shaped(x, &[x.len() / inputs.max(1), inputs])?;
            let product = lower.net.matmul(rows, turned);
            let node = match bias {
                Some(bias) => {
                    let bias = lower.shaped(bias, &[outputs])?;
                    lower.net.add(product, bias)
                }
                None => product,
            };
            let shape: Vec<usize> =
                axes.iter().filter(|axis| !axis.is_batch()).map(|axis| axis.size).collect();
            lower.net.reshape(node, &shape)
        }
    };
    Ok(vec![Value::node(node, axes)])
}

/// `batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled)`, and what older
/// versions write for it
pub(super) fn batch_norm(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    call.ignore(&["training", "momentum", "cudnn_enabled"]);
    let x = lower.input(call, "input")?;
    if x.axes.len() < 2 || !is_batch_first(&x, x.axes.len() - 1) {
        return Err("its input is not [batch, channels, …]".into());
    }
    let statistic = |name: &str| -> Result<String> {
        let value = lower.optional(call, name)?.ok_or("it has no running statistics")?;
        match value.numbers {
            Numbers::Fixed(_, Some(name)) => Ok(name),
            _ => Err("its running statistics are computed from others, expected buffers".into()),
        }
    };
    let (mean, variance) = (statistic("running_mean")?, statistic("running_var")?);
    let name = mean.strip_suffix(".running_mean").filter(|name| variance == format!("{name}.running_var"));
    let name =
        name.ok_or_else(|| format!("its statistics '{mean}' and '{variance}' are not of one layer"))?;
    let settings = settings(lower, call, NormKind::Batch)?;
    let node = lower.own_shape(&x)?;
    let node = lower.net.norm_of(node, name, settings);
    Ok(vec![Value::node(node, x.axes)])
}

/// `layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True)`
pub(super) fn layer_norm(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    call.ignore(&["cudnn_enable"]);
    let x = lower.input(call, "input")?;
    let shape = call.ints("normalized_shape")?.ok_or("it has no argument 'normalized_shape'")?;
    let start = x.axes.len().checked_sub(shape.len()).ok_or("its input has too few axes")?;
    if shape.is_empty() || x.axes[start..].iter().any(|axis| axis.batch.is_some()) {
        return Err(across());
    }
    let settings = settings(lower, call, NormKind::Last)?;
    let name = settings.weight.as_ref().or(settings.bias.as_ref());
    let name = name.map_or_else(|| "layer norm".to_owned(), |name| layer(name));
    let node = lower.own_shape(&x)?;
    let node = lower.net.layer_norm(node, name, shape.len(), settings);
    Ok(vec![Value::node(node, x.axes)])
}

/// `group_norm(input, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True)`
pub(super) fn group_norm(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    call.ignore(&["cudnn_enabled"]);
    let x = lower.input(call, "input")?;
    if x.axes.len() < 2 || !is_batch_first(&x, x.axes.len() - 1) {
        return Err("its input is not [batch, channels, …]".into());
    }
    let settings = settings(lower, call, NormKind::Group(call.count("num_groups", None)?))?;
    let name = settings.weight.as_ref().or(settings.bias.as_ref());
    let name = name.map_or_else(|| "group norm".to_owned(), |name| layer(name));
    let node = lower.own_shape(&x)?;
    let node = lower.net.norm_of(node, name, settings);
    Ok(vec![Value::node(node, x.axes)])
}

fn settings(lower: &Lower<'_>, call: &Call<'_>, kind: NormKind) -> Result<NormSettings> {
    let name = |what: &str| -> Result<Option<String>> {
        lower.optional(call, what)?.map(|value| lower.needed(&value, what)).transpose()
    };
    Ok(NormSettings { kind, epsilon: call.float("eps", 1e-5)?, weight: name("weight")?, bias: name("bias")? })
}

/// `embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False)`
pub(super) fn embedding(lower: &mut Lower<'_>, call: &Call<'_>) -> Result<Vec<Value>> {
    if call.int("padding_idx", -1)? >= 0 || call.bool("scale_grad_by_freq", false)? {
        return Err("rows without a gradient, or with a scaled one, are not covered".into());
    }
    call.ignore(&["sparse"]);
    let (weight, indices) = (lower.input(call, "weight")?, lower.input(call, "indices")?);
    let &[rows, features] = weight.shape().as_slice() else {
        return Err("its weight is not [rows, features]".into());
    };
    let axes = [&indices.axes[..], &[Axis::plain(features)]].concat();
    if let Some(numbers) = indices.constant() {
        let start = numbers.first().copied().unwrap_or(0.);
        let follow = numbers.iter().enumerate().all(|(i, &n)| n == start + i as f64);
        let stop = start as usize + numbers.len();
        if !follow || start < 0. || numbers.is_empty() || stop > rows {
            return Err("fixed rows that do not follow each other are not covered".into());
        }
        let node = lower.shaped(&weight, &[rows, features])?;
        let node = lower.net.slice(node, Slice { axis: 0, start: start as usize, stop, step: 1 });
        return Ok(vec![Value::node(node, axes)]);
    }
    let name = lower.needed(&weight, "table")?;
    let x = lower.own_shape(&indices)?;
    let weights = Weights { layer: layer(&name), weight: name, bias: None };
    let node = lower.net.embedding_of(x, weights, rows, features);
    Ok(vec![Value::node(node, axes)])
}
