//! The global minimum of a deep linear network's squared loss, in closed form (Izenman 1975).

use candle_core::{DType, Device, Tensor};
use collado_linalg::{Svd, thin_svd};
use faer::Mat;

use crate::{Error, Result};

/// The global minimum of $\operatorname{mean}\|Px+b-y\|^2$ over P of bounded rank.
#[derive(Debug, Clone)]
pub struct LinearOptimum {
    /// The product P `[q, n]`, row-major.
    pub product: Vec<f64>,
    /// The bias b `[q]`, which is 0 in networks without biases.
    pub bias: Vec<f64>,
    /// The least risk.
    pub risk: f64,
}

/// Least squares in closed form, or reduced-rank regression where `rank` < min(n, q) (Izenman 1975): with the
/// least-squares fit $\hat Y$ (by the pseudo-inverse, so that X may lack rank) and its right singular vectors V,
/// $P=V_rV_r^\top\hat P$ and $F=\operatorname{mean}\|Y-\hat Y\|^2+\frac1N\sum_{i>r}\sigma_i(\hat Y)^2$. `inputs` are
/// `[N, n]`, `targets` `[N, q]`; with `bias` both are centred first.
///
/// A deep linear network reaches it with `rank` = its narrowest width.
///
/// # Errors
/// When the two have different numbers of rows.
pub fn linear_optimum(inputs: &Tensor, targets: &Tensor, rank: usize, bias: bool) -> Result<LinearOptimum> {
    let (mut x, mut y) = (matrix(inputs)?, matrix(targets)?);
    if x.nrows() != y.nrows() || x.nrows() == 0 {
        let found = format!("{} targets for {} inputs", y.nrows(), x.nrows());
        return Err(Error::Setting { name: "targets", expected: "one for each input", found });
    }
    let (mean_x, mean_y) =
        if bias { (center(&mut x), center(&mut y)) } else { (vec![0.; x.ncols()], vec![0.; y.ncols()]) };
    let Svd { u, s, v } = thin_svd(x.as_ref())?;
    let limit = x.nrows().max(x.ncols()) as f64 * f64::EPSILON * s[0];
    let range = s.iter().take_while(|&&s| s > limit).count();
    // Ŷ = U (UᵀY) and P̂ᵀ = V S⁻¹ (UᵀY): singular values of Ŷ are those of UᵀY.
    let coefficients = u.subcols(0, range).transpose() * &y;
    let fit = u.subcols(0, range) * &coefficients;
    let inner = thin_svd(coefficients.as_ref())?;
    let kept = rank.min(inner.s.len());
    let onto = inner.v.subcols(0, kept) * inner.v.subcols(0, kept).transpose();
    let scaled = Mat::from_fn(range, y.ncols(), |i, j| coefficients[(i, j)] / s[i]);
    let product = onto * (v.subcols(0, range) * scaled).transpose();
    let bias = (0..y.ncols())
        .map(|i| mean_y[i] - mean_x.iter().enumerate().map(|(j, x)| product[(i, j)] * x).sum::<f64>())
        .collect();
    let lost: f64 = inner.s.iter().skip(kept).map(|s| s * s).sum();
    let risk = ((&y - fit).squared_norm_l2() + lost) / x.nrows() as f64;
    let product = (0..y.ncols()).flat_map(|i| product.row(i).iter().copied().collect::<Vec<_>>()).collect();
    Ok(LinearOptimum { product, bias, risk })
}

fn matrix(tensor: &Tensor) -> Result<Mat<f64>> {
    let (n, m) = tensor.dims2()?;
    let rows = tensor.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(Mat::from_fn(n, m, |i, j| rows[i * m + j]))
}

/// Subtracts the mean from every column and returns the means.
fn center(m: &mut Mat<f64>) -> Vec<f64> {
    let n = m.nrows() as f64;
    let mut means = Vec::with_capacity(m.ncols());
    for column in m.col_iter_mut() {
        let mean = column.as_ref().iter().sum::<f64>() / n;
        column.iter_mut().for_each(|x| *x -= mean);
        means.push(mean);
    }
    means
}
