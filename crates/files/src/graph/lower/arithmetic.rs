//! Sums, products, matrices, attention, and what is taken over axes.

use std::rc::Rc;

use collado_models::{Function, Softmax};

use super::{
    Lower, Reason, Result,
    axes::Axis,
    call::Call,
    pointwise::one,
    value::{Value, across, check_size},
};
use crate::graph::schema::Argument;

type Values = Result<Vec<Value>>;

impl Lower<'_> {
    /// An argument that is a tensor or a number.
    fn operand(&self, call: &Call<'_>, name: &str) -> Result<Value> {
        match call.get(name) {
            Some(Argument::Tensor(tensor)) => self.value(tensor),
            _ => Ok(Value::fixed(vec![call.float(name, None)?], &[])),
        }
    }

    /// Both values with the axes that PyTorch's broadcasting gives them.
    fn broadcast(&self, x: &Value, y: &Value) -> Result<Vec<Axis>> {
        let rank = x.axes.len().max(y.axes.len());
        let at = |value: &Value, i: usize| match (i + value.axes.len()).checked_sub(rank) {
            Some(i) => value.axes[i],
            None => Axis::plain(1),
        };
        let axes = (0..rank).map(|i| match (at(x, i), at(y, i)) {
            (a, b) if a == b => Ok(a),
            (Axis { size: 1, batch: None }, other) | (other, Axis { size: 1, batch: None }) => Ok(other),
            (a, b) => Err(self.unlike(a, b)),
        });
        let axes: Vec<Axis> = axes.collect::<Result<_>>()?;
        check_size(axes.iter().map(|axis| axis.size))?;
        match axes.iter().filter(|axis| axis.batch.is_some()).count() {
            0 | 1 => Ok(axes),
            _ => Err(across()),
        }
    }

    /// The reason why two axes do not go together.
    pub(super) fn unlike(&self, a: Axis, b: Axis) -> Reason {
        // The size of the batch may stand in the graph as a number.
        match a.batch.is_some() != b.batch.is_some() && !self.batch.dynamic {
            true => Reason::Baked,
            false => format!("its axes do not go together: {} and {} numbers", a.size, b.size).into(),
        }
    }

    /// The operation with the value's numbers in the shape that the axes have, with axes of one position where it has
    /// fewer.
    fn aligned(&mut self, value: &Value, axes: &[Axis]) -> Result<usize> {
        let lacking = axes.len() - value.axes.len();
        let own = |i: usize| if i < lacking { 1 } else { value.axes[i - lacking].size };
        let kept = (0..axes.len()).filter(|&i| !axes[i].is_batch());
        self.shaped(value, &kept.map(own).collect::<Vec<_>>())
    }

    /// The sum of two values.
    pub(super) fn sum_of(&mut self, x: &Value, y: &Value) -> Values {
        self.pairwise(x, y, |a, b| a + b, |by| Function::Scale { by: 1., shift: by }, false)
    }

    /// The product of two values, number by number.
    fn product_of(&mut self, x: &Value, y: &Value) -> Values {
        self.pairwise(x, y, |a, b| a * b, |by| Function::Scale { by, shift: 0. }, true)
    }

    fn pairwise(
        &mut self,
        x: &Value,
        y: &Value,
        f: fn(f64, f64) -> f64,
        with: fn(f64) -> Function,
        multiply: bool,
    ) -> Values {
        let axes = self.broadcast(x, y)?;
        if let (Some(_), Some(_)) = (x.constant(), y.constant()) {
            return Ok(vec![self.fold(x, y, f)?]);
        }
        for (value, other) in [(x, y), (y, x)] {
            if let Some(number) = value.scalar().filter(|_| other.axes.len() == axes.len()) {
                return self.function(other, with(number));
            }
        }
        let (a, b) = (self.aligned(x, &axes)?, self.aligned(y, &axes)?);
        let node = if multiply { self.net.multiply(a, b) } else { self.net.add(a, b) };
        Ok(vec![Value::node(node, axes)])
    }

    /// A function of two fixed values.
    pub(super) fn fold(&mut self, x: &Value, y: &Value, f: impl Fn(f64, f64) -> f64) -> Result<Value> {
        let axes = self.broadcast(x, y)?;
        let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
        self.spend(check_size(sizes.iter().copied())?)?;
        let [x, y] = [x, y].map(|value| value.repeated(&sizes).ok_or("it needs fixed numbers"));
        let (x, y) = (x?, y?);
        let numbers: Vec<f64> = x.iter().zip(y.iter()).map(|(&a, &b)| f(a, b)).collect();
        let mut value = Value::fixed(numbers, &sizes);
        value.axes = axes;
        Ok(value)
    }

    fn scaled(&mut self, x: &Value, by: f64) -> Result<Value> {
        let [value] = one(self.function(x, Function::Scale { by, shift: 0. })?);
        Ok(value)
    }
}

