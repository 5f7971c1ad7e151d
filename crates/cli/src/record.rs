//! The record of a run: its settings and input files, which form the `run` block of every summary. By it `--resume`
//! recognises the results of the same run.

use std::{
    fmt::Write,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use clap::{ArgMatches, Command};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

/// Flags that decide where a run computes and writes, but not what.
const MACHINE: [&str; 11] = [
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
const FILES: [&str; 7] = ["a", "b", "ends", "checkpoint", "checkpoints", "path", "to"];
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
    settings: Map<String, Json>,
    seed: Json,
    device: Json,
    /// The files that were read, with their hashes.
    files: Vec<Json>,
    /// Data, network and risk, once they are known.
    risk: Option<Json>,
    notes: Vec<String>,
}

impl Default for Run {
    fn default() -> Self {
        Self::new(String::new(), Map::new())
    }
}

impl Run {
    fn new(name: String, mut settings: Map<String, Json>) -> Self {
        let started = SystemTime::now();
        let nanos = started.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let id = hex(&Sha256::digest(format!("{nanos} {}", std::process::id())))[..16].to_owned();
        let [seed, device] = ["seed", "device"].map(|flag| settings.remove(flag).unwrap_or(Json::Null));
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
        let mut settings = Map::new();
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let Ok(Some(values)) = matches.try_get_raw(id) else { continue };
            let mut values: Vec<Json> = values.map(|v| v.to_string_lossy().into()).collect();
            let value = if values.len() == 1 { values.remove(0) } else { values.into() };
            settings.insert(id.to_owned(), value);
        }
        Self::new(names.join(" "), settings)
    }

    /// Records a file that was read.
    pub(crate) fn file(&self, file: &Path, hash: Option<&str>) {
        let mut facts = self.lock();
        let entry = json!({"file": file.display().to_string(), "hash": hash});
        if !facts.files.contains(&entry) {
            facts.files.push(entry);
        }
    }

    /// Records data, network and risk.
    pub(crate) fn risk(&self, risk: Json) {
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
        identity_of(&self.block("finished"))
    }

    /// The `run` block of a summary.
    pub(crate) fn block(&self, status: &str) -> Json {
        let Facts { id, started, name, settings, seed, device, files, risk, .. } = self.lock().clone();
        let mut settings = settings;
        settings.retain(|flag, _| {
            let flag = flag.as_str();
            let said_by_risk = risk.is_some() && RISK.contains(&flag);
            let said_by_files = !files.is_empty() && FILES.contains(&flag);
            !said_by_risk && !said_by_files
        });
        let mut block = json!({
            "id": id, "command": name, "words": words(), "version": env!("CARGO_PKG_VERSION"),
            "time": humantime::format_rfc3339_seconds(started).to_string(), "status": status,
            "seed": seed.as_str().and_then(|s| s.parse::<u64>().ok()), "device": device,
            "files": files, "settings": settings,
        });
        for (name, value) in risk.iter().filter_map(Json::as_object).flatten() {
            block[name] = value.clone();
        }
        block
    }

    /// Adds the `run` block and the notes to a summary.
    pub(crate) fn describe(&self, summary: &mut Json, status: &str) {
        summary["run"] = self.block(status);
        summary["notes"] = json!(self.lock().notes);
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a `run` block on which the bits of a result depend.
pub(crate) fn identity_of(block: &Json) -> Json {
    let mut identity = block.as_object().cloned().unwrap_or_default();
    for name in ["id", "words", "time", "status"] {
        identity.remove(name);
    }
    if let Some(Json::Array(files)) = identity.get_mut("files") {
        files.iter_mut().for_each(|file| *file = file["hash"].take());
    }
    if let Some(data) = identity.get_mut("data") {
        *data = data["hash"].take();
    }
    identity.into()
}

/// The first difference of two identities, in words.
pub(crate) fn difference(here: &Json, there: &Json) -> Option<String> {
    let (Json::Object(a), Json::Object(b)) = (here, there) else {
        let short = |value: &Json| {
            let text = value.to_string();
            if text.chars().count() > 60 {
                text.chars().take(57).chain("...".chars()).collect()
            } else {
                text
            }
        };
        return (here != there).then(|| format!("{} here, {} there", short(here), short(there)));
    };
    a.keys().chain(b.keys()).find_map(|name| {
        let of = |object: &Map<String, Json>| object.get(name).cloned().unwrap_or(Json::Null);
        let inner = difference(&of(a), &of(b))?;
        let flag = name.replace('_', "-");
        Some(if name == "settings" { inner } else { format!("{flag} {inner}") })
    })
}

/// The words of the command line, with invalid Unicode replaced.
pub(crate) fn words() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
