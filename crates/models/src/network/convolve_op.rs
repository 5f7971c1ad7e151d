//! A convolution as one operation of automatic differentiation, for GPUs.
//!
//! The library of the device does the convolutions; only the gradient is written here, as two more of them: that of the
//! input is a convolution of the error, and that of the weight a product with the columns of the input, which are gathered
//! again instead of being kept.

use candle_core::{
    CpuStorage, CudaStorage, CustomOp2, Layout, Shape, Storage, Tensor, backend::BackendStorage,
};

use super::Conv2d;
use crate::Result;

impl Conv2d {
    /// Whether the gradient of the input is a convolution that the library has.
    pub(super) fn is_plain(&self) -> bool {
        let square = |pair: [usize; 2]| pair[0] == pair[1];
        let reaches = |k: usize| (self.kernel[k] - 1) * self.dilation[k] >= self.padding[k];
        self.groups == 1
            && [self.stride, self.padding, self.dilation].into_iter().all(square)
            && reaches(0)
            && reaches(1)
    }

    /// The convolution of `x` `[N, in, height, width]` with `weight` `[out, in, rows, columns]`, if it is plain.
    pub(super) fn in_one(&self, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        let (x, weight) = (x.contiguous()?, weight.contiguous()?);
        let z = x.detach().conv2d(&weight.detach(), self.padding[0], self.stride[0], self.dilation[0], 1)?;
        Ok(x.apply_op2(&weight, Convolution { map: *self, z: z.contiguous()? })?)
    }

    /// The gradient of the input, from that of the result `[N, out, ..]`.
    pub(super) fn slope_of_input(&self, weight: &Tensor, slope: &Tensor) -> candle_core::Result<Tensor> {
        let mut spread = slope.contiguous()?;
        for k in 0..2 {
            let (axis, stride, reach) = (2 + k, self.stride[k], (self.kernel[k] - 1) * self.dilation[k]);
            // The errors stand where the kernel stood, zeros between them.
            let count = spread.dims()[axis];
            if stride > 1 {
                let dims = spread.dims().to_vec();
                let apart = [&dims[..=axis], &[1], &dims[axis + 1..]].concat();
                let joined = [&dims[..axis], &[count * stride], &dims[axis + 1..]].concat();
                spread = spread.reshape(apart)?.pad_with_zeros(axis + 1, 0, stride - 1)?.reshape(joined)?;
                spread = spread.narrow(axis, 0, (count - 1) * stride + 1)?;
            }
            let before = reach - self.padding[k];
            // Pixels behind the last place of the kernel are seen less often, or never.
            let after = self.size[k] + reach - before - spread.dims()[axis];
            spread = spread.pad_with_zeros(axis, before, after)?;
        }
        let mut kernel = weight.transpose(0, 1)?.contiguous()?;
        for k in (0..2).filter(|&k| self.kernel[k] > 1) {
            let back: Vec<u32> = (0..self.kernel[k] as u32).rev().collect();
            kernel = kernel.index_select(&Tensor::new(back, kernel.device())?, 2 + k)?;
        }
        spread.contiguous()?.conv2d(&kernel.contiguous()?, 0, 1, self.dilation[0], 1)
    }

    /// The gradient of the weight, from that of the result `[N, out, ..]`.
    pub(super) fn slope_of_weight(&self, x: &Tensor, slope: &Tensor) -> Result<Tensor> {
        let (n, [height, width]) = (x.dims()[0], self.output_size());
        let fan = self.inputs * self.kernel[0] * self.kernel[1];
        let columns = self.columns(x)?.reshape((n, fan, height * width))?;
        let slope = slope.contiguous()?.reshape((n, self.outputs, height * width))?;
        let each = slope.matmul(&columns.transpose(1, 2)?)?;
        Ok(each.sum(0)?.reshape((self.outputs, self.inputs, self.kernel[0], self.kernel[1]))?)
    }
}

/// The operation: its result `z` is known.
struct Convolution {
    map: Conv2d,
    z: Tensor,
}

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        match &*self.z.storage_and_layout().0 {
            Storage::Cpu(z) => Ok((z.clone(), self.z.shape().clone())),
            _ => candle_core::bail!("the result of a convolution is on another device than its input"),
        }
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        let (storage, layout) = self.z.storage_and_layout();
        match &*storage {
            Storage::Cuda(z) => Ok((z.try_clone(layout)?, self.z.shape().clone())),
            _ => candle_core::bail!("the result of a convolution is on another device than its input"),
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let of_weight = self.map.slope_of_weight(&x.detach(), slope).map_err(candle_core::Error::wrap)?;
        // The first layer's input is data.
        let of_input = match x.track_op() {
            true => Some(self.map.slope_of_input(&weight.detach(), slope)?),
            false => None,
        };
        Ok((of_input, Some(of_weight)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;

    /// Numbers without a pattern.
    fn numbers(shape: &[usize], phase: f64) -> Tensor {
        let count: usize = shape.iter().product();
        let data: Vec<f64> = (0..count).map(|i| (i as f64 * 1.7 + phase).sin()).collect();
        Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
    }

    /// The sum of the squares of the result, and its gradients.
    fn slopes(
        x: &Var,
        w: &Var,
        map: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> (Tensor, Tensor, Tensor) {
        let z = map(w, x).unwrap();
        let gradients = z.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        (z.detach(), gradients.get(x).unwrap().clone(), gradients.get(w).unwrap().clone())
    }

    #[test]
    fn values_and_gradients_are_those_of_columns() {
        let mut plain = 0;
        for (kernel, stride, padding, dilation) in [
            ([3, 3], 1, 1, 1),
            ([3, 3], 2, 1, 1),
            ([1, 1], 2, 0, 1),
            ([5, 5], 3, 2, 1),
            ([3, 3], 2, 0, 1),
            ([3, 3], 1, 2, 2),
            ([3, 2], 2, 1, 2),
            // More zeros around than the kernel reaches, which is not plain.
            ([1, 1], 1, 1, 1),
        ] {
            let map = Conv2d {
                inputs: 3,
                outputs: 4,
                size: [9, 8],
                kernel,
                stride: [stride; 2],
                padding: [padding; 2],
                dilation: [dilation; 2],
                groups: 1,
            };
            if !map.is_plain() {
                continue;
            }
            plain += 1;
            let x = Var::from_tensor(&numbers(&[2, 3, 9, 8], 0.3)).unwrap();
            let w = Var::from_tensor(&numbers(&[4, 3, kernel[0], kernel[1]], 0.9)).unwrap();
            let found = slopes(&x, &w, |w, x| map.in_one(w, x));
            let expected = slopes(&x, &w, |w, x| map.by_columns(w, x));
            for (f, e) in [(found.0, expected.0), (found.1, expected.1), (found.2, expected.2)] {
                assert_eq!(f.dims(), e.dims(), "{map:?}");
                let gap = (f - &e).unwrap().abs().unwrap().max_all().unwrap();
                let scale = e.abs().unwrap().max_all().unwrap();
                let [gap, scale] =
                    [gap, scale].map(|t| t.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap());
                assert!(gap <= 1e-12 * scale, "{map:?}: {gap} of {scale}");
            }
        }
        assert_eq!(plain, 7);
    }
}
