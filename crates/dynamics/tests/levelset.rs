//! Merge trees against brute force over all paths of the graph.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{
    Curve, CurveKind, EdgeKind, EdgeValues, Edges, Enclosure, Error, MergeTree, Result, SampledEdges, Search,
    distinct, next_round, pairs, spanning_tree,
};
use collado_models::{Activation, Arch, Init, Symmetry};
use collado_risk::{Evaluation, Objective, Path, Rows, Span};
use proptest::prelude::*;

/// Known heights of lines and of paths.
struct Table {
    lines: BTreeMap<(usize, usize), f64>,
    paths: BTreeMap<(usize, usize), f64>,
    searches: usize,
    /// How much what is proved exceeds the samples; nothing where no proofs are asked for.
    proofs: BTreeMap<((usize, usize), EdgeKind), f64>,
    proved: usize,
}

impl Edges for Table {
    fn lines(&mut self, pairs: &[(usize, usize)]) -> Result<Vec<f64>> {
        Ok(pairs.iter().map(|pair| self.lines[pair]).collect())
    }

    fn search(&mut self, pair: (usize, usize)) -> Result<Option<f64>> {
        self.searches += 1;
        Ok(self.paths.get(&pair).copied())
    }

    fn prove(&mut self, pair: (usize, usize), way: EdgeKind) -> Result<Option<Enclosure>> {
        let Some(excess) = self.proofs.get(&(pair, way)) else { return Ok(None) };
        let lo = if way == EdgeKind::Line { self.lines[&pair] } else { self.paths[&pair] };
        self.proved += 1;
        Ok(Some(Enclosure { lo, hi: lo + excess }))
    }
}

/// Risks of the minima, and excess of the line and of the best path over the higher end, for each pair.
fn problems() -> impl Strategy<Value = (Vec<f64>, Vec<(f64, f64)>)> {
    (2..9_usize).prop_flat_map(|n| {
        let excess = prop_oneof![Just(0.), 0.0..2.0_f64];
        let pair = (0.0..4.0_f64, excess);
        (prop::collection::vec(0.0..1.0_f64, n), prop::collection::vec(pair, n * (n - 1) / 2))
    })
}

fn table(risks: &[f64], excess: &[(f64, f64)]) -> Table {
    let ends = |(a, b): (usize, usize)| risks[a].max(risks[b]);
    let all = pairs(risks.len());
    let lines = all.iter().zip(excess).map(|(&p, e)| (p, ends(p) + e.0)).collect();
    let paths = all.iter().zip(excess).map(|(&p, e)| (p, ends(p) + e.1)).collect();
    Table { lines, paths, searches: 0, proofs: BTreeMap::new(), proved: 0 }
}

/// The least possible highest edge between all pairs: Floyd and Warshall's algorithm in (min, max).
fn minimax(risks: &[f64], value: impl Fn((usize, usize)) -> f64) -> Vec<Vec<f64>> {
    let n = risks.len();
    let mut heights: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| if i == j { risks[i] } else { value((i.min(j), i.max(j))) }).collect())
        .collect();
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                heights[i][j] = heights[i][j].min(heights[i][k].max(heights[k][j]));
            }
        }
    }
    heights
}

