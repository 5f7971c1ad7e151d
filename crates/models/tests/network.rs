//! A network as a list of operations, and the walks through it.
#![allow(clippy::unwrap_used)]

use std::ops::Range;

use collado_models::{Activation, Affine, Algebra, Arch, Error, Network, Op, Reverse};

fn archs() -> Vec<Arch> {
    vec![
        Arch::dense(Activation::Relu, &[3, 4, 2], true).unwrap(),
        Arch::dense(Activation::Linear, &[2, 3, 3, 1], false).unwrap(),
        Arch::dense(Activation::Tanh, &[2, 1], true).unwrap(),
        Arch::two_layer(3, 5, 2).unwrap(),
    ]
}

#[test]
fn every_parameter_of_the_layout_is_one_layers() {
    for arch in archs() {
        let network = Network::from(&arch);
        let chain = network.chain().unwrap();
        assert_eq!(
            (chain.depth(), chain.inputs(), chain.outputs()),
            (arch.depth(), arch.inputs(), arch.outputs())
        );
        let mut column = 0;
        for (k, layer) in chain.iter().enumerate() {
            let weight = network.layout().get(&format!("{}.weight", arch.layer_name(k))).unwrap();
            assert_eq!(layer.weight, weight.offset..weight.offset + weight.len());
            assert_eq!(weight.shape, [layer.outputs(), layer.inputs()]);
            assert_eq!(layer.weight.start, column);
            assert_eq!(layer.column(layer.outputs() - 1, layer.inputs() - 1) + 1, layer.weight.end);
            let bias = network.layout().get(&format!("{}.bias", arch.layer_name(k)));
            assert_eq!(layer.bias, bias.map(|e| e.offset..e.offset + e.len()));
            assert_eq!(layer.bias.is_some(), arch.has_bias(k));
            let last = k + 1 == arch.depth();
            assert_eq!(layer.activation, if last { Activation::Linear } else { arch.activation() });
            column = layer.end();
        }
        assert_eq!((column, network.size()), (network.layout().len(), network.layout().len()));
        assert_eq!(network.units(), arch.widths()[1..].iter().sum::<usize>());
    }
}

/// Plain numbers.
struct Numbers<'a> {
    theta: &'a [f64],
    /// Whether layers are done at once.
    fused: bool,
    layers: usize,
}

impl Algebra for Numbers<'_> {
    type Value = Vec<f64>;
    type Error = Error;
    const NAME: &'static str = "arithmetic";

    fn affine(&mut self, op: &Affine, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let rows = op.weight_of(self.theta).chunks_exact(op.inputs());
        let products = rows.map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>());
        let bias = op.bias_of(self.theta);
        Ok(products.enumerate().map(|(i, z)| z + bias.map_or(0., |b| b[i])).collect())
    }

    fn activation(&mut self, rho: Activation, x: Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(x.into_iter().map(|z| rho.value(z)).collect())
    }

    fn layer(&mut self, op: &Affine, rho: Activation, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.layers += 1;
        let z = self.affine(op, x)?;
        if self.fused { Ok(z.into_iter().map(|z| rho.value(z)).collect()) } else { self.activation(rho, z) }
    }
}

#[test]
fn a_walk_is_the_formula_of_the_network() {
    // Φ(x) = w₂ · tanh(W₁ x + b₁) + b₂, by hand.
    let network = Network::from(Arch::dense(Activation::Tanh, &[2, 2, 1], true).unwrap());
    let theta = [0.5, -1., 2., 0.25, 0.1, -0.2, 3., -0.7, 0.4];
    let x = [0.3, -0.8];
    let h = [(0.5 * 0.3 + 0.8 + 0.1_f64).tanh(), (2. * 0.3 - 0.25 * 0.8 - 0.2_f64).tanh()];
    for fused in [false, true] {
        let mut numbers = Numbers { theta: &theta, fused, layers: 0 };
        let found = network.run(&mut numbers, x.to_vec()).unwrap();
        assert!((found[0] - (3. * h[0] - 0.7 * h[1] + 0.4)).abs() < 1e-15);
        assert_eq!(numbers.layers, 1, "the last layer has no activation");
    }
}

/// An analysis without any rule but one.
struct Narrow {
    affine: bool,
}

impl Algebra for Narrow {
    type Value = ();
    type Error = Error;
    const NAME: &'static str = "a narrow analysis";

    fn affine(&mut self, op: &Affine, (): &()) -> Result<(), Error> {
        match self.affine {
            true => Ok(()),
            false => Err(Error::NoRule { analysis: Self::NAME, operation: op.to_string() }),
        }
    }
}

struct Nothing;

impl Algebra for Nothing {
    type Value = ();
    type Error = Error;
    const NAME: &'static str = "nothing";
}

impl Reverse for Nothing {
    type Error = Error;
    const NAME: &'static str = "nothing, backwards,";
}

#[test]
fn what_has_no_rule_is_refused_by_name() {
    let network = Network::from(Arch::dense(Activation::Relu, &[3, 4, 2], true).unwrap());
    let message = |result: Result<(), Error>| result.unwrap_err().to_string();
    assert_eq!(message(network.run(&mut Nothing, ())), "nothing does not cover the dense layer '0' (3 to 4)");
    assert_eq!(
        message(network.run(&mut Narrow { affine: true }, ())),
        "a narrow analysis does not cover the activation relu"
    );
    assert_eq!(
        message(network.run_back(&mut Nothing)),
        "nothing, backwards, does not cover the dense layer '2' (4 to 2)"
    );
}

/// Notes where it comes by.
#[derive(Default)]
struct Steps(Vec<(String, Range<usize>)>);

impl Reverse for Steps {
    type Error = Error;
    const NAME: &'static str = "steps";

    fn affine(&mut self, op: &Affine, x: Range<usize>) -> Result<(), Error> {
        self.0.push((op.name.clone(), x));
        Ok(())
    }

    fn activation(&mut self, rho: Activation, x: Range<usize>) -> Result<(), Error> {
        self.0.push((rho.to_string(), x));
        Ok(())
    }
}

#[test]
fn the_way_back_is_the_list_in_reverse() {
    let network = Network::from(Arch::dense(Activation::Relu, &[3, 4, 5, 2], true).unwrap());
    let mut steps = Steps::default();
    network.run_back(&mut steps).unwrap();
    let expected = [("4", 4..9), ("relu", 4..9), ("2", 0..4), ("relu", 0..4), ("0", 0..0)]
        .map(|(n, x)| (n.to_owned(), x));
    assert_eq!(steps.0, expected);
    assert!(matches!(network.nodes()[0].op, Op::Input));
}
