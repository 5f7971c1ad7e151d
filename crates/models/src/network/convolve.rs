//! Convolutions in candle tensors.
//!
//! candle's own convolution has a wrong gradient where height and width leave different remainders by the stride, and a
//! slow one everywhere. Here pixels are gathered into columns, and the rest is a product of matrices; on a GPU it is one
//! operation with a gradient of its own, or cuDNN's. Derivatives are written out where they are convolutions and products.

use candle_core::Tensor;

use super::Conv2d;
use crate::Result;

impl Conv2d {
    /// The convolution of `x` `[N, in, height, width]` with `weight` `[out, in / groups, rows, columns]`, without bias.
    ///
    /// # Errors
    /// The errors of candle.
    pub(super) fn forward(&self, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        #[cfg(feature = "cudnn")]
        if x.device().is_cuda() {
            return Ok(self.by_cudnn(weight, x)?);
        }
        match x.device().is_cuda() && self.is_plain() {
            true => self.in_one(weight, x),
            false => self.by_columns(weight, x),
        }
    }

    /// Whether [`slopes`](Self::slopes) has the derivatives for images like `x`.
    pub(crate) fn has_slopes(&self, x: &Tensor) -> bool {
        self.is_plain() || (cfg!(feature = "cudnn") && x.device().is_cuda())
    }

    /// The derivatives with respect to `x`, if wanted, and to `weight`, from those with respect to the result.
    pub(crate) fn slopes(
        &self,
        weight: &Tensor,
        x: &Tensor,
        dy: &Tensor,
        of_input: bool,
    ) -> Result<(Option<Tensor>, Tensor)> {
        #[cfg(feature = "cudnn")]
        if x.device().is_cuda() {
            return Ok(self.slopes_by_cudnn(weight, x, dy, of_input)?);
        }
        let of_input = of_input.then(|| self.slope_of_input(weight, dy)).transpose()?;
        Ok((of_input, self.slope_of_weight(x, dy)?))
    }

    /// The convolution as a product of the weight with columns of pixels.
    pub(super) fn by_columns(&self, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        let (n, [height, width]) = (x.dims()[0], self.output_size());
        let per_group = self.inputs / self.groups * self.kernel[0] * self.kernel[1];
        let columns = self.columns(x)?.reshape((n, self.groups, per_group, height * width))?;
        let weight = weight.reshape((1, self.groups, self.outputs / self.groups, per_group))?;
        let z = weight.broadcast_matmul(&columns)?;
        Ok(z.reshape((n, self.outputs, height, width))?)
    }

    /// For each channel, element of the kernel and pixel of the result the pixel of `x` that the element meets there:
    /// `[N, in, rows * columns, pixels]`.
    pub(super) fn columns(&self, x: &Tensor) -> Result<Tensor> {
        let (n, [above, left]) = (x.dims()[0], self.padding);
        if self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0] {
            return Ok(x.clone());
        }
        let padded = match self.padding {
            [0, 0] => x.clone(),
            _ => x.pad_with_zeros(2, above, above)?.pad_with_zeros(3, left, left)?,
        };
        let wide = self.size[1] + 2 * left;
        let flat = padded.reshape((n, self.inputs, (self.size[0] + 2 * above) * wide))?;
        let [height, width] = self.output_size();
        let mut places = Vec::with_capacity(self.kernel[0] * self.kernel[1] * height * width);
        for (i, j) in pairs(self.kernel[0], self.kernel[1]) {
            for (y, x) in pairs(height, width) {
                let row = y * self.stride[0] + i * self.dilation[0];
                let column = x * self.stride[1] + j * self.dilation[1];
                places.push((row * wide + column) as u32);
            }
        }
        let count = places.len();
        Ok(flat.index_select(&Tensor::from_vec(places, count, x.device())?, 2)?)
    }
}

fn pairs(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |i| (0..columns).map(move |j| (i, j)))
}
