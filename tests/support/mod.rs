//! Running the program in a folder.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// Runs `collado` with the arguments that stand in `args`, one space between them.
pub fn collado(folder: &Path, args: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_collado")).current_dir(folder).args(args.split(' ')).output().unwrap()
}

// Not every file of tests calls it.
#[allow(dead_code)]
/// Runs to the end and reads the one JSON object.
pub fn json(folder: &Path, args: &str) -> Value {
    let output = collado(folder, args);
    assert!(output.status.success(), "{args}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

// Not every file of tests calls it.
#[allow(dead_code)]
/// Starts `collado` with the arguments that stand in `args`, to be stopped.
pub fn spawn(folder: &Path, args: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collado"));
    command
        .current_dir(folder)
        .args(args.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
