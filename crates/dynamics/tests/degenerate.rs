//! Searches between a point and itself, and searches that diverge.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{
    Connect, Constructive, ConstructiveSettings, Curve, CurveKind, DeepLinear, Dss, Error, Level, Linear,
    Neb, Repair, Search,
};
use collado_models::{Arch, ArchSpec, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Path, profile};

const METHODS: [CurveKind; 2] = [CurveKind::Bezier, CurveKind::Polychain];

fn task(arch: &str, dtype: DType) -> (Arch, EmpiricalRisk, Tensor) {
    let data = collado_data::load("synthetic:linear?d=3&q=2&n=40&noise=0.3").unwrap().train;
    let collado_data::Targets::Values(targets) = data.targets else { panic!("values") };
    let arch = arch.parse::<ArchSpec>().unwrap().resolve(3, 2).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let (inputs, targets) = (data.inputs.to_dtype(dtype).unwrap(), targets.to_dtype(dtype).unwrap());
    let objective = EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets).unwrap(), criterion)
        .unwrap()
        .with_memory(1 << 20);
    (arch, objective, inputs)
}

fn find(method: &dyn Connect, objective: &EmpiricalRisk, a: &Tensor, b: &Tensor) -> Result<Path, Error> {
    let mut search = Search { objective, seed: 1, progress: &mut () };
    Ok(method.find(a, b, &mut search)?.path)
}

#[test]
fn from_a_point_to_itself_every_method_answers_with_the_constant_path() {
    let mut searched = 0;
    for spec in ["relu:3-6-2?head=regress", "linear:3-4-2?head=regress"] {
        let (arch, objective, inputs) = task(spec, DType::F64);
        let a = Init::default().stack(&arch, &[4], DType::F64, &Device::Cpu).unwrap().get(0).unwrap();
        let settings = ConstructiveSettings::default();
        let constructive = Constructive { risk: objective.clone(), settings };
        let repair = Repair { arch: &arch, data: &inputs, rows: 40, knots: 5 };
        let dss = Dss { level: Level::Risk(0.), epochs: 2, ..Dss::default() };
        let mut methods: Vec<Box<dyn Connect + '_>> = vec![
            Box::new(Linear),
            Box::new(Neb { epochs: 2, ..Neb::default() }),
            Box::new(dss),
            Box::new(repair),
        ];
        methods.push(match spec.starts_with("linear") {
            true => Box::new(DeepLinear::new(&objective)),
            false => Box::new(constructive),
        });
        for kind in METHODS {
            methods.push(Box::new(Curve { kind, bends: 3, epochs: 2, ..Curve::default() }));
        }
        for (i, method) in methods.iter().enumerate() {
            let path = match find(&**method, &objective, &a, &a) {
                Ok(path) => path,
                Err(error) => panic!("{spec}, {i}: {error}"),
            };
            for vertex in path.vertices().to_vec2::<f64>().unwrap() {
                assert_eq!(vertex, a.to_vec1::<f64>().unwrap(), "{spec}, {i}");
            }
            assert_eq!(profile(&path, 5, &objective, None).unwrap().length(), 0.);
            searched += 1;
        }
    }
    assert_eq!(searched, 14);
}

#[test]
fn a_search_that_leaves_the_finite_numbers_diverged() {
    let (arch, objective, ..) = task("relu:3-6-2?head=regress", DType::F32);
    let ends = Init::default().stack(&arch, &[4, 5], DType::F32, &Device::Cpu).unwrap();
    let (a, b) = (ends.get(0).unwrap(), ends.get(1).unwrap());
    let (epochs, lr) = (3, 1e30);
    let mut methods: Vec<(&str, Box<dyn Connect>)> = vec![
        ("neb", Box::new(Neb { epochs, lr, ..Neb::default() })),
        ("dss", Box::new(Dss { level: Level::Risk(0.), epochs, lr, ..Dss::default() })),
    ];
    for (name, kind) in ["bezier", "polychain"].into_iter().zip(METHODS) {
        methods.push((name, Box::new(Curve { kind, epochs, lr, ..Curve::default() })));
    }
    for (name, method) in methods {
        match find(&*method, &objective, &a, &b) {
            Err(Error::Diverged { method }) => assert_eq!(method, name),
            other => panic!("{name}: {:?}", other.map(|path| path.vertices().dims().to_vec())),
        }
    }
}

/// A product of two layers of 1e25 is no number of f32, but the layers are.
#[test]
fn a_closed_form_that_overflows_diverged_and_a_length_that_is_no_number_stays_none() {
    let (arch, objective, ..) = task("linear:3-4-2?head=regress", DType::F32);
    let ends = Init::default().stack(&arch, &[4, 5], DType::F32, &Device::Cpu).unwrap();
    let far = (ends * 1e25).unwrap();
    let (a, b) = (far.get(0).unwrap(), far.get(1).unwrap());
    let found = find(&DeepLinear::new(&objective), &objective, &a, &b);
    if let Ok(path) = &found {
        let vertices = path.vertices().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(vertices.iter().all(|x| x.is_finite()), "{vertices:?}");
    } else {
        assert!(matches!(found, Err(Error::Diverged { .. } | Error::Numerics(_))));
    }
    let nan = Tensor::new(&[[0_f32, 0.], [f32::NAN, 1.]], &Device::Cpu).unwrap();
    let steps = Path::polychain(nan).unwrap().steps(&[0., 0.5, 1.]).unwrap();
    assert!(steps.iter().all(|step| step.is_nan()), "{steps:?}");
}
