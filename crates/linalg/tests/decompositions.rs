//! Decompositions against what defines them, on random matrices, and against closed forms.
#![allow(clippy::unwrap_used)]

use collado_linalg::{
    Cholesky, Lu, NotPositiveDefinite, independent_columns, range, singular_values, symmetric_eigen,
    symmetric_eigenvalues, thin_svd,
};
use faer::{Mat, mat};
use proptest::prelude::*;

fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Mat<f64>> {
    prop::collection::vec(-1.0..1.0, rows * columns)
        .prop_map(move |x| Mat::from_fn(rows, columns, |i, j| x[i * columns + j]))
}

fn any_matrix() -> impl Strategy<Value = Mat<f64>> {
    (1..12usize, 1..12usize).prop_flat_map(|(rows, columns)| matrix(rows, columns))
}

fn square() -> impl Strategy<Value = Mat<f64>> {
    (1..12usize).prop_flat_map(|n| matrix(n, n))
}

fn distance(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (a - b).norm_max()
}

fn identity(n: usize) -> Mat<f64> {
    Mat::identity(n, n)
}

fn diagonal(values: &[f64]) -> Mat<f64> {
    let n = values.len();
    Mat::from_fn(n, n, |i, j| if i == j { values[i] } else { 0. })
}

fn column(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

proptest! {
    #[test]
    fn eigenvectors_diagonalise_and_the_lower_triangle_alone_is_read(a in square()) {
        let symmetric = &a + a.transpose();
        let eigen = symmetric_eigen(symmetric.as_ref()).unwrap();
        let u = &eigen.vectors;
        prop_assert!(distance(&(u.transpose() * u), &identity(a.nrows())) < 1e-13);
        prop_assert!(distance(&(u * diagonal(&eigen.values) * u.transpose()), &symmetric) < 1e-12);
        prop_assert!(eigen.values.is_sorted());

        let lower = Mat::from_fn(a.nrows(), a.nrows(), |i, j| if i < j { f64::NAN } else { symmetric[(i, j)] });
        let values = symmetric_eigenvalues(lower.as_ref()).unwrap();
        prop_assert!(values.iter().zip(&eigen.values).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn singular_vectors_give_the_matrix_back(a in any_matrix()) {
        let svd = thin_svd(a.as_ref()).unwrap();
        prop_assert!(distance(&(&svd.u * diagonal(&svd.s) * svd.v.transpose()), &a) < 1e-12);
        prop_assert!(distance(&(svd.v.transpose() * &svd.v), &identity(svd.s.len())) < 1e-13);
        prop_assert!(svd.s.iter().rev().is_sorted() && svd.s.iter().all(|&s| s >= 0.));
        let values = singular_values(a.as_ref()).unwrap();
        prop_assert!(values.iter().zip(&svd.s).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn cholesky_factors_solves_and_inverts(a in square(), b in any_matrix()) {
        let n = a.nrows();
        let positive = &a * a.transpose() + identity(n);
        let cholesky = Cholesky::new(positive.as_ref()).unwrap();
        let l = cholesky.lower();
        prop_assert!(distance(&(l * l.transpose()), &positive) < 1e-12);
        prop_assert!(distance(&(cholesky.inverse() * &positive), &identity(n)) < 1e-10);
        let b = Mat::from_fn(n, b.ncols(), |i, j| b[(i % b.nrows(), j)]);
        prop_assert!(distance(&(&positive * cholesky.solve(b.as_ref())), &b) < 1e-10);
        let x = column(&cholesky.solve_vector(b.col_as_slice(0)));
        prop_assert!(distance(&(&positive * x), &column(b.col_as_slice(0))) < 1e-10);
    }

    #[test]
    fn lu_solves_and_inverts(a in square()) {
        // Diagonally dominant: far from singular.
        let n = a.nrows();
        let regular = &a + diagonal(&vec![2. * n as f64; n]);
        let lu = Lu::new(regular.as_ref());
        prop_assert!(distance(&(lu.inverse() * &regular), &identity(n)) < 1e-12);
        prop_assert!(distance(&(&regular * lu.solve(a.as_ref())), &a) < 1e-12);
        let x = column(&lu.solve_vector(a.col_as_slice(0)));
        prop_assert!(distance(&(&regular * x), &column(a.col_as_slice(0))) < 1e-12);
    }

    #[test]
    fn the_range_is_an_orthonormal_basis_of_the_columns(a in square()) {
        let n = a.nrows();
        let tall = Mat::from_fn(2 * n, n, |i, j| if i < n { a[(i, j)] } else { f64::from(u8::from(i - n == j)) });
        let q = range(tall.as_ref());
        prop_assert!(distance(&(q.transpose() * &q), &identity(n)) < 1e-13);
        prop_assert!(distance(&(&q * (q.transpose() * &tall)), &tall) < 1e-12);
    }
}

#[test]
fn independent_columns_come_first() {
    // The second column is twice the first, the fourth their sum with the third.
    let a = mat![[1., 2., 0., 3.], [0., 0., 1., 1.], [1., 2., 0., 3.]];
    let order = independent_columns(a.as_ref());
    let pair = Mat::from_fn(3, 2, |i, j| a[(i, order[j])]);
    assert!(singular_values(pair.as_ref()).unwrap()[1] > 0.1);
    let mut all = order.clone();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

#[test]
fn a_matrix_that_is_not_positive_definite_is_refused() {
    let indefinite = mat![[1., 2.], [2., 1.]];
    assert_eq!(Cholesky::new(indefinite.as_ref()).unwrap_err(), NotPositiveDefinite);
    assert!(!Lu::new(mat![[1., 1.], [1., 1.]].as_ref()).inverse()[(0, 0)].is_finite());
}

#[test]
fn values_that_are_not_finite_end_in_an_error_or_in_nan() {
    let a = mat![[f64::NAN, 0.], [0., 1.]];
    assert!(symmetric_eigenvalues(a.as_ref()).map_or(true, |x| x.iter().any(|x| x.is_nan())));
    assert!(thin_svd(a.as_ref()).map_or(true, |svd| svd.s.iter().any(|x| x.is_nan())));
}
