//! The axes of a tensor in an exported graph, and where the batch is among them.
//!
//! A network of this workspace describes one example. In the graph the batch is an axis like any other, not always the
//! first, and at times a factor of an axis: `MultiheadAttention` has one of length `batch · heads`. So each value
//! remembers where the batch lies, and its numbers are those of one example in the order of the other axes.

/// One axis, without the batch: `size` numbers, among which the batch lies before the last `batch` if it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) batch: Option<usize>,
}

impl Axis {
    /// The axis that is the batch and nothing else.
    pub(super) const BATCH: Self = Self { size: 1, batch: Some(1) };

    /// An axis without the batch.
    pub(super) fn plain(size: usize) -> Self {
        Self { size, batch: None }
    }

    /// Whether the axis is the batch and nothing else.
    pub(super) fn is_batch(self) -> bool {
        self == Self::BATCH
    }
}

/// The size of an axis in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dim {
    /// The number for the batch of the export.
    pub(super) size: usize,
    /// Whether it grows with the batch.
    pub(super) dynamic: bool,
}

/// The batch that the network was exported with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) size: usize,
    /// Whether the graph leaves its size open.
    pub(super) dynamic: bool,
}

impl Batch {
    /// Whether an axis can have that size in the graph.
    pub(super) fn agrees(self, axis: Axis, dim: Dim) -> bool {
        match axis.batch {
            Some(_) => axis.size.checked_mul(self.size) == Some(dim.size) && dim.dynamic == self.dynamic,
            None => axis.size == dim.size && !dim.dynamic,
        }
    }
}

/// The same numbers as axes of other sizes. The place of the batch among the numbers says which axis it goes to.
///
/// # Errors
/// When the sizes do not say that, which happens if the size of the batch is written into the graph.
pub(super) fn regroup(axes: &[Axis], dims: &[Dim], batch: Batch) -> Result<Vec<Axis>, Baked> {
    let total: usize = axes.iter().map(|axis| axis.size).product();
    let Some(at) = axes.iter().position(|axis| axis.batch.is_some()) else {
        let fits = product(dims.iter().map(|dim| dim.size)) == Some(total) && dims.iter().all(|d| !d.dynamic);
        return fits.then(|| dims.iter().map(|dim| Axis::plain(dim.size)).collect()).ok_or(Baked);
    };
    let inner = axes[at].batch.unwrap_or(1) * axes[at + 1..].iter().map(|axis| axis.size).product::<usize>();
    let outer = total / inner.max(1);
    let place = |k: usize| {
        let (before, rest) = (product(sizes(&dims[..k]))?, product(sizes(&dims[k + 1..]))?);
        let size = divide(dims[k].size, batch.size)?;
        let after = divide(size, divide(outer, before)?)?;
        (after.checked_mul(rest) == Some(inner)).then_some(Axis { size, batch: Some(after) })
    };
    let allowed = |k: usize| match batch {
        Batch { dynamic: true, .. } => dims[k].dynamic,
        // A batch of one can only be told from other numbers where it stands alone.
        Batch { size: 1, .. } => dims[k].size == 1,
        _ => true,
    };
    let mut places = (0..dims.len()).filter(|&k| allowed(k)).filter_map(|k| Some((k, place(k)?)));
    let (Some((k, axis)), None) = (places.next(), places.next()) else { return Err(Baked) };
    if dims.iter().enumerate().any(|(i, dim)| dim.dynamic && i != k) {
        return Err(Baked);
    }
    Ok((0..dims.len()).map(|i| if i == k { axis } else { Axis::plain(dims[i].size) }).collect())
}

/// The size of the batch is written into the graph, or mixed with other sizes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Baked;

fn sizes(dims: &[Dim]) -> impl Iterator<Item = usize> {
    dims.iter().map(|dim| dim.size)
}

/// The product, if it does not overflow.
pub(super) fn product(mut sizes: impl Iterator<Item = usize>) -> Option<usize> {
    sizes.try_fold(1_usize, |product, n| product.checked_mul(n))
}

fn divide(a: usize, b: usize) -> Option<usize> {
    (b > 0 && a.is_multiple_of(b)).then(|| a / b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(sizes: &[usize]) -> Vec<Dim> {
        sizes.iter().map(|&size| Dim { size, dynamic: false }).collect()
    }

    fn open(sizes: &[usize], at: usize) -> Vec<Dim> {
        let mut dims = fixed(sizes);
        dims[at].dynamic = true;
        dims
    }

    #[test]
    fn the_batch_is_followed_through_views() {
        let axes = [Axis::plain(5), Axis::BATCH, Axis::plain(8)];
        let heads = [Axis::plain(5), Axis { size: 2, batch: Some(2) }, Axis::plain(4)];
        for (batch, dims) in [
            (Batch { size: 2, dynamic: true }, open(&[5, 4, 4], 1)),
            (Batch { size: 2, dynamic: false }, fixed(&[5, 4, 4])),
            (Batch { size: 5, dynamic: false }, fixed(&[5, 10, 4])),
        ] {
            assert_eq!(regroup(&axes, &dims, batch), Ok(heads.to_vec()), "{batch:?}");
        }
        let rows = [Axis { size: 5, batch: Some(1) }, Axis::plain(8)];
        let batch = Batch { size: 3, dynamic: false };
        assert_eq!(regroup(&axes, &fixed(&[15, 8]), batch), Ok(rows.to_vec()));
        assert_eq!(regroup(&rows, &fixed(&[5, 3, 8]), batch), Ok(axes.to_vec()));
    }

    #[test]
    fn what_the_sizes_do_not_say_is_refused() {
        let axes = [Axis::BATCH, Axis::plain(8)];
        let batch = |size, dynamic| Batch { size, dynamic };
        // The batch cut in two, a batch of one inside another axis, another number of numbers, the wrong open axis.
        for (batch, dims) in [
            (batch(4, false), fixed(&[2, 2, 8])),
            (batch(1, false), fixed(&[8])),
            (batch(1, false), fixed(&[1, 1, 8])),
            (batch(2, false), fixed(&[2, 9])),
            (batch(2, false), fixed(&[usize::MAX, usize::MAX])),
            (batch(2, true), open(&[2, 8], 1)),
            (batch(2, true), fixed(&[2, 8])),
            (batch(2, false), fixed(&[0, 8])),
        ] {
            assert_eq!(regroup(&axes, &dims, batch), Err(Baked), "{batch:?} {dims:?}");
        }
        let one = regroup(&axes, &fixed(&[1, 2, 4]), batch(1, false));
        assert_eq!(one, Ok(vec![Axis::BATCH, Axis::plain(2), Axis::plain(4)]));
    }
}
