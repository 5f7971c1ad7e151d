//! Sections of the risk, through the binary.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use self::support::{collado, json};

fn checkpoint(name: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    root.join(format!("relu-{name}.safetensors")).display().to_string()
}

/// A column of a CSV file.
fn column(file: &Path, name: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(file).unwrap();
    let at = text.lines().next().unwrap().split(',').position(|c| c == name).unwrap();
    text.lines().skip(1).map(|l| l.split(',').nth(at).unwrap().parse().unwrap()).collect()
}

fn risk(folder: &Path, checkpoint: &str) -> f64 {
    json(folder, &format!("eval {checkpoint} --dtype f64 --json"))["checkpoints"][0]["risk"].as_f64().unwrap()
}

#[test]
fn a_line_has_both_checkpoints_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (checkpoint("a"), checkpoint("b"));
    json(dir.path(), &format!("landscape line {a} --to {b} --radius 0.5 --points 41 --out l --json -q"));
    let (x, risks) =
        (column(&dir.path().join("l/grid.csv"), "x"), column(&dir.path().join("l/grid.csv"), "risk"));
    assert_eq!((x[0], x[10], x[30], x[40]), (-0.5, 0., 1., 1.5));
    assert_eq!((risks[10], risks[30]), (risk(dir.path(), &a), risk(dir.path(), &b)));
    assert!(risks[20] > risks[10] + 0.2, "the line has a barrier");
    // The same numbers with another number of threads.
    let other = format!("landscape line {a} --to {b} --radius 0.5 --points 41 --out m --threads 1 --json -q");
    json(dir.path(), &other);
    assert_eq!(column(&dir.path().join("m/grid.csv"), "risk"), risks);
}

#[test]
fn a_plane_has_its_files_and_its_checkpoint_in_the_middle() {
    let dir = tempfile::tempdir().unwrap();
    let a = checkpoint("a");
    let found = json(dir.path(), &format!("landscape plane {a} --points 9 --out p --json -q"));
    assert!(found["cosine"].as_f64().unwrap().abs() < 0.1 && found["not_finite"] == 0);
    let out = dir.path().join("p");
    let risks = column(&out.join("grid.csv"), "risk");
    assert_eq!(risks.len(), 81);
    assert_eq!(risks[40], risk(dir.path(), &a));
    assert!(risks.iter().all(|r| *r >= risks[40]));
    for file in ["grid.npz", "grid.vtk", "section.safetensors", "contour.png", "surface.svg", "summary.json"]
    {
        assert!(out.join(file).exists(), "{file}");
    }
    let vtk = std::fs::read_to_string(out.join("grid.vtk")).unwrap();
    assert!(vtk.contains("DIMENSIONS 9 9 1") && vtk.contains("POINT_DATA 81"));
    assert!(!out.join(".state").exists());
    let refused = collado(dir.path(), &format!("landscape plane {a} {a} --out q"));
    assert_eq!(refused.status.code(), Some(2));
    let again = collado(dir.path(), &format!("landscape plane {a} --points 9 --out p"));
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn a_path_is_drawn_in_its_plane() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (checkpoint("a"), checkpoint("b"));
    let connect =
        format!("connect --a {a} --b {b} --method bezier --epochs 20 --dtype f64 --out c --json -q");
    let profile = json(dir.path(), &connect);
    let found = json(dir.path(), "landscape plane --path c/path.safetensors --points 11 --out p --json -q");
    assert_eq!(found["path"]["in_plane"], true, "{found}");
    assert!(found["path"]["risk_differs"].as_f64().unwrap() < 1e-8, "{found}");
    // The level set that joins the ends, and the path on the surface.
    assert!(found["pass"].as_f64().unwrap() > 0. && dir.path().join("p/levels.png").exists(), "{found}");
    let surface = std::fs::read_to_string(dir.path().join("p/surface.svg")).unwrap();
    assert!(surface.contains(">A</text>") && surface.contains(">B</text>") && surface.contains("#d55e00"));
    let risks = column(&dir.path().join("p/path.csv"), "risk");
    let max = profile["barrier"]["max"].as_f64().unwrap();
    assert!((risks.iter().copied().fold(0., f64::max) - max).abs() < 0.02 * max);
    // A straight path has no plane.
    json(dir.path(), &format!("connect --a {a} --b {b} --method linear --out s --json -q"));
    let refused = collado(dir.path(), "landscape plane --path s/path.safetensors --out q");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("straight line"));
}