impl Value {
    /// The fixed numbers, repeated along axes of one position and new leading ones.
    pub(super) fn repeated(&self, sizes: &[usize]) -> Option<Rc<[f64]>> {
        let numbers = self.constant()?;
        if numbers.len() == sizes.iter().product::<usize>() {
            return Some(Rc::clone(numbers));
        }
        let lacking = sizes.len().checked_sub(self.axes.len())?;
        // The step in the numbers for one step along each axis.
        let mut steps = vec![0; sizes.len()];
        let mut step = 1;
        for (i, axis) in self.axes.iter().enumerate().rev() {
            steps[lacking + i] = if axis.size == 1 { 0 } else { step };
            step *= axis.size;
        }
        let place = |mut k: usize| {
            let axes = sizes.iter().zip(&steps).rev();
            axes.map(|(&size, &step)| (k % size * step, k /= size).0).sum::<usize>()
        };
        (0..sizes.iter().product()).map(|k| numbers.get(place(k)).copied()).collect()
    }
}

/// `add(self, other, alpha=1)`
pub(super) fn add(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let (x, y) = (lower.input(call, "self")?, lower.operand(call, "other")?);
    let y = lower.scaled(&y, call.float("alpha", 1.)?)?;
    lower.sum_of(&x, &y)
}

/// `sub(self, other, alpha=1)`
pub(super) fn subtract(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let (x, y) = (lower.input(call, "self")?, lower.operand(call, "other")?);
    let y = lower.scaled(&y, -call.float("alpha", 1.)?)?;
    lower.sum_of(&x, &y)
}

/// `rsub(self, other, alpha=1)`: other − alpha · self
pub(super) fn subtract_from(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let (x, y) = (lower.input(call, "self")?, lower.operand(call, "other")?);
    let x = lower.scaled(&x, -call.float("alpha", 1.)?)?;
    lower.sum_of(&x, &y)
}

/// `mul(self, other)`
pub(super) fn multiply(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let (x, y) = (lower.input(call, "self")?, lower.operand(call, "other")?);
    lower.product_of(&x, &y)
}

/// `div(self, other)`
pub(super) fn divide(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let (x, y) = (lower.input(call, "self")?, lower.operand(call, "other")?);
    if let (Some(_), Some(_)) = (x.constant(), y.constant()) {
        return Ok(vec![lower.fold(&x, &y, |a, b| a / b)?]);
    }
    let [inverse] = one(lower.function(&y, Function::Power { exponent: -1. })?);
    lower.product_of(&x, &inverse)
}

/// `matmul(self, other)`, `bmm(self, mat2)` and `mm(self, mat2)`
pub(super) fn matmul(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let other = if call.get("other").is_some() { "other" } else { "mat2" };
    let y = lower.input(call, other)?;
    Ok(vec![matrices(lower, &x, &y)?])
}

/// `addmm(self, mat1, mat2, beta=1, alpha=1)`
pub(super) fn addmm(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let (bias, x) = (lower.input(call, "self")?, lower.input(call, "mat1")?);
    let y = lower.input(call, "mat2")?;
    let (beta, alpha) = (call.float("beta", 1.)?, call.float("alpha", 1.)?);
    let product = matrices(lower, &x, &y)?;
    let (product, bias) = (lower.scaled(&product, alpha)?, lower.scaled(&bias, beta)?);
    lower.sum_of(&product, &bias)
}

