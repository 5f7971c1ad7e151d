//! Finding one's way: what the program says to someone who has never seen it.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, process::Command};

use support::collado;

fn said(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_collado")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn without_arguments_it_says_where_to_begin() {
    let (code, text, _) = said(&[]);
    assert_eq!(code, Some(0));
    assert_eq!(text.matches("  collado ").count(), 3, "{text}");
    // The three commands are right: each is run, as it stands, from an empty folder.
    let folder = tempfile::tempdir().unwrap();
    for line in text.lines().filter_map(|line| line.strip_prefix("  collado ")) {
        let short = if line.starts_with("train") { " --epochs 2" } else { "" };
        let quick = if line.starts_with("connect") { " --method linear" } else { "" };
        let output = collado(folder.path(), &format!("{line}{short}{quick}"));
        assert!(output.status.success(), "{line}: {output:?}");
    }
    assert!(folder.path().join("path.html").exists());
}

#[test]
fn topics_name_what_the_parsers_take() {
    let (code, data, _) = said(&["help", "data"]);
    assert_eq!(code, Some(0));
    for name in [
        "digits",
        "folder:DIR",
        "normalize=",
        "test-share=P",
        "test=FILE",
        "standardize=true",
        "task=",
        "synthetic:",
        "gaussians",
    ] {
        assert!(data.contains(name), "{name}");
    }
    let (code, arch, _) = said(&["help", "arch"]);
    assert_eq!(code, Some(0));
    for line in
        arch.lines().filter(|line| line.starts_with("  ") && !line.contains('=') && !line.contains(':'))
    {
        for name in line.split_whitespace().take_while(|word| !word.starts_with('(')) {
            assert!(name.parse::<collado_models::ArchSpec>().is_ok(), "{name}");
        }
    }
    // A command is explained as before.
    assert!(said(&["help", "connect"]).1.contains("--method"));
    assert_eq!(said(&["help", "nothing"]).0, Some(2));
}

#[test]
fn what_is_missing_is_named_with_an_example() {
    for command in ["connect", "certify", "align", "point", "spectrum"] {
        let (code, _, error) = said(&[command]);
        assert_eq!(code, Some(2), "{command}");
        assert!(error.contains(&format!("hint: for example: collado {command} ")), "{error}");
    }
}

/// Shells complete methods, and how data sets and networks begin; help stays short.
#[test]
fn shells_complete_names() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = said(&["completions", shell]);
        assert_eq!(code, Some(0), "{shell}");
        for name in ["polychain", "synthetic:two-moons", "cifar10:", "resnet20", "cross-entropy", "garipov"] {
            let escaped = name.replace(':', "\\:");
            assert!(script.contains(name) || script.contains(&escaped), "{shell}: {name}");
        }
    }
    assert!(!said(&["connect", "--help"]).1.contains("synthetic:two-moons"));
    // What is not offered is taken all the same, and what is wrong is named as before.
    let folder = tempfile::tempdir().unwrap();
    let taken =
        collado(folder.path(), "train --data synthetic:xor?n=20 --arch relu:2-3-2 --epochs 1 --out a");
    assert!(taken.status.success(), "{taken:?}");
    let (_, _, error) = said(&["train", "--data", "foo", "--arch", "relu:2-2", "--out", "b"]);
    assert!(error.starts_with("error: --data foo: scheme: expected digits"), "{error}");
}

#[test]
fn a_missing_file_is_called_so_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for (command, file) in [
        ("eval none.safetensors", "none.safetensors"),
        ("certify none.safetensors", "none.safetensors"),
        ("check none.proof none.safetensors", "none.proof"),
        ("sweep plan none.toml --out sweep", "none.toml"),
        ("sweep run none", "none/tasks.jsonl"),
        ("train --arch relu:2-1 --data csv:none.csv?target=y --out run", "none.csv"),
    ] {
        let output = collado(folder.path(), command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(&format!("error: {file}: no such file\n")), "{command}: {said}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let output = collado(folder.path(), "man pages");
    assert!(output.status.success(), "{output:?}");
    let page = fs::read_to_string(folder.path().join("pages/collado-connect.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("bends"), "{page}");
    assert!(fs::read_dir(folder.path().join("pages")).unwrap().count() > 12);
}

#[test]
fn pictures_for_papers_are_written_beside_those_for_screens() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let made = |args: &str| {
        let output = collado(dir, args);
        assert!(output.status.success(), "{output:?}");
    };
    made("train --arch tanh:64-4-10 --epochs 2 --seeds 0..2 --out minima");
    made(
        "connect --a minima/seed-0.safetensors --b minima/seed-1.safetensors --method linear --figure-style paper --out path",
    );
    made("landscape plane minima/seed-0.safetensors --points 7 --figure-style paper --out plane");
    for name in ["path/profile-3.25in", "path/profile-6.75in", "plane/contour-6.75in", "plane/surface-6.75in"]
    {
        let pdf = fs::read(dir.join(format!("{name}.pdf"))).unwrap();
        assert!(pdf.starts_with(b"%PDF-"), "{name}");
        let width = if name.contains("3.25") { "234" } else { "486" };
        assert!(String::from_utf8_lossy(&pdf).contains(&format!("/MediaBox [0 0 {width} ")), "{name}");
        let svg = fs::read_to_string(dir.join(format!("{name}.svg"))).unwrap();
        let inches = if name.contains("3.25") { "width=\"3.25in\"" } else { "width=\"6.75in\"" };
        assert!(svg.contains(inches) && svg.contains("<title></title>"), "{name}");
    }
    let drawn = fs::read_to_string(dir.join("path/profile-drawn.csv")).unwrap();
    assert!(drawn.starts_with("axis,series,x,y\n") && drawn.lines().count() > 61, "{drawn}");
}