fn tree(risks: &[f64], allowed: f64, edges: &mut Table) -> MergeTree {
    let found = spanning_tree(risks, &|_| allowed, edges, &mut EdgeValues::default(), &mut |_| {
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    MergeTree::new(risks, &found)
}

proptest! {
    #[test]
    fn a_tree_of_few_searches_is_as_low_as_one_of_all((risks, excess) in problems()) {
        let mut edges = table(&risks, &excess);
        let found = tree(&risks, 0., &mut edges);
        let all = minimax(&risks, |pair| edges.lines[&pair].min(edges.paths[&pair]));
        prop_assert_eq!(found.heights(), all.clone());
        prop_assert!(edges.searches <= all.len() * (all.len() - 1) / 2);
        // With an allowance no pair is joined more than that much higher.
        let rough = tree(&risks, 0.5, &mut table(&risks, &excess)).heights();
        for (rough, all) in rough.iter().flatten().zip(all.iter().flatten()) {
            prop_assert!(*rough >= *all && *rough <= all + 0.5, "{} {}", rough, all);
        }
    }

    /// Proofs of the tree's edges alone give the tree of all proofs.
    #[test]
    fn a_tree_of_few_proofs_is_that_of_all_proofs(
        (risks, excess) in problems(),
        gaps in prop::collection::vec((0.0..0.5_f64, 0.0..0.5_f64), 28),
    ) {
        let mut edges = table(&risks, &excess);
        for (&pair, gap) in edges.lines.keys().zip(&gaps) {
            edges.proofs.extend([((pair, EdgeKind::Line), gap.0), ((pair, EdgeKind::Searched), gap.1)]);
        }
        let mut known = EdgeValues::default();
        let found = spanning_tree(&risks, &|_| 0., &mut edges, &mut known, &mut |_| Ok(ControlFlow::Continue(()))).unwrap();
        for e in &found {
            let proof = e.proved.unwrap();
            prop_assert_eq!(e.value, proof.hi);
            prop_assert_eq!(known.proved[&((e.a, e.b), e.way)], proof);
        }
        prop_assert_eq!(edges.proved, known.proved.len());
        let upper = |pair, way| match way {
            EdgeKind::Line => edges.lines[&pair],
            EdgeKind::Searched => edges.paths[&pair],
        } + edges.proofs[&(pair, way)];
        let all = minimax(&risks, |pair| upper(pair, EdgeKind::Line).min(upper(pair, EdgeKind::Searched)));
        prop_assert_eq!(MergeTree::new(&risks, &found).heights(), all);
    }

    /// Rounds of searches, whatever the order in them, end at the tree of all searches.
    #[test]
    fn rounds_end_at_the_tree_of_all_searches((risks, excess) in problems()) {
        let mut edges = table(&risks, &excess);
        let all = pairs(risks.len());
        let lines = all.iter().map(|pair| edges.lines[pair]).collect();
        let mut known = EdgeValues { lines, ..EdgeValues::default() };
        let mut rounds = 0;
        loop {
            let round = next_round(&risks, &|_| 0., &known);
            if round.is_empty() {
                break;
            }
            // Backwards.
            known.searched.extend(round.iter().rev().map(|pair| (*pair, edges.paths[pair])));
            rounds += 1;
        }
        prop_assert!(rounds <= all.len());
        let searched = known.searched.len();
        let found = spanning_tree(&risks, &|_| 0., &mut edges, &mut known, &mut |_| Ok(ControlFlow::Continue(()))).unwrap();
        prop_assert_eq!((edges.searches, known.searched.len()), (0, searched));
        let least = minimax(&risks, |pair| edges.lines[&pair].min(edges.paths[&pair]));
        prop_assert_eq!(MergeTree::new(&risks, &found).heights(), least);
    }

    #[test]
    fn components_are_those_of_the_graph((risks, excess) in problems(), level in 0.0..4.0_f64) {
        let mut edges = table(&risks, &excess);
        let found = tree(&risks, 0., &mut edges);
        let heights = minimax(&risks, |pair| edges.lines[&pair].min(edges.paths[&pair]));
        let sets = found.components(level);
        let of = |i: usize| sets.iter().position(|set| set.contains(&i));
        for (i, row) in heights.iter().enumerate() {
            prop_assert_eq!(of(i).is_some(), risks[i] <= level);
            for (j, &height) in row.iter().enumerate() {
                prop_assert_eq!(of(i).is_some() && of(i) == of(j), height <= level);
            }
        }
        let root = found.roots();
        prop_assert_eq!(root.len(), 1);
        let mut leaves = found.leaves(root[0]);
        leaves.sort_unstable();
        prop_assert_eq!(leaves, (0..risks.len()).collect::<Vec<_>>());
    }
}

#[test]
fn searches_that_succeed_are_one_fewer_than_minima() {
    let risks = vec![0.1; 30];
    let excess = vec![(1., 0.); 30 * 29 / 2];
    let mut edges = table(&risks, &excess);
    assert!(tree(&risks, 0., &mut edges).heights().iter().flatten().all(|&h| h == 0.1));
    assert_eq!(edges.searches, 29);
}

/// Stops when that holds.
fn until(stop: bool) -> ControlFlow<()> {
    if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[test]
fn proofs_are_one_fewer_than_minima_and_may_move_an_edge() {
    let risks = vec![0.1; 30];
    let mut edges = table(&risks, &vec![(1., 0.); 30 * 29 / 2]);
    let all =
        pairs(30).into_iter().flat_map(|p| [EdgeKind::Line, EdgeKind::Searched].map(|way| ((p, way), 0.01)));
    edges.proofs = all.collect();
    let mut known = EdgeValues::default();
    let stop = &mut |known: &EdgeValues| Ok(until(known.proved.len() >= 3));
    let part = spanning_tree(&risks, &|_| 0.05, &mut edges, &mut known, stop).unwrap();
    assert_eq!((edges.proved, part.iter().filter(|e| e.proved.is_some()).count()), (3, 3));
    // What is proved is not proved again.
    let found =
        spanning_tree(&risks, &|_| 0.05, &mut edges, &mut known, &mut |_| Ok(ControlFlow::Continue(())))
            .unwrap();
    assert_eq!((edges.searches, edges.proved, found.len()), (29, 29, 29));
    // The lower path is proved to be high, or not to be bounded: the line takes its place.
    for excess in [3., f64::INFINITY] {
        let mut edges = table(&[0., 0.], &[(1., 0.5)]);
        edges.proofs = [(((0, 1), EdgeKind::Line), 0.25), (((0, 1), EdgeKind::Searched), excess)].into();
        let found = spanning_tree(&[0., 0.], &|_| 0., &mut edges, &mut EdgeValues::default(), &mut |_| {
            Ok(ControlFlow::Continue(()))
        });
        let edge = found.unwrap()[0];
        assert_eq!(
            (edge.way, edge.value, edge.proved.unwrap().lo, edges.proved),
            (EdgeKind::Line, 1.25, 1., 2)
        );
    }
}

#[test]
fn newick_says_the_tree() {
    let risks = [0.5, 0.25, 1.];
    let excess = [(0.5, 9.), (9., 9.), (1., 9.)];
    let found = tree(&risks, 0., &mut table(&risks, &excess));
    // 0 and 1 join at 1, 2 joins them at 2.
    assert_eq!(found.newick(&["a", "b b", "c'd"]), "((a:0.5,'b b':0.75):1,'c''d':1);");
    assert_eq!(MergeTree::new(&risks, &[]).newick(&["a", "b", "c"]), "(a,b,c);");
}

#[test]
fn what_is_known_is_not_searched_again_and_stopping_keeps_it() {
    let risks = vec![0.; 6];
    let excess = vec![(1., 0.25); 15];
    let mut edges = table(&risks, &excess);
    let mut known = EdgeValues::default();
    let stop = &mut |known: &EdgeValues| Ok(until(known.searched.len() >= 2));
    let part = spanning_tree(&risks, &|_| 0.25, &mut edges, &mut known, stop).unwrap();
    assert_eq!((edges.searches, part.len(), known.searched.len()), (2, 5, 2));
    let rest =
        spanning_tree(&risks, &|_| 0.25, &mut edges, &mut known, &mut |_| Ok(ControlFlow::Continue(())))
            .unwrap();
    assert_eq!((edges.searches, rest.len()), (5, 5));
    // A line that is NaN joins nothing.
    let mut edges = table(&[0., 0.], &[(f64::NAN, 0.)]);
    edges.paths.clear();
    let found = spanning_tree(&[0., 0.], &|_| 0., &mut edges, &mut EdgeValues::default(), &mut |_| {
        Ok(ControlFlow::Continue(()))
    });
    assert!(found.unwrap().is_empty());
}

/// $F=(r^2-1)^2+9e^{-4r^2}$: a ring of minima round a hill of height 10.
struct Hill;

impl Objective for Hill {
    fn at(
        &self,
        theta: &Tensor,
        _: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> collado_risk::Result<Vec<Evaluation>> {
        let points = theta.to_vec2::<f64>()?;
        let square = |p: &[f64]| p[0] * p[0] + p[1] * p[1];
        let hill = |p: &[f64]| 9. * (-4. * square(p)).exp();
        if let Some(gradient) = gradient {
            let slope = |p: &[f64]| 4. * (square(p) - 1.) - 8. * hill(p);
            let rows: Vec<_> = points.iter().map(|p| vec![slope(p) * p[0], slope(p) * p[1]]).collect();
            *gradient = Tensor::new(rows, &Device::Cpu)?;
        }
        Ok(points.iter().map(|p| ((square(p) - 1.).powi(2) + hill(p)).into()).collect())
    }
}

#[test]
fn sampled_edges_go_round_the_hill() {
    // Three points of the circle F ≈ 0, nearly opposite each other.
    let at = |angle: f64| [angle.cos(), angle.sin()];
    let minima = Tensor::new(&[at(0.1), at(2.2), at(4.3)], &Device::Cpu).unwrap();
    let risks = Hill.risks(&Span::stack(&minima).unwrap()).unwrap();
    let curve = Curve { kind: CurveKind::Bezier, bends: 1, epochs: 600, batch: 0, lr: 0.02, samples: 8 };
    let mut kept = Vec::new();
    let mut edges = SampledEdges {
        objective: &Hill,
        minima: &minima,
        buffers: None,
        searched: None,
        method: Some(&curve),
        points: 41,
        seed: 0,
        progress: &mut (),
        keep: &mut |pair, path: Path| {
            kept.push((pair, path.vertices().dims()[0]));
            Ok(path)
        },
        prove: &mut |_, _| Ok(None),
    };
    let mut known = EdgeValues::default();
    let found =
        spanning_tree(&risks, &|_| 0.5, &mut edges, &mut known, &mut |_| Ok(ControlFlow::Continue(())))
            .unwrap();
    assert!(known.lines.iter().all(|&line| line > 1.), "{:?}", known.lines);
    assert!(found.len() == 2 && found.iter().all(|e| e.value < 0.7), "{found:?}");
    assert!(kept.len() == 2 && kept.iter().all(|k| k.1 == 3), "{kept:?}");
}

#[test]
fn copies_up_to_symmetry_are_found() {
    let arch = Arch::dense(Activation::Relu, &[6, 8, 7, 3], true).unwrap();
    let stack = Init::Pytorch.stack(&arch, &[0, 1], DType::F64, &Device::Cpu).unwrap();
    let turn = |n: usize| (0..n).map(|i| (i + 3) % n).collect::<Vec<_>>();
    let scales = vec![vec![2.; 8], (1..8).map(f64::from).collect()];
    let symmetry = Symmetry::new(&arch, vec![turn(8), turn(7)], scales).unwrap();
    let copies = symmetry.apply(&stack).unwrap();
    let all = Tensor::cat(&[&stack, &copies], 0).unwrap();
    assert_eq!(distinct(&arch, &all, &[1., 1., 1., 1.], 0).unwrap(), [0, 1, 0, 1]);
    // Other risks are other minima.
    assert_eq!(distinct(&arch, &all, &[1., 1., 1.1, 1.], 0).unwrap(), [0, 1, 2, 1]);
    let single = all.to_dtype(DType::F32).unwrap();
    assert_eq!(distinct(&arch, &single, &[1., 1., 1., 1.], 0).unwrap(), [0, 1, 0, 1]);
}

#[test]
fn raising_a_curve_does_not_move_it_and_refining_goes_on() {
    let vertices = Tensor::new(&[[1., 0.], [0.1, 0.3], [-1., 0.]], &Device::Cpu).unwrap();
    let path = Path::bezier(vertices).unwrap();
    let raised = path.raised(5).unwrap();
    assert_eq!(raised.vertices().dims(), [6, 2]);
    let at = |path: &Path, t: f64| path.at(t).unwrap().to_vec1::<f64>().unwrap();
    for t in [0., 0.2, 0.5, 0.9, 1.] {
        let (x, y) = (at(&path, t), at(&raised, t));
        assert!((x[0] - y[0]).abs() < 1e-15 && (x[1] - y[1]).abs() < 1e-15, "{x:?} {y:?}");
    }
    let mut search = Search { objective: &Hill, seed: 0, progress: &mut () };
    let curve = Curve { kind: CurveKind::Bezier, bends: 3, epochs: 300, batch: 0, lr: 0.02, samples: 8 };
    let better = curve.refine(&path, &mut search).unwrap();
    let mean = |path: &Path| {
        let ts: Vec<f64> = (0..=40).map(|i| f64::from(i) / 40.).collect();
        Hill.risks(&path.span(&ts).unwrap()).unwrap().iter().sum::<f64>()
    };
    assert!(mean(&better) < mean(&path) / 2.);
    assert_eq!((at(&better, 0.), at(&better, 1.)), (vec![1., 0.], vec![-1., 0.]));
    assert_eq!(path.vertices().to_vec2::<f64>().unwrap(), [[1., 0.], [0.1, 0.3], [-1., 0.]]);
    for (kind, bends) in [(CurveKind::Bezier, 0), (CurveKind::Polychain, 1)] {
        let curve = Curve { kind, bends, ..curve };
        assert!(matches!(curve.refine(&path, &mut search), Err(Error::Setting { .. })));
    }
    let few = Curve { bends: 1, ..curve };
    assert!(matches!(few.refine(&better, &mut search), Err(Error::Setting { name: "path", .. })));
}