/// The products of the matrices on the last two axes. The batch may be among the leading axes, or be the rows of the
/// first factor.
fn matrices(lower: &mut Lower<'_>, x: &Value, y: &Value) -> Result<Value> {
    let (Some((_, [m, k])), Some((lead, [l, n]))) = (x.axes.split_last_chunk(), y.axes.split_last_chunk())
    else {
        return Err("products of vectors are not covered".into());
    };
    if k.batch.or(l.batch).or(n.batch).is_some() || k.size != l.size {
        return Err("its inner axes do not go together".into());
    }
    if lead.iter().all(|axis| *axis == Axis::plain(1)) && y.batch().is_none() {
        // One matrix for all rows of x.
        let rows = lower.shaped(x, &[x.len() / k.size.max(1), k.size])?;
        let matrix = lower.shaped(y, &[k.size, n.size])?;
        let node = lower.net.matmul(rows, matrix);
        let more = lead.len().saturating_sub(x.axes.len() - 2);
        let mut axes = [&vec![Axis::plain(1); more][..], &x.axes].concat();
        *axes.last_mut().expect("there are two axes") = *n;
        return Ok(Value::node(node, axes));
    }
    if m.batch.is_some() {
        return Err(across());
    }
    let cut = |value: &Value| Value {
        axes: value.axes[..value.axes.len() - 2].to_vec(),
        numbers: value.numbers.clone(),
    };
    let lead = lower.broadcast(&cut(x), &cut(y))?;
    let axes = |a: &Axis, b: &Axis| [&lead[..], &[*a, *b]].concat();
    let a = lower.aligned(x, &axes(m, k))?;
    let b = lower.aligned(y, &axes(l, n))?;
    let node = lower.net.matmul(a, b);
    Ok(Value::node(node, axes(m, n)))
}

/// `scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0, is_causal=False, scale=None,
/// enable_gqa=False)`
pub(super) fn attention(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&["dropout_p"]);
    if call.bool("enable_gqa", false)? {
        return Err("heads that share keys are not covered".into());
    }
    let [q, k, v] = ["query", "key", "value"].map(|name| lower.input(call, name));
    let (q, k, v) = (q?, k?, v?);
    let (Some(&d), true) = (q.axes.last(), k.axes.len() >= 2) else {
        return Err("its inputs have too few axes".into());
    };
    let scale = call.float("scale", (d.size as f64).sqrt().recip())?;
    let mask = lower.optional(call, "attn_mask")?;
    let causal = call.bool("is_causal", false)?;
    let q = lower.scaled(&q, scale)?;
    let keys = lower.transposed(&k, k.axes.len() - 2, k.axes.len() - 1)?;
    let mut scores = matrices(lower, &q, &keys)?;
    if let Some(mask) = mask {
        let of_type = |name| lower.metas.get(name).is_some_and(|meta| meta.dtype == BOOL);
        let mask = match (call.tensor("attn_mask")?.is_some_and(of_type), mask.constant()) {
            (true, Some(numbers)) => mask.with_numbers(numbers.iter().map(|&n| hidden(n == 0.)).collect()),
            (true, None) => return Err("a mask that depends on the input is not covered".into()),
            (false, _) => mask,
        };
        [scores] = one(lower.sum_of(&scores, &mask)?);
    }
    if causal {
        let [.., rows, columns] = scores.axes[..] else { return Err("its inputs have too few axes".into()) };
        let (rows, columns) = (rows.size, columns.size);
        lower.spend(check_size([rows, columns].into_iter())?)?;
        let node = lower.net.causal_mask(rows, columns);
        [scores] =
            one(lower.sum_of(&scores, &Value::node(node, vec![Axis::plain(rows), Axis::plain(columns)]))?);
    }
    let weights = along(lower, &scores, -1, false)?;
    Ok(vec![matrices(lower, &weights, &v)?])
}

/// The number of truth values among PyTorch's types.
const BOOL: u32 = 12;

/// The term that hides a score.
fn hidden(hide: bool) -> f64 {
    if hide { f64::NEG_INFINITY } else { 0. }
}

