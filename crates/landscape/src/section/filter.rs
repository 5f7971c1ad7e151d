//! Filter-normalised random directions (Li et al. 2018).

use candle_core::{DType, Device, Tensor};
use collado_linalg::dot;
use collado_models::Arch;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{Error, Result};

/// `count` random directions `[count, S]` at the point `theta` `[S]`, normalised filter by filter: a row of a weight,
/// or a filter of a kernel, gets the norm that the same one of θ has, biases stay where they are. Then one unit along a
/// direction changes every neuron in proportion to its own weights, and pictures of rescaled copies of one network look
/// alike.
///
/// Li, Xu, Taylor, Studer, Goldstein: Visualizing the loss landscape of neural nets (2018), §4. Direction k is drawn
/// from stream k of the generator seeded with `seed`.
///
/// # Errors
/// When `theta` is not a point of `arch`.
pub fn filter_normalized(arch: &Arch, theta: &Tensor, seed: u64, count: usize) -> Result<Tensor> {
    let layout = arch.layout();
    let point = theta.flatten_all()?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    if point.len() != layout.len() {
        return Err(Error::mismatch("parameters", layout.len(), point.len()));
    }
    let mut all = vec![0.; count * point.len()];
    for (k, direction) in all.chunks_exact_mut(point.len()).enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(k as u64);
        for entry in layout.entries().iter().filter(|e| e.shape.len() > 1) {
            let columns = entry.offset..entry.offset + entry.len();
            let size: usize = entry.shape[1..].iter().product();
            let filters = direction[columns.clone()].chunks_exact_mut(size);
            for (filter, own) in filters.zip(point[columns].chunks_exact(size)) {
                filter.iter_mut().for_each(|x| *x = StandardNormal.sample(&mut rng));
                let scale = (dot(own, own) / dot(filter, filter)).sqrt();
                filter.iter_mut().for_each(|x| *x *= scale);
            }
        }
    }
    let all = Tensor::from_vec(all, (count, point.len()), &Device::Cpu)?;
    Ok(all.to_dtype(theta.dtype())?.to_device(theta.device())?)
}
