//! `-v`, `-vv` and `COLLADO_LOG`: what is said on stderr, and that nothing else changes.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

/// Trains a small network in a folder of its own.
fn train(flags: &[&str], log: Option<&str>) -> Output {
    let out = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_collado"));
    command.current_dir(out.path()).env_remove("COLLADO_LOG");
    command.args(["train", "--arch", "relu:64-8-10", "--epochs", "2", "--out", "run"]).args(flags);
    if let Some(log) = log {
        command.env("COLLADO_LOG", log);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.success(), out.path().join("run/summary.json").exists(), "{output:?}");
    output
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The summary without what differs from run to run.
fn summary(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    let mut summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fields = summary.as_object_mut().unwrap();
    fields.retain(|name, _| !["run", "seconds", "train_seconds"].contains(&name.as_str()));
    summary
}

#[test]
fn the_log_shows_spans_and_events_and_leaves_the_result() {
    let plain = train(&["--json"], None);
    assert_eq!(said(&plain), "");
    let verbose = train(&["--json", "-v"], None);
    let text = said(&verbose);
    assert!(text.contains(" INFO train{runs=1 ") && text.contains("stop=\"epochs\""), "{text}");
    assert!(text.contains("close time.busy=") && !text.contains("DEBUG"), "{text}");
    // No colours where nobody looks, and no time of day.
    assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.starts_with(' ')), "{text}");
    let twice = train(&["--json", "-vv"], None);
    assert!(said(&twice).contains("DEBUG") && said(&twice).contains("fused=true"), "{}", said(&twice));
    assert_eq!(summary(&plain), summary(&verbose));
    assert_eq!(summary(&plain), summary(&twice));
}

#[test]
fn the_variable_chooses_crates_and_levels() {
    let text = said(&train(&["-q"], Some("collado_risk=debug")));
    assert!(text.lines().count() > 0 && text.lines().all(|line| line.contains("collado_risk")), "{text}");
    // It counts more than the flag; an empty one does not count.
    assert_eq!(said(&train(&["-v"], Some("off"))), "");
    assert_eq!(said(&train(&[], Some(""))), "");
}

#[test]
fn a_log_that_cannot_be_meant_is_refused() {
    for log in ["loud", "collado=loud", "debug,tokio=info", "a=b=c"] {
        let output = train(&[], Some(log));
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let [error, hint] = lines[..] else { panic!("{text}") };
        assert!(
            error.starts_with("error: COLLADO_LOG: expected ") && error.ends_with(&format!("found '{log}'"))
        );
        assert!(hint.starts_with("hint: COLLADO_LOG="), "{hint}");
    }
    assert_eq!(train(&["-v", "-q"], None).status.code(), Some(2));
}