/// `masked_fill(self, mask, value)` with a fixed mask
pub(super) fn masked_fill(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let (x, mask) = (lower.input(call, "self")?, lower.input(call, "mask")?);
    let value = lower.operand(call, "value")?.scalar().ok_or("its value is no fixed number")?;
    let Some(numbers) = mask.constant() else {
        return Err("a mask that depends on the input is not covered".into());
    };
    let put = mask.with_numbers(numbers.iter().map(|&m| if m == 0. { 0. } else { value }).collect());
    if value == f64::NEG_INFINITY && x.constant().is_none() {
        return lower.sum_of(&x, &put);
    }
    let keep = mask.with_numbers(numbers.iter().map(|&m| f64::from(u8::from(m == 0.))).collect());
    let [kept] = one(lower.product_of(&x, &keep)?);
    lower.sum_of(&kept, &put)
}

/// `where(condition, self, other)` with a fixed condition
pub(super) fn select_where(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let condition = lower.input(call, "condition")?;
    let (x, y) = (lower.operand(call, "self")?, lower.operand(call, "other")?);
    let Some(numbers) = condition.constant() else {
        return Err("a condition that depends on the input is not covered".into());
    };
    let part = |lower: &mut Lower<'_>, value: &Value, wanted: bool| -> Result<Value> {
        let chosen = |c: f64| (c != 0.) == wanted;
        if value.constant().is_some() {
            // Infinities must not meet zeros.
            return lower.fold(&condition, value, |c, v| if chosen(c) { v } else { 0. });
        }
        let keep = condition.with_numbers(numbers.iter().map(|&c| f64::from(u8::from(chosen(c)))).collect());
        Ok(one(lower.product_of(value, &keep)?)[0].clone())
    };
    let (x, y) = (part(lower, &x, true)?, part(lower, &y, false)?);
    lower.sum_of(&x, &y)
}

/// `softmax(self, dim, dtype=None)`
pub(super) fn softmax(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&["dtype", "half_to_float"]);
    let (x, dim) = (lower.input(call, "self")?, call.int("dim", None)?);
    Ok(vec![along(lower, &x, dim, false)?])
}

/// `log_softmax(self, dim, dtype=None)`
pub(super) fn log_softmax(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&["dtype", "half_to_float"]);
    let (x, dim) = (lower.input(call, "self")?, call.int("dim", None)?);
    Ok(vec![along(lower, &x, dim, true)?])
}

fn along(lower: &mut Lower<'_>, x: &Value, dim: i64, log: bool) -> Result<Value> {
    let axis = x.own(x.dim(dim)?)?;
    let node = lower.own_shape(x)?;
    let node = lower.net.softmax_of(node, Softmax { axis, log });
    Ok(Value::node(node, x.axes.clone()))
}

/// `mean(self, dim, keepdim=False, dtype=None)`
pub(super) fn mean(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    reduce(lower, call, true)
}

/// `sum(self, dim, keepdim=False, dtype=None)`
pub(super) fn sum(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    reduce(lower, call, false)
}

fn reduce(lower: &mut Lower<'_>, call: &Call<'_>, mean: bool) -> Values {
    call.ignore(&["dtype"]);
    let x = lower.input(call, "self")?;
    let dims = call.ints("dim")?.unwrap_or_default();
    // Without axes all of them are meant.
    let dims = match dims.is_empty() {
        true => (0..x.axes.len()).collect(),
        false => dims.iter().map(|&dim| x.dim(dim)).collect::<Result<Vec<usize>>>()?,
    };
    let keep = call.bool("keepdim", false)?;
    let mut own = dims.iter().map(|&dim| x.own(dim)).collect::<Result<Vec<usize>>>()?;
    own.sort_unstable();
    let shape = x.shape();
    let node = lower.own_shape(&x)?;
    let is_image = shape.len() == 3 && x.axes.first().is_some_and(|axis| axis.is_batch());
    let node = match (mean, own.as_slice()) {
        // The mean over all pixels is a pooling, which more analyses cover.
        (true, [1, 2]) if is_image => lower.net.global_average(node),
        (true, own) => lower.net.mean(node, own),
        (false, own) => lower.net.sum(node, own),
    };
    let axes = x.axes.iter().enumerate().filter_map(|(i, &axis)| match (dims.contains(&i), keep) {
        (false, _) => Some(axis),
        (true, true) => Some(Axis::plain(1)),
        (true, false) => None,
    });
    Ok(vec![Value::node(node, axes.collect())])
}
