//! The analyses, each with a run that shows whether it covers a network.

use candle_core::{DType, Device, Tensor};
use collado_certify::{CertifySettings, certify_path, prove_network_minimum};
use collado_dynamics::{
    Align, Connect, Constructive, ConstructiveSettings, DeepLinear, Matching, Repair, Search,
};
use collado_landscape::{Curvature, LinearOperator, Outputs, Tangent};
use collado_models::{Arch, Init, Network};
use collado_risk::{
    Criterion, CurvatureForm, EmpiricalRisk, ExactCurvature, Examples, Loss, Objective, Path, Regularizer,
    Rows,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Outcome = Result<(), String>;

/// An analysis.
pub(super) struct Analysis {
    pub(super) name: &'static str,
    /// The commands that need it.
    pub(super) commands: &'static str,
    /// A run that fails where the network is not covered.
    pub(super) run: fn(&Trial) -> Outcome,
}

const fn analysis(name: &'static str, commands: &'static str, run: fn(&Trial) -> Outcome) -> Analysis {
    Analysis { name, commands, run }
}

pub(super) const ANALYSES: [Analysis; 12] = [
    analysis("risk", "eval, connect, landscape", Trial::risk),
    analysis("gradients", "train, connect, levelset", Trial::gradients),
    analysis("gradients by candle", "--engine candle", Trial::tensors),
    analysis("weight matching", "align, connect --align weights", Trial::weights),
    analysis("activation matching", "align, connect --align activations", Trial::activations),
    analysis("REPAIR", "align, connect --method repair", Trial::repair),
    analysis("explicit paths of deep linear networks", "connect --method deep-linear", Trial::deep_linear),
    analysis("constructive paths", "connect --method constructive", Trial::constructive),
    analysis("proofs along paths", "certify, connect --certify", Trial::path),
    analysis("proofs of minima", "certify-minimum", Trial::minimum),
    analysis("exact curvature", "spectrum, critical", Trial::curvature),
    analysis("tangent kernels", "kernel", Trial::kernel),
];

/// A network with two random points and two random examples.
pub(super) struct Trial {
    arch: Arch,
    risk: EmpiricalRisk,
    inputs: Tensor,
    a: Tensor,
    b: Tensor,
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Trial {
    pub(super) fn new(network: &Network, loss: Loss) -> Result<Self, String> {
        let arch = network.arch().clone();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut point = || -> candle_core::Result<Tensor> {
            // Away from zeros, at which some methods have nothing to do.
            let theta: Vec<f64> = Init::Pytorch.init(&arch, &mut rng);
            let theta: Vec<f64> = theta.into_iter().map(|x| x + rng.random_range(0.01..0.02)).collect();
            let count = theta.len();
            Tensor::from_vec(theta, count, &Device::Cpu)
        };
        let (a, b) = (point().map_err(text)?, point().map_err(text)?);
        // An embedding takes whole numbers.
        let tokens = network.tokens();
        let count = 2 * network.input().iter().product::<usize>();
        let number = |_| match tokens {
            Some(rows) => rng.random_range(0..rows) as f64,
            None => rng.random_range(-1. ..1.),
        };
        let shape = [&[2], network.input()].concat();
        let inputs: Vec<f64> = (0..count).map(number).collect();
        let inputs = Tensor::from_vec(inputs, shape, &Device::Cpu).map_err(text)?;
        let targets = match loss {
            Loss::CrossEntropy => match positions(network) {
                Some(positions) => Tensor::zeros((2, positions), DType::U32, &Device::Cpu),
                None => Tensor::new(&[0_u32, (network.outputs() - 1).min(1) as u32], &Device::Cpu),
            },
            Loss::Squared | Loss::Logistic => Tensor::zeros((2, network.outputs()), DType::F64, &Device::Cpu),
        };
        let examples = Examples::new(&inputs, &targets.map_err(text)?).map_err(text)?;
        let criterion = Criterion { loss, kappa: 0., regularizer: Regularizer::L2 };
        let risk = EmpiricalRisk::new(network.clone(), examples, criterion).map_err(text)?;
        Ok(Self { arch, risk, inputs, a, b })
    }

    fn risk(&self) -> Outcome {
        let stack = self.a.unsqueeze(0).map_err(text)?;
        self.risk.at(&stack, Rows::All, None).map(drop).map_err(text)
    }

    fn gradients(&self) -> Outcome {
        gradient(&self.risk, &self.a)
    }

    fn tensors(&self) -> Outcome {
        gradient(&self.risk.in_tensors(), &self.a)
    }

    fn weights(&self) -> Outcome {
        Align::default().covers(&self.arch, &self.a, None).map_err(text)
    }

    fn activations(&self) -> Outcome {
        let align = Align { matching: Matching::Activations, ..Align::default() };
        align.covers(&self.arch, &self.a, Some(&self.inputs)).map_err(text)
    }

    fn repair(&self) -> Outcome {
        self.connect(&Repair { arch: &self.arch, data: &self.inputs, rows: 2, knots: 3 })
    }

    fn deep_linear(&self) -> Outcome {
        self.connect(&DeepLinear::new(&self.risk))
    }

    fn constructive(&self) -> Outcome {
        let settings = ConstructiveSettings { starts: 1, steps: 1, ..ConstructiveSettings::default() };
        self.connect(&Constructive { risk: self.risk.clone(), settings })
    }

    fn connect(&self, method: &dyn Connect) -> Outcome {
        let progress = &mut ();
        let mut search = Search { objective: &self.risk, seed: 0, progress };
        method.find(&self.a, &self.b, &mut search).map(drop).map_err(text)
    }

    fn path(&self) -> Outcome {
        let path = Path::segment(&self.a, &self.b).map_err(text)?;
        let settings = CertifySettings { max_subintervals: 1, ..CertifySettings::default() };
        certify_path(&path, &self.risk, &settings, &mut ()).map(drop).map_err(text)
    }

    fn minimum(&self) -> Outcome {
        let theta = self.a.to_vec1::<f64>().map_err(text)?;
        prove_network_minimum(&self.risk, &theta).map(drop).map_err(text)
    }

    fn curvature(&self) -> Outcome {
        let exact = ExactCurvature::new(&self.risk).map_err(text)?;
        let at = Curvature::new(&exact, CurvatureForm::Hessian, &self.a).map_err(text)?;
        let vector = vec![1.; self.risk.network().size()];
        let mut product = vec![0.; vector.len()];
        at.apply(&vector, &mut product).map_err(text)
    }

    fn kernel(&self) -> Outcome {
        let tangent = Tangent::of(&self.risk, &self.a).map_err(text)?;
        tangent.kernel(Outputs::Mean);
        Ok(())
    }
}

/// The number of positions that have outputs of their own, where there are several.
fn positions(network: &Network) -> Option<usize> {
    let shape = network.nodes().last()?.shape.iter().copied().filter(|&n| n != 1);
    match shape.collect::<Vec<_>>()[..] {
        [positions, _] => Some(positions),
        _ => None,
    }
}

fn gradient(risk: &EmpiricalRisk, theta: &Tensor) -> Outcome {
    let stack = theta.unsqueeze(0).map_err(text)?;
    let mut gradient = stack.zeros_like().map_err(text)?;
    risk.at(&stack, Rows::All, Some(&mut gradient)).map(drop).map_err(text)
}
