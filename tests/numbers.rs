//! Numbers on the command line that are out of range: refused before any work, with nothing left behind.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use self::support::collado;

const COMMANDS: [&str; 30] = [
    "train",
    "eval",
    "connect",
    "certify",
    "certify-minimum",
    "align",
    "levelset",
    "merge",
    "landscape line",
    "landscape plane",
    "landscape zoom",
    "landscape trajectory",
    "spectrum",
    "critical",
    "kernel",
    "point",
    "study convexity",
    "study level-sets",
    "study descent-paths",
    "study deep-linear",
    "study ridge",
    "study star",
    "study relu-barrier",
    "study overparam-gap",
    "study single-neuron",
    "study spin-glass",
    "study spurious",
    "study width",
    "study gradient-bound",
    "study lazy",
];

/// Flags whose values are no numbers.
const WORDS: &str = "--a --align --arch --b --bn --certify --data --device --dtype --ends --engine --figure-style --from --images \
                     --init --key --known --lang --layers --linear --loss --matrix --method --net --optimizer --out --other-y --outputs \
                     --part --path --precision --proof --regularizer --schedule --to --weights --x --y";

/// What no number on a command line may be.
const BAD: [&str; 5] = ["nan", "inf", "-1", "x", ""];

/// Refused as usage: one line that names the flag, what was expected and what was found, and a hint; nothing is left.
fn refused(folder: &Path, command: &str, flag: &str, value: &str) {
    let args = format!("{command} {flag}={value}");
    let output = collado(folder, &args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args}: {text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: "),
        "{args}: {text}"
    );
    let said = lines[0];
    // Of a list, its last number.
    let found = value.rsplit(',').next().unwrap();
    assert!(said.contains(flag) && said.contains(found), "{args}: {text}");
    assert!(said.contains("expected ") || said.contains("built without"), "{args}: {text}");
    assert!(output.stdout.is_empty(), "{args}");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "{args}");
}

#[test]
fn every_numeric_flag_refuses_what_is_no_number_in_its_range() {
    let dir = tempfile::tempdir().unwrap();
    let mut count = 0;
    for command in COMMANDS {
        let help = String::from_utf8(collado(dir.path(), &format!("{command} --help")).stdout).unwrap();
        let options = help.lines().map(str::trim_start).filter(|l| l.starts_with('-') && l.contains('<'));
        let flags = options.filter_map(|l| l.split([' ', ',']).find(|word| word.starts_with("--")));
        for flag in flags.filter(|flag| !WORDS.split_whitespace().any(|word| word == *flag)) {
            BAD.iter().for_each(|value| refused(dir.path(), command, flag, value));
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn ranges_are_kept_at_their_ends() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("train", "--epochs", "0 1000000001 1.5"),
        ("train", "--lr", "0"),
        ("train", "--momentum", "1 1.1"),
        ("train", "--seeds", "3..3 5 0..100001"),
        ("train", "--init", "normal:-1 normal:nan normal:inf cold"),
        ("train", "--memory", "0 12PiB"),
        ("train", "--threads", "1025"),
        ("train", "--seed", "18446744073709551616"),
        ("eval", "--device", "gpu cuda:-1 cuda:x"),
        ("connect", "--points", "0 1 1000001 4611686018427387904"),
        ("connect", "--bends", "0 1001"),
        ("connect", "--epochs", "0"),
        ("connect", "--target", "-1% nan% %"),
        ("levelset", "--points", "1 65536"),
        ("certify", "--max-subintervals", "0"),
        ("certify-minimum", "--k", "0 1 101"),
        ("certify-minimum", "--n", "0 201"),
        ("certify-minimum", "--per-dim", "0 301 1000000"),
        ("certify-minimum", "--ratio", "1 0.5"),
        ("landscape line", "--radius", "0 1e101 1e308"),
        ("landscape plane", "--points", "1 10001"),
        ("landscape zoom", "--scales", "1,0 1,-1"),
        ("landscape trajectory", "--margin", "1001"),
        ("spectrum", "--count", "0"),
        ("critical", "--tolerance", "0"),
        ("point", "--t", "1.1"),
        ("study convexity", "--sequence", "1,0"),
        ("study spin-glass", "--size", "2"),
        ("study single-neuron", "--per-dim", "10"),
        ("study width", "--runs", "1"),
    ];
    for (command, flag, values) in cases {
        values.split(' ').for_each(|value| refused(dir.path(), command, flag, value));
    }
}

#[test]
fn flags_that_cannot_go_together_are_refused_before_any_work() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        "train --arch relu:64-10 --optimizer lbfgs --batch 16 --out x",
        "train --arch relu:64-10 --optimizer lbfgs --seeds 0..2 --out x",
        "critical --arch tanh:64-2-10 --starts 0 --descents 0 --runs 0 --out x",
    ] {
        let output = collado(dir.path(), args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args}: {text}");
        assert!(text.starts_with("error: --") && text.contains("expected"), "{args}: {text}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{args}");
    }
}

#[test]
fn flags_that_change_nothing_are_noted() {
    let dir = tempfile::tempdir().unwrap();
    let notes = |args: &str| -> Vec<String> {
        let text = String::from_utf8(collado(dir.path(), args).stderr).unwrap();
        let flags = text.lines().filter_map(|l| l.strip_prefix("note: ")?.split_once(" changes nothing"));
        flags.map(|(flag, _)| flag.to_owned()).collect()
    };
    let train = "train --arch relu:64-4-10 --epochs 1 --force --out t";
    assert_eq!(notes(&format!("{train} --momentum 0.5 --nesterov")), [""; 0]);
    assert_eq!(
        notes(&format!("{train} --optimizer adam --momentum 0.5 --nesterov")),
        ["--momentum", "--nesterov"]
    );
    let lbfgs = format!("{train} --optimizer lbfgs --weight-decay 1e-3 --schedule cosine --warmup 1");
    assert_eq!(notes(&lbfgs), ["--weight-decay", "--schedule", "--warmup"]);
    let connect = "connect --a t/seed-0.safetensors --b t/seed-0.safetensors --force --out c --certify never";
    let all = "--bends 2 --epochs 1 --batch 64 --lr 1e-3";
    assert_eq!(
        notes(&format!("{connect} --method linear {all}")),
        ["--bends", "--epochs", "--batch", "--lr"]
    );
    assert_eq!(notes(&format!("{connect} --method neb {all}")), ["--bends"]);
    assert_eq!(notes(&format!("{connect} --method bezier {all}")), [""; 0]);
    assert_eq!(notes(&format!("{connect} --method linear")), [""; 0]);
}
