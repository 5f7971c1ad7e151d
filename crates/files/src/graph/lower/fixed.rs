//! Fixed numbers: masks, positions, and what is computed from them before any example is seen.

use super::{
    Lower, Result,
    axes::Axis,
    call::Call,
    value::{Numbers, Value, check_size},
};
use crate::graph::schema::Argument;

type Values = Result<Vec<Value>>;

const UNIMPORTANT: [&str; 5] = ["dtype", "layout", "device", "pin_memory", "memory_format"];

/// `arange(end)`, `arange(start, end)`, `arange(start, end, step)`
pub(super) fn arange(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&UNIMPORTANT);
    let (start, step) = (call.float("start", 0.)?, call.float("step", 1.)?);
    let count = ((call.float("end", None)? - start) / step).ceil();
    if !(1. ..=1e9).contains(&count) {
        return Err("it has no numbers, or too many".into());
    }
    lower.spend(count as usize)?;
    let numbers: Vec<f64> = (0..count as usize).map(|i| start + i as f64 * step).collect();
    let count = numbers.len();
    Ok(vec![Value::fixed(numbers, &[count])])
}

/// `full(size, fill_value)`, `full_like(self, fill_value)`
pub(super) fn full(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let value = call.float("fill_value", None)?;
    filled(lower, call, value)
}

/// `zeros(size)`, `zeros_like(self)`
pub(super) fn zeros(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    filled(lower, call, 0.)
}

/// `ones(size)`, `ones_like(self)`
pub(super) fn ones(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    filled(lower, call, 1.)
}

/// The same number everywhere; an axis of open size is the batch, which it goes with.
fn filled(lower: &mut Lower<'_>, call: &Call<'_>, number: f64) -> Values {
    call.ignore(&UNIMPORTANT);
    call.ignore(&["size", "self"]);
    let axes: Vec<Axis> = lower
        .result_dims(call)?
        .iter()
        .map(|dim| match dim.dynamic && dim.size == lower.batch.size {
            true => Ok(Axis::BATCH),
            false if dim.dynamic => Err("it has an axis of open size that is not the batch".into()),
            false => Ok(Axis::plain(dim.size)),
        })
        .collect::<Result<_>>()?;
    let count = check_size(axes.iter().map(|axis| axis.size))?;
    lower.spend(count)?;
    Ok(vec![Value { axes, numbers: Numbers::Fixed(vec![number; count].into(), None) }])
}

/// `scalar_tensor(s)`
pub(super) fn scalar(_: &mut Lower<'_>, call: &Call<'_>) -> Values {
    call.ignore(&UNIMPORTANT);
    Ok(vec![Value::fixed(vec![call.float("s", None)?], &[])])
}

/// `tril(self, diagonal=0)`
pub(super) fn tril(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    triangle(lower, call, |row, column, diagonal| column - row <= diagonal)
}

/// `triu(self, diagonal=0)`
pub(super) fn triu(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    triangle(lower, call, |row, column, diagonal| column - row >= diagonal)
}

fn triangle(lower: &mut Lower<'_>, call: &Call<'_>, kept: fn(i64, i64, i64) -> bool) -> Values {
    let x = lower.input(call, "self")?;
    let diagonal = call.int("diagonal", 0)?;
    let (Some(numbers), &[.., rows, columns]) = (x.constant(), x.shape().as_slice()) else {
        return Err(needs_fixed());
    };
    let at = |i: usize| ((i / columns % rows) as i64, (i % columns) as i64);
    let numbers = numbers.iter().enumerate().map(|(i, &n)| {
        let (row, column) = at(i);
        if kept(row, column, diagonal) { n } else { 0. }
    });
    Ok(vec![x.with_numbers(numbers.collect())])
}

/// Declares the rules that compare two values.
macro_rules! compare {
    ($($(#[$doc:meta])* $name:ident: $f:expr;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
            let f: fn(&f64, &f64) -> bool = $f;
            let x = lower.input(call, "self")?;
            let y = match call.get("other") {
                Some(Argument::Tensor(name)) => lower.value(name)?,
                _ => Value::fixed(vec![call.float("other", None)?], &[]),
            };
            if x.constant().is_none() || y.constant().is_none() {
                return Err(needs_fixed());
            }
            Ok(vec![lower.fold(&x, &y, |a, b| f64::from(u8::from(f(&a, &b))))?])
        }
    )*};
}

compare! {
    /// `eq(self, other)`
    equal: f64::eq;
    /// `ne(self, other)`
    unequal: f64::ne;
    /// `lt(self, other)`
    less: |a, b| a < b;
    /// `le(self, other)`
    at_most: |a, b| a <= b;
    /// `gt(self, other)`
    greater: |a, b| a > b;
    /// `ge(self, other)`
    at_least: |a, b| a >= b;
    /// `logical_and(self, other)`
    and: |a, b| *a != 0. && *b != 0.;
    /// `logical_or(self, other)`
    or: |a, b| *a != 0. || *b != 0.;
}

/// `logical_not(self)`, and `bitwise_not(self)` of truth values
pub(super) fn not(lower: &mut Lower<'_>, call: &Call<'_>) -> Values {
    let x = lower.input(call, "self")?;
    let Some(numbers) = x.constant() else { return Err(needs_fixed()) };
    Ok(vec![x.with_numbers(numbers.iter().map(|&n| f64::from(u8::from(n == 0.))).collect())])
}

fn needs_fixed() -> super::Reason {
    "comparisons of what depends on the input are not covered".into()
}
