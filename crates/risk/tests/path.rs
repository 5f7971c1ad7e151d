//! What is a path, and what is none.
#![allow(missing_docs, clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_risk::{Path, PathKind};

fn vertices(points: usize) -> Tensor {
    Tensor::zeros((points, 4), DType::F64, &Device::Cpu).unwrap()
}

#[test]
fn knots_that_are_none_are_refused() {
    let cases: [(&[f64], usize, &str); 7] = [
        (&[0., 1.], 3, "expected a knot for each of 3 vertices, found 2"),
        (&[0., 0.5, 0.5, 1.], 4, "expected strictly increasing knots, found 0.5 after 0.5 at place 2"),
        (&[0., f64::NAN, 1.], 3, "expected strictly increasing knots, found NaN after 0 at place 1"),
        (&[0., 0.5, f64::INFINITY], 3, "expected knots from 0 to 1, found 0 to inf"),
        (&[0.1, 1.], 2, "expected knots from 0 to 1, found 0.1 to 1"),
        (&[0.], 1, "expected at least 2 vertices, found 1"),
        (&[], 2, "expected a knot for each of 2 vertices, found 0"),
    ];
    for (knots, points, expected) in cases {
        let kind = PathKind::Polychain { knots: knots.to_vec() };
        let error = Path::new(kind, vertices(points)).unwrap_err();
        assert_eq!(error.to_string(), format!("path: {expected}"));
    }
}

#[test]
fn one_vertex_is_no_path() {
    for result in [Path::polychain(vertices(1)), Path::bezier(vertices(1)), Path::bezier(vertices(0))] {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with("path: expected at least 2 vertices, found"), "{error}");
    }
    assert!(Path::bezier(vertices(2).flatten_all().unwrap()).is_err());
}
