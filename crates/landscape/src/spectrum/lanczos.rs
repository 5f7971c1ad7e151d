use collado_linalg::dot;
use faer::Mat;

use super::basis::{axpy, normal, normalize, orthogonalize, tridiagonal};
use crate::{Error, LinearOperator, Result};

/// How both ends of a spectrum are found.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `count` | 5 | eigenvalues at each end | ≥ 1 |
/// | `steps` | 300 | products at most | ≥ 1 |
/// | `tolerance` | 1e-6 | residual over the largest \|λ\| at which it ends | ≥ 0 |
/// | `seed` | 0 | the first vector | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanczosSettings {
    /// Eigenvalues at each end.
    pub count: usize,
    /// Products at most.
    pub steps: usize,
    /// Residual over the largest |λ| at which it ends.
    pub tolerance: f64,
    /// Seed of the first vector.
    pub seed: u64,
}

impl Default for LanczosSettings {
    fn default() -> Self {
        Self { count: 5, steps: 300, tolerance: 1e-6, seed: 0 }
    }
}

/// An approximate eigenpair.
#[derive(Debug, Clone, PartialEq)]
pub struct Ritz {
    /// λ.
    pub value: f64,
    /// $\|Av-\lambda v\|$ of the unit vector v, computed from a product: an eigenvalue lies within this distance of λ.
    pub residual: f64,
    /// v `[S]`.
    pub vector: Vec<f64>,
}

/// Both ends of a spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Ends {
    /// The largest, descending.
    pub top: Vec<Ritz>,
    /// The smallest, ascending: the most negative first.
    pub bottom: Vec<Ritz>,
    /// Products taken.
    pub steps: usize,
    /// Whether all residuals are below the tolerance.
    pub converged: bool,
    /// Ritz values below −Sε·max|λ|. The operator has at least as many negative eigenvalues (Courant–Fischer).
    pub negative: usize,
}

