//! A network as a list of operations, and the walks through it.
#![allow(clippy::unwrap_used)]

use std::ops::Range;

use collado_models::{
    Activation, Affine, Algebra, Arch, ConvSettings, Error, Network, NetworkBuilder, Op, Place, Reverse,
};

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

    fn affine(&mut self, op: &Affine, x: Place) -> Result<(), Error> {
        self.0.push((op.name.clone(), x.units));
        Ok(())
    }

    fn activation(&mut self, rho: Activation, _: Range<usize>, x: Place) -> Result<(), Error> {
        self.0.push((rho.to_string(), x.units));
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

/// x, a sum of two paths from it that share a rectifier, and a third reader of the sum.
fn residual() -> Network {
    let mut net = NetworkBuilder::new(&[2]);
    let a = net.dense(0, "a", 3, true);
    let a = net.activation(a, Activation::Relu);
    let b = net.dense(a, "b", 3, false);
    let sum = net.add(b, a);
    let c = net.dense(sum, "c", 3, false);
    let both = net.concat(&[sum, c]);
    net.dense(both, "d", 1, false);
    net.finish("a residual network").unwrap()
}

/// Plain numbers through sums and concatenations.
struct Sums<'a>(Numbers<'a>);

impl Algebra for Sums<'_> {
    type Value = Vec<f64>;
    type Error = Error;
    const NAME: &'static str = "sums";

    fn affine(&mut self, op: &Affine, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.0.affine(op, x)
    }

    fn activation(&mut self, rho: Activation, x: Vec<f64>) -> Result<Vec<f64>, Error> {
        self.0.activation(rho, x)
    }

    fn add(&mut self, x: Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(x.iter().zip(y).map(|(x, y)| x + y).collect())
    }

    fn concat(&mut self, _: usize, parts: &[Vec<f64>]) -> Result<Vec<f64>, Error> {
        Ok(parts.concat())
    }
}

#[test]
fn results_that_are_read_twice_are_kept() {
    let net = residual();
    let theta: Vec<f64> = (0..net.size()).map(|i| ((7 * i + 3) % 11) as f64 / 5. - 1.).collect();
    let x = [0.4, -0.9];
    let entry = |name: &str| net.layout().get(name).unwrap().offset;
    let product = |name: &str, x: &[f64]| -> Vec<f64> {
        let rows = theta[entry(&format!("{name}.weight"))..].chunks_exact(x.len());
        rows.map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
    };
    let bias = &theta[entry("a.bias")..][..3];
    let a: Vec<f64> = product("a", &x).iter().zip(bias).map(|(z, b)| (z + b).max(0.)).collect();
    let sum: Vec<f64> = product("b", &a).iter().zip(&a).map(|(b, a)| a + b).collect();
    let c = product("c", &sum)[..3].to_vec();
    let expected = product("d", &[sum, c].concat())[0];
    let found = net.run(&mut Sums(Numbers { theta: &theta, fused: true, layers: 0 }), x.to_vec()).unwrap();
    assert!((found[0] - expected).abs() < 1e-14);
}

/// Notes where derivatives go.
#[derive(Default)]
struct Flow(Vec<(&'static str, Range<usize>, bool)>);

impl Reverse for Flow {
    type Error = Error;
    const NAME: &'static str = "flow";

    fn affine(&mut self, _: &Affine, x: Place) -> Result<(), Error> {
        self.0.push(("affine", x.units, x.add));
        Ok(())
    }

    fn activation(&mut self, _: Activation, _: Range<usize>, x: Place) -> Result<(), Error> {
        self.0.push(("activation", x.units, x.add));
        Ok(())
    }

    fn add(&mut self, _: Range<usize>, x: Place) -> Result<(), Error> {
        self.0.push(("add", x.units, x.add));
        Ok(())
    }

    fn concat(&mut self, _: Range<usize>, x: Place) -> Result<(), Error> {
        self.0.push(("concat", x.units, x.add));
        Ok(())
    }
}

#[test]
fn derivatives_of_results_that_are_read_twice_are_added() {
    let mut flow = Flow::default();
    residual().run_back(&mut flow).unwrap();
    let expected = [
        ("affine", 12..18, false), // d reads the concatenation
        ("concat", 6..9, false),   // which reads the sum
        ("concat", 9..12, false),  // and c
        ("affine", 6..9, true),    // c reads the sum too
        ("add", 3..6, false),      // the sum of b
        ("add", 0..3, false),      // and a
        ("affine", 0..3, true),    // b reads a
        ("activation", 0..3, false),
        ("affine", 0..0, false),
    ];
    assert_eq!(flow.0, expected);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let mut net = NetworkBuilder::new(&[3, 8, 8]);
    let x = net.conv(0, "a", ConvSettings::same(4, 3));
    net.add(x, 0);
    let message = net.finish("wrong").unwrap_err().to_string();
    assert_eq!(message, "terms of a sum: expected 4x8x8, found 3x8x8");
    let mut net = NetworkBuilder::new(&[3, 8]);
    net.conv(0, "a", ConvSettings::same(4, 3));
    assert!(net.finish("wrong").unwrap_err().to_string().contains("expected 3 axes, found 3x8"));
    let mut net = NetworkBuilder::new(&[3, 8, 8]);
    net.conv(0, "a", ConvSettings { groups: 2, ..ConvSettings::same(4, 3) });
    assert!(net.finish("wrong").unwrap_err().to_string().contains("groups"));
}

#[test]
fn the_arithmetic_of_known_networks_is_that_of_the_literature() {
    // ResNet-20 for CIFAR-10 takes 40.55 million products in its convolutions (27·16·32² in the first), and 640 in its dense layer.
    let arch: collado_models::ArchSpec = "resnet20:shortcut=pad,input=3x32x32,classes=10".parse().unwrap();
    let network = arch.with_ends(1, 1).network();
    let products = |keep: fn(&Op) -> bool| -> u64 {
        let nodes = network.nodes().iter().enumerate().filter(|(_, node)| keep(&node.op));
        nodes.map(|(id, _)| network.flops(id)).sum()
    };
    let affine = products(|op| matches!(op, Op::Affine(_)));
    let outputs: u64 = network
        .nodes()
        .iter()
        .filter(|n| matches!(n.op, Op::Affine(_)))
        .map(|n| n.shape.iter().product::<usize>() as u64)
        .sum();
    // Of convolutions without a bias each output takes an addition less than products.
    assert_eq!((affine + outputs - 10) / 2, 40_550_400 + 640);
    // A multiplication and an addition for each number that batch normalisation reads, the same as there are sums.
    assert_eq!(products(|op| matches!(op, Op::Norm(_))), 2 * (outputs - 10));
}
