//! Spans: points that are combinations of few vertices.

use candle_core::{DType, Tensor};

use crate::{Error, Result};
use collado_models::{Real, dispatch, with_slice, with_slice_mut};

/// P points of parameter space as combinations $\theta_i=\sum_j c_{ij}v_j$ of V vertices.
///
/// A plain stack is the case $c = 1$ (the identity). Points on a segment, chain, Bézier curve or plane are
/// combinations of few vertices; kept in that form, products that are linear in θ are done once per vertex.
#[derive(Debug, Clone)]
pub struct Span {
    vertices: Tensor,
    /// The coefficients `[P, V]`, row-major; `None` means the identity.
    coefficients: Option<Vec<f64>>,
    points: usize,
    /// The vertices that gradients are wanted for.
    free: std::ops::Range<usize>,
    /// The running statistics of the vertices `[V, B]`, where they are known.
    buffers: Option<Tensor>,
}

impl Span {
    /// The span in which every row of `stack` `[P, S]` is a point.
    ///
    /// # Errors
    /// When the tensor does not have two dimensions, or holds neither `f32` nor `f64`.
    pub fn stack(stack: &Tensor) -> Result<Self> {
        collado_models::check_dtype(stack.dtype())?;
        let (points, _) = stack.dims2()?;
        Ok(Self { vertices: stack.contiguous()?, coefficients: None, points, free: 0..points, buffers: None })
    }

    /// The span of combinations of the rows of `vertices` `[V, S]` with `coefficients` `[P, V]`, row-major.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    pub fn new(vertices: &Tensor, coefficients: Vec<f64>) -> Result<Self> {
        collado_models::check_dtype(vertices.dtype())?;
        let (v, _) = vertices.dims2()?;
        if v == 0 || !coefficients.len().is_multiple_of(v) {
            return Err(Error::mismatch("coefficients", format!("a multiple of {v}"), coefficients.len()));
        }
        let points = coefficients.len() / v;
        let (vertices, coefficients) = (vertices.contiguous()?, Some(coefficients));
        Ok(Self { vertices, coefficients, points, free: 0..v, buffers: None })
    }

    /// The same span with gradients for the vertices `free` only, as when the ends of a path are fixed.
    pub fn with_free(self, free: std::ops::Range<usize>) -> Self {
        let v = self.vertices.dims()[0];
        Self { free: free.start.min(v)..free.end.min(v), ..self }
    }

    /// The same span with the running statistics `[V, B]` of its vertices.
    ///
    /// # Errors
    /// When there is not one row for each vertex.
    pub fn with_buffers(self, buffers: &Tensor) -> Result<Self> {
        let (rows, vertices) = (buffers.dims2()?.0, self.vertices.dims()[0]);
        if rows != vertices {
            return Err(Error::mismatch(
                "running statistics: rows",
                format!("{vertices}, as vertices"),
                rows,
            ));
        }
        Ok(Self { buffers: Some(buffers.to_dtype(DType::F64)?.contiguous()?), ..self })
    }

    /// The running statistics of the points `[P, B]`, which are the same combinations of those of the vertices; `None`
    /// where those are not known.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn buffers(&self) -> Result<Option<Tensor>> {
        let Some(buffers) = &self.buffers else { return Ok(None) };
        let combined = Self { vertices: buffers.clone(), buffers: None, ..self.clone() };
        combined.materialize().map(Some)
    }

    /// The vertices that gradients are wanted for: a gradient is `[free.len(), S]`.
    pub fn free(&self) -> std::ops::Range<usize> {
        self.free.clone()
    }

    /// Number of points P.
    pub fn points(&self) -> usize {
        self.points
    }

    /// Number of parameters S of a point.
    pub fn size(&self) -> usize {
        self.vertices.dims()[1]
    }

    /// The vertices `[V, S]`, contiguous.
    pub fn vertices(&self) -> &Tensor {
        &self.vertices
    }

    /// The coefficients `[P, V]`; `None` means that every vertex is a point.
    pub fn coefficients(&self) -> Option<&[f64]> {
        self.coefficients.as_deref()
    }

    /// The coefficients of point `i`; `None` means that it is vertex `i`.
    pub fn row(&self, i: usize) -> Option<&[f64]> {
        let v = self.vertices.dims()[0];
        self.coefficients.as_ref().map(|c| &c[i * v..(i + 1) * v])
    }

    /// The points themselves, `[P, S]`.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn materialize(&self) -> Result<Tensor> {
        let Some(coefficients) = &self.coefficients else { return Ok(self.vertices.clone()) };
        let (v, s) = self.vertices.dims2()?;
        if !self.vertices.device().is_cpu() {
            let c = Tensor::from_slice(coefficients, (self.points, v), &candle_core::Device::Cpu)?;
            let c = c.to_dtype(self.vertices.dtype())?.to_device(self.vertices.device())?;
            return Ok(c.matmul(&self.vertices)?);
        }
        let out = Tensor::zeros((self.points, s), self.vertices.dtype(), self.vertices.device())?;
        dispatch!(self.vertices.dtype(), T => with_slice::<T, _, Error>(&self.vertices, |vertices| {
            with_slice_mut::<T, _, _>(&out, |out| {
                for (point, c) in out.chunks_exact_mut(s).zip(coefficients.chunks_exact(v)) {
                    combine(vertices.chunks_exact(s), c, point);
                }
                Ok(())
            })
        }))?;
        Ok(out)
    }

    /// Applies the chain rule: computes the gradients of the free vertices from those at the points, `[P, S]`, and
    /// writes them over `grad` in place.
    ///
    /// # Errors
    /// When sizes or dtypes do not fit together.
    pub fn pull_back(&self, slopes: &Tensor, grad: &mut Tensor) -> Result<()> {
        let slopes = match &self.coefficients {
            None => slopes.clone(),
            Some(c) => {
                let c = Tensor::from_slice(c, (self.points, c.len() / self.points.max(1)), slopes.device())?;
                c.to_dtype(slopes.dtype())?.t()?.matmul(slopes)?
            }
        };
        Ok(grad.slice_set(&slopes.narrow(0, self.free.start, self.free.len())?.contiguous()?, 0, 0)?)
    }
}

/// Computes `out` $=\sum_j c_jv_j$ for the vertices $v_j$, each as long as `out`.
///
/// It works block by block, so that `out` stays in the L1 cache while the vertices are read.
pub(crate) fn combine<'a, T: Real>(
    vertices: impl Iterator<Item = &'a [T]> + Clone,
    c: &[f64],
    out: &mut [T],
) {
    const BLOCK: usize = 2048;
    for (b, block) in out.chunks_mut(BLOCK).enumerate() {
        block.fill(T::zero());
        for (vertex, &c) in vertices.clone().zip(c) {
            axpy(T::of(c), &vertex[b * BLOCK..][..block.len()], block);
        }
    }
}

/// Adds `a x` to `y`. A coefficient 0 leaves `y` unchanged, so that a point at a vertex equals that vertex bit by bit.
pub(crate) fn axpy<T: Real>(a: T, x: &[T], y: &mut [T]) {
    if a == T::zero() {
        return;
    }
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y += a * x;
            }
        },
    );
}
