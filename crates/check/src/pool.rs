//! Pooling of first-order forms.

use collado_models::{Pool, PoolKind};

use crate::{form::Form, interval::Interval, lanes::Forms};

/// The largest number or the mean of each window.
pub(crate) fn pool(op: &Pool, x: &Forms, delta: f64) -> Forms {
    let pixels: usize = op.size.iter().product();
    let [height, width] = op.output_size();
    let outputs = height * width;
    let windows: Vec<Vec<usize>> = (0..outputs)
        .map(|o| {
            let [rows, columns] = op.window([o / width, o % width]);
            rows.flat_map(|y| columns.clone().map(move |x| y * op.size[1] + x)).collect()
        })
        .collect();
    Forms::from_fn(op.channels * outputs, |o, lane| {
        let (first, at) = (o / outputs * pixels, o % outputs);
        let window = windows[at].iter().map(|pixel| x.get(first + pixel, lane));
        match op.kind {
            PoolKind::Max => maximum(window, delta),
            PoolKind::Average => {
                let count = Interval::point(op.divisor([at / width, at % width]) as f64);
                let sum = window.fold(Form::ZERO, |sum, form| sum.plus(form, delta));
                sum.times(Interval::point(1.).over(count), delta)
            }
        }
    })
}

/// The largest of some numbers, beginning with the one whose centre is highest, which often passes as it is.
fn maximum(window: impl Iterator<Item = Form> + Clone, delta: f64) -> Form {
    let higher = |best: (usize, Form), next: (usize, Form)| if next.1.c > best.1.c { next } else { best };
    let (best, start) = window.clone().enumerate().reduce(higher).expect("a window has a pixel");
    let others = window.enumerate().filter(|(i, _)| *i != best);
    others.fold(start, |largest, (_, form)| largest.larger(form, delta))
}
