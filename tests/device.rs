//! `--device cuda` through the program: no GPU is needed, as what is tested is what is said without one.
#![allow(clippy::unwrap_used)]

mod support;

use std::{path::Path, process::Output};

use self::support::collado;

/// Commands that compute on a GPU. A and B are networks, OUT is a new folder.
const ON_A_GPU: [&str; 12] = [
    "train --arch relu:64-4-10 --out OUT",
    "eval A",
    "connect --a A --b B --out OUT",
    "align --a A --b B --data digits --out OUT",
    "levelset A B --out OUT",
    "merge A B --out OUT",
    "landscape line A --out OUT",
    "landscape plane A --out OUT",
    "landscape zoom A --out OUT",
    "landscape trajectory --out OUT --arch relu:64-4-10 --data digits",
    "time train --arch relu:64-4-10 --data digits",
    "time train --arch resnet8 --images 3x8x8",
];

/// Commands that run on the CPU only, and the first words of what they say.
const ON_THE_CPU: [(&str, &str); 9] = [
    ("certify P", "proofs are computed"),
    ("certify-minimum --k 7", "proofs are computed"),
    ("check P P", "proofs are checked"),
    ("critical --data digits --arch relu:64-4-10 --out OUT", "critical points are computed"),
    ("kernel A --out OUT", "kernels are computed"),
    ("spectrum A --out OUT", "spectra are computed"),
    ("study convexity --out OUT", "studies run"),
    ("inspect A", "files are inspected"),
    ("point P --t 0.5 --out OUT", "points of paths are computed"),
];

fn run(folder: &Path, command: &str, device: &str) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../checkpoints");
    let words = command.split(' ').map(|word| match word {
        "A" => format!("{root}/digits-a.safetensors"),
        "B" => format!("{root}/digits-b.safetensors"),
        "OUT" => "out.safetensors".into(),
        word => word.into(),
    });
    let words: Vec<String> = words.chain(["--device".into(), device.into()]).collect();
    collado(folder, &words.join(" "))
}

/// The one line of the error; a hint may follow.
fn refusal(folder: &Path, command: &str, device: &str, status: i32) -> String {
    let output = run(folder, command, device);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{command}: {text}");
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("error: "), "{command}: {text}");
    assert!(
        rest.is_empty() || (rest.starts_with("hint: ") && rest.lines().count() == 1),
        "{command}: {text}"
    );
    assert!(output.stdout.is_empty() && std::fs::read_dir(folder).unwrap().next().is_none(), "{command}");
    first.into()
}

/// A program without the feature refuses the flag everywhere, and names the feature.
#[test]
#[cfg(not(feature = "cuda"))]
fn without_the_feature_every_command_names_it() {
    let dir = tempfile::tempdir().unwrap();
    for command in ON_A_GPU.into_iter().chain(ON_THE_CPU.map(|(command, _)| command)) {
        let text = refusal(dir.path(), command, "cuda:1", 2);
        assert!(text.contains("--features cuda"), "{command}: {text}");
    }
}

#[test]
#[cfg(feature = "cuda")]
fn what_runs_on_the_cpu_only_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for (command, what) in ON_THE_CPU {
        let text = refusal(dir.path(), command, "cuda", 2);
        assert_eq!(text, format!("error: --device cuda: {what} on the cpu only"), "{command}");
    }
}

/// There is no such GPU on any machine.
#[test]
#[cfg(feature = "cuda")]
fn a_gpu_that_is_not_there_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    for command in ON_A_GPU {
        let text = refusal(dir.path(), command, "cuda:99", 1);
        assert!(text.starts_with("error: --device cuda:99: "), "{command}: {text}");
    }
}