#[test]
fn values_that_are_not_finite_stay_so() {
    let dir = tempfile::tempdir().unwrap();
    let a = checkpoint("a");
    // Squared loss of weights 1e60 times too large: products of three layers overflow.
    let args = format!("landscape plane {a} --radius 1e60 --points 5 --loss squared --out p --json -q");
    let found = json(dir.path(), &args);
    assert_eq!(found["not_finite"], 24, "{found}");
    let risks = column(&dir.path().join("p/grid.csv"), "risk");
    assert!(risks[12].is_finite() && !risks[0].is_finite());
    let picture = std::fs::read_to_string(dir.path().join("p/contour.svg")).unwrap();
    assert!(picture.contains("not finite: 24"));
}

#[test]
fn four_scales_share_their_middle() {
    let dir = tempfile::tempdir().unwrap();
    let a = checkpoint("a");
    json(dir.path(), &format!("landscape zoom {a} --points 5 --out z --json -q"));
    let all: Vec<Vec<f64>> =
        (1..=4).map(|k| column(&dir.path().join(format!("z/grid-{k}.csv")), "risk")).collect();
    assert!(all.iter().all(|r| r[12] == all[0][12]));
    // A quarter of the half side: rows 1 of 5 and 2 of 5 of the coarse grid hold no finer point but the middle.
    assert!(all[0][0] > all[3][0] && dir.path().join("z/zoom.png").exists());
}

/// Without a checkpoint a network is trained, around whose minimum there are others.
#[test]
fn the_network_of_the_zoom_has_several_minima() {
    let dir = tempfile::tempdir().unwrap();
    let found = json(dir.path(), "landscape zoom --points 31 --epochs 1000 --out z --json -q");
    let minima: Vec<u64> =
        found["scales"].as_array().unwrap().iter().map(|s| s["local_minima"].as_u64().unwrap()).collect();
    assert!(minima[0] > 1 && minima[3] == 1, "{minima:?}");
    assert!(found["run"]["arch"].as_str().unwrap().starts_with("relu:1-10-10-10-1"), "{found}");
    // Counted once more from the file.
    let risks = column(&dir.path().join("z/grid-1.csv"), "risk");
    let lowest = |at: &usize| {
        let around =
            [-32, -31, -30, -1, 1, 30, 31, 32].map(|step| risks[at.checked_add_signed(step).unwrap()]);
        around.iter().all(|r| *r > risks[*at])
    };
    let inside = |at: &usize| (1..30).contains(&(at % 31)) && (1..30).contains(&(at / 31));
    assert_eq!((0..31 * 31).filter(inside).filter(lowest).count() as u64, minima[0]);
}

#[test]
fn a_trajectory_says_how_much_its_plane_shows() {
    let dir = tempfile::tempdir().unwrap();
    let args =
        "landscape trajectory --data digits --arch relu:64-16-10 --epochs 12 --points 9 --out t --json -q";
    let found = json(dir.path(), args);
    let explained: Vec<f64> =
        found["explained"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert!(explained[0] > explained[1] && explained[0] + explained[1] <= 1., "{found}");
    let table = dir.path().join("t/trajectory.csv");
    let (own, shown) = (column(&table, "risk"), column(&table, "risk_on_plane"));
    assert_eq!(own.len(), 13);
    // The plane goes through the end.
    assert!((own[12] - shown[12]).abs() < 1e-12 * own[12]);
    let share = found["risk_shown"].as_f64().unwrap();
    assert!(share <= 1. && share > 0., "{found}");
}

#[test]
fn a_large_grid_goes_on_where_it_was_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let a = checkpoint("a");
    let args = format!("landscape plane {a} --points 61 --out p --json -q");
    let mut child = Command::new(env!("CARGO_BIN_EXE_collado"))
        .current_dir(dir.path())
        .args(args.split(' '))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(600));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let code = child.wait().unwrap().code();
    // A fast machine may be done already.
    assert!(code == Some(130) || code == Some(0), "{code:?}");
    if code == Some(130) {
        assert!(dir.path().join("p/.state/grid.safetensors").exists());
        let other = collado(dir.path(), &format!("landscape plane {a} --points 51 --out p --resume"));
        assert_eq!(other.status.code(), Some(1), "another grid's state is refused");
    }
    json(dir.path(), &format!("{args} --resume"));
    json(dir.path(), &args.replace("--out p", "--out q"));
    let read = |name: &str| std::fs::read(dir.path().join(name).join("grid.csv")).unwrap();
    assert_eq!(read("p"), read("q"));
}
