//! The energy of the spherical p-spin glass and its derivatives.

use std::borrow::Cow;

use collado_linalg::dot;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::{Result, error::refuse};

/// $H(\sigma)=N^{-(p-1)/2}\sum g_{i_1\dots i_p}\sigma_{i_1}\cdots\sigma_{i_p}$ on the sphere ‖σ‖² = N, with independent
/// standard normal couplings g for all ordered tuples.
#[derive(Debug, Clone)]
pub struct SphericalSpin {
    p: usize,
    size: usize,
    /// Couplings, symmetrised, times $N^{-(p-1)/2}$: `[N; p]`.
    couplings: Vec<f64>,
}

/// The largest number of couplings N^p.
const LIMIT: usize = 1 << 27;

impl SphericalSpin {
    /// Random couplings, drawn from stream 2·`sample` of `seed`.
    ///
    /// # Errors
    /// When p < 2, N < 3 or N^p is too large.
    pub fn random(p: usize, size: usize, seed: u64, sample: u64) -> Result<Self> {
        if p < 2 {
            return refuse("p", "at least 2", p);
        }
        let count = u32::try_from(p).ok().and_then(|p| size.checked_pow(p)).filter(|c| *c <= LIMIT);
        let Some(count) = count.filter(|_| size >= 3) else {
            return refuse("size", "at least 3, with size^p at most 2^27", size);
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(2 * sample);
        let scale = (size as f64).powf(-0.5 * (p - 1) as f64);
        // Sums over all orders of a tuple, kept at its sorted place, and how many orders there are.
        let (mut sums, mut orders) = (vec![0.; count], vec![0_u32; count]);
        let mut tuple = vec![0; p];
        for flat in 0..count {
            let place = sorted_place(flat, size, &mut tuple);
            sums[place] += rng.sample::<f64, _>(StandardNormal);
            orders[place] += 1;
        }
        let couplings = (0..count)
            .map(|flat| {
                let place = sorted_place(flat, size, &mut tuple);
                scale * sums[place] / f64::from(orders[place])
            })
            .collect();
        Ok(Self { p, size, couplings })
    }

    /// Number p of spins that interact.
    pub fn p(&self) -> usize {
        self.p
    }

    /// Number N of spins.
    pub fn size(&self) -> usize {
        self.size
    }

    /// $T\sigma^{p-2}$ `[N, N]`: all but two indices summed against σ. Then $H=\sigma^\top M\sigma$, $\nabla H=pM\sigma$,
    /// $\nabla^2H=p(p-1)M$.
    pub fn matrix(&self, sigma: &[f64]) -> Vec<f64> {
        let whole = Cow::Borrowed(self.couplings.as_slice());
        (2..self.p).fold(whole, |tensor, _| Cow::Owned(contract(&tensor, sigma))).into_owned()
    }
}

/// The last index of a tensor summed against σ.
fn contract(tensor: &[f64], sigma: &[f64]) -> Vec<f64> {
    tensor.chunks_exact(sigma.len()).map(|row| dot(row, sigma)).collect()
}

/// Where the tuple with flat index `flat` lies when its indices are sorted.
fn sorted_place(mut flat: usize, size: usize, tuple: &mut [usize]) -> usize {
    for index in tuple.iter_mut() {
        *index = flat % size;
        flat /= size;
    }
    tuple.sort_unstable();
    tuple.iter().fold(0, |place, index| place * size + index)
}