/// The largest and the smallest eigenvalues by Lanczos' method with full reorthogonalisation (Parlett 1980).
///
/// An eigenvalue of multiplicity m is found once, not m times. `progress` is told steps done and steps at most; false
/// ends with what there is.
///
/// # Errors
/// When a setting is out of range, those of the operator, and when products are not finite.
pub fn lanczos(
    operator: &dyn LinearOperator,
    settings: &LanczosSettings,
    progress: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Ends> {
    let s = operator.size();
    if settings.count == 0 || settings.steps == 0 || s == 0 {
        return Err(Error::Setting {
            name: "count, steps",
            expected: "at least 1",
            found: format!("{}, {}", settings.count, settings.steps),
        });
    }
    let most = settings.steps.min(s);
    let mut krylov = Krylov::new(normal(settings.seed, 0, s));
    loop {
        krylov.step(operator)?;
        let steps = krylov.steps();
        let ended = steps >= most || krylov.is_invariant();
        let look = ended || (steps >= 2 * settings.count && steps.is_multiple_of(5));
        let go_on = progress(steps, most);
        if ended || !go_on || (look && krylov.estimate(settings.count)? <= settings.tolerance) {
            return krylov.ends(operator, settings);
        }
    }
}

/// Eigenpairs of an operator on a Krylov space, ascending.
pub(crate) struct Pairs {
    pub(crate) values: Vec<f64>,
    /// Columns, in the basis of the space.
    vectors: Mat<f64>,
    /// The norm of what leads out of the space.
    beta: f64,
}

impl Pairs {
    /// The norm of $Av-\lambda v$ of the i-th pair, as the recurrence tells it.
    pub(crate) fn residual(&self, i: usize) -> f64 {
        self.beta * self.vectors[(self.values.len() - 1, i)].abs()
    }

    /// The largest |λ|.
    fn size(&self) -> f64 {
        self.values[0].abs().max(self.values[self.values.len() - 1].abs())
    }
}

/// An orthonormal basis of a Krylov space, and the operator on it.
pub(crate) struct Krylov {
    basis: Vec<Vec<f64>>,
    next: Vec<f64>,
    pub(super) alphas: Vec<f64>,
    /// `betas[i]` joins basis vectors i and i + 1; the last one is the norm of what leads out of the space.
    pub(super) betas: Vec<f64>,
}

impl Krylov {
    pub(crate) fn new(mut start: Vec<f64>) -> Self {
        normalize(&mut start);
        Self { basis: Vec::new(), next: start, alphas: Vec::new(), betas: Vec::new() }
    }

    /// One product and one more basis vector.
    pub(crate) fn step(&mut self, operator: &dyn LinearOperator) -> Result<()> {
        let mut product = vec![0.; self.next.len()];
        operator.apply(&self.next, &mut product)?;
        self.alphas.push(dot(&self.next, &product));
        self.basis.push(std::mem::take(&mut self.next));
        orthogonalize(&mut product, &self.basis);
        self.betas.push(normalize(&mut product));
        self.next = product;
        Ok(())
    }

    /// Whether the space is mapped into itself, up to rounding.
    pub(super) fn is_invariant(&self) -> bool {
        let size = self.alphas.iter().chain(&self.betas).fold(0.0_f64, |m, x| m.max(x.abs()));
        self.betas.last().is_none_or(|b| *b <= 1e-14 * size)
    }

    pub(super) fn inner(&self) -> &[f64] {
        &self.betas[..self.betas.len().saturating_sub(1)]
    }

    /// Products taken, and basis vectors.
    pub(crate) fn steps(&self) -> usize {
        self.alphas.len()
    }

    /// The eigenpairs of the operator on the space.
    pub(crate) fn pairs(&self) -> Result<Pairs> {
        let (values, vectors) = tridiagonal(&self.alphas, self.inner())?;
        Ok(Pairs { values, vectors, beta: self.betas.last().copied().unwrap_or(0.) })
    }

    /// The i-th vector of `pairs` in the whole space, normalised.
    pub(crate) fn vector(&self, pairs: &Pairs, i: usize) -> Vec<f64> {
        let mut vector = vec![0.; self.basis[0].len()];
        self.basis.iter().enumerate().for_each(|(k, b)| axpy(pairs.vectors[(k, i)], b, &mut vector));
        normalize(&mut vector);
        vector
    }

    /// The largest residual of the `count` outermost Ritz values at each end, over the largest |λ|.
    fn estimate(&self, count: usize) -> Result<f64> {
        let pairs = self.pairs()?;
        let n = pairs.values.len();
        let outermost = (0..n).filter(|&i| i < count || i + count >= n);
        Ok(outermost.map(|i| pairs.residual(i) / pairs.size()).fold(0., f64::max))
    }

    fn ends(&self, operator: &dyn LinearOperator, settings: &LanczosSettings) -> Result<Ends> {
        let pairs = self.pairs()?;
        let values = &pairs.values;
        let n = values.len();
        let count = settings.count.min(n);
        let pick: Vec<usize> = (0..count).chain((n - count..n).rev()).collect();
        let mut ritz = Vec::with_capacity(pick.len());
        for i in pick {
            ritz.push(Ritz { value: values[i], residual: 0., vector: self.vector(&pairs, i) });
        }
        let stack: Vec<f64> = ritz.iter().flat_map(|r| r.vector.iter().copied()).collect();
        let mut products = vec![0.; stack.len()];
        operator.apply(&stack, &mut products)?;
        for (r, product) in ritz.iter_mut().zip(products.chunks_exact_mut(self.basis[0].len())) {
            axpy(-r.value, &r.vector, product);
            r.residual = dot(product, product).sqrt();
        }
        let size = pairs.size();
        let converged = ritz.iter().all(|r| r.residual <= settings.tolerance * size);
        let floor = operator.size() as f64 * f64::EPSILON * size;
        let negative = values.iter().filter(|v| **v < -floor).count();
        let top = ritz.split_off(count);
        Ok(Ends { top, bottom: ritz, steps: n, converged, negative })
    }
}
