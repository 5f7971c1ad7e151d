//! The record of a run: its settings and input files, which form the `run` block of every summary. By it `--resume`
//! recognises the results of the same run.

mod block;
mod identity;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use clap::{ArgMatches, Command};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use self::block::Setting;
pub(crate) use self::{
    block::{Block, DataRecord, Described, Input, RiskRecord, RunStatus},
    identity::{difference, identity_of},
};
use crate::json;

/// Flags that decide where a run computes and writes, but not what.
const MACHINE: [&str; 12] = [
    "figure_style",
    "out",
    "force",
    "resume",
    "json",
    "quiet",
    "verbose",
    "threads",
    "memory",
    "save_every",
    "device",
    "seed",
];
/// Flags that name files or data. Their content is compared instead, once it is known.
const FILES: [&str; 9] = ["a", "b", "ends", "checkpoint", "checkpoints", "path", "to", "net", "from"];
/// Flags of the risk. The risk that results from them is recorded by [`Run::risk`].
const RISK: [&str; 6] = ["data", "loss", "kappa", "regularizer", "arch", "dtype"];

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Run(Mutex<Facts>);

#[derive(Debug, Clone)]
struct Facts {
    /// An identifier of the run; a resumed run has that of the run that it continues.
    id: String,
    started: SystemTime,
    /// The name of the command, such as `landscape plane`.
    name: String,
    /// All flags except those of machine and output, with their values.
    settings: BTreeMap<String, Setting>,
    seed: Option<u64>,
    device: Option<Setting>,
    /// The files that were read, with their hashes.
    files: Vec<Input>,
    /// Data, network and risk, once they are known.
    risk: Option<RiskRecord>,
    notes: Vec<String>,
}

impl Default for Run {
    fn default() -> Self {
        Self::new(String::new(), BTreeMap::new())
    }
}

impl Run {
    fn new(name: String, mut settings: BTreeMap<String, Setting>) -> Self {
        let started = SystemTime::now();
        let nanos = started.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let id = format!("{:x}", Sha256::digest(format!("{nanos} {}", std::process::id())))[..16].to_owned();
        let seed = match settings.remove("seed") {
            Some(Setting::One(seed)) => seed.parse().ok(),
            _ => None,
        };
        let device = settings.remove("device");
        settings.retain(|flag, _| !MACHINE.contains(&flag.as_str()));
        let facts =
            Facts { id, started, name, settings, seed, device, files: vec![], risk: None, notes: vec![] };
        Self(Mutex::new(facts))
    }

    /// The run that a command line asks for.
    pub(crate) fn asked(program: &Command, matches: &ArgMatches) -> Self {
        let (mut command, mut matches, mut names) = (program, matches, Vec::new());
        while let Some((name, below)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else { break };
            names.push(name);
            (command, matches) = (found, below);
        }
        let mut settings = BTreeMap::new();
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let Ok(Some(values)) = matches.try_get_raw(id) else { continue };
            let mut values: Vec<String> = values.map(|v| v.to_string_lossy().into()).collect();
            let one = values.len() == 1;
            let value = if one { Setting::One(values.remove(0)) } else { Setting::Several(values) };
            settings.insert(id.to_owned(), value);
        }
        Self::new(names.join(" "), settings)
    }

    /// Records a file that was read.
    pub(crate) fn file(&self, file: &Path, hash: Option<&str>) {
        let mut facts = self.lock();
        let entry = Input::new(file, hash);
        if !facts.files.contains(&entry) {
            facts.files.push(entry);
        }
    }

    /// Records data, network and risk.
    pub(crate) fn risk(&self, risk: RiskRecord) {
        self.lock().risk = Some(risk);
    }

    /// Records a note, and returns whether it is a new one.
    pub(crate) fn note(&self, text: &str) -> bool {
        let mut facts = self.lock();
        let new = !facts.notes.iter().any(|known| known == text);
        if new {
            facts.notes.push(text.to_owned());
        }
        new
    }

    pub(crate) fn id(&self) -> String {
        self.lock().id.clone()
    }

    /// Continues the run of that id.
    pub(crate) fn go_on(&self, id: &str) {
        self.lock().id = id.to_owned();
    }

    /// Everything on which the bits of the result depend. It is a part of [`block`](Self::block), so that it can be
    /// compared with the block of a written summary.
    pub(crate) fn identity(&self) -> Json {
        identity_of(&json::value(&self.block(RunStatus::Finished)))
    }

    /// The `run` block of a summary.
    pub(crate) fn block(&self, status: RunStatus) -> Block {
        let Facts { id, started, name, mut settings, seed, device, files, risk, .. } = self.lock().clone();
        settings.retain(|flag, _| {
            let flag = flag.as_str();
            let said_by_risk = risk.is_some() && RISK.contains(&flag);
            let said_by_files = !files.is_empty() && FILES.contains(&flag);
            !said_by_risk && !said_by_files
        });
        let time = humantime::format_rfc3339_seconds(started).to_string();
        let version = env!("CARGO_PKG_VERSION");
        Block {
            id,
            command: name,
            words: words(),
            version,
            time,
            status,
            seed,
            device,
            files,
            settings,
            risk,
        }
    }

    /// A result with the `run` block and the notes.
    pub(crate) fn describe<'a, T: Serialize>(&self, result: &'a T, status: RunStatus) -> Described<'a, T> {
        Described { result, run: self.block(status), notes: self.lock().notes.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The words of the command line, with invalid Unicode replaced.
pub(crate) fn words() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}
