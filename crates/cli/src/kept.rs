use std::path::{Path as FilePath, PathBuf};

use collado_dynamics::{Found, Path};
use collado_models::{Checkpoint, PathFile};
use serde_json::{Value as Json, json};

use crate::{args::ConnectArgs, failure::Failure, folder, json::number, methods, state, task::Task};

/// The attempts of `connect` that are finished, in `DIR/.state/`: a resumed run takes them from there.
pub(crate) struct Kept {
    out: PathBuf,
    /// All that decides about the bits of a path, its name aside.
    identity: Json,
}

impl Kept {
    /// Whether a run was stopped that can be gone on with.
    pub(crate) fn is_there(out: &FilePath) -> bool {
        state::folder(out).exists()
    }

    /// Opens the state of a folder; what is there is removed unless the run goes on.
    pub(crate) fn open(args: &ConnectArgs, task: &Task, ends: [&Checkpoint; 2]) -> Result<Self, Failure> {
        let kept = Self {
            out: args.out.out.clone(),
            identity: json!({
                "arch": task.arch.to_string(),
                "ends": ends.map(|end| &end.hash),
                "data": task.data.hash,
                "dtype": format!("{:?}", task.dtype),
                "risk": format!("{:?}", task.risk),
                "settings": format!("{:?}", (args.method, args.align, &args.search, args.points, args.common.seed)),
            }),
        };
        if !args.out.resume {
            kept.remove()?;
        }
        folder::make(&state::folder(&kept.out))?;
        Ok(kept)
    }

    /// The attempt of that name and the seconds that it took, if an earlier run finished it.
    pub(crate) fn read(&self, name: &str) -> Result<Option<(Found, f64)>, Failure> {
        let file = self.file(name);
        if !file.exists() {
            return Ok(None);
        }
        let PathFile { kind, vertices, provenance: about, .. } = PathFile::read(&file)?;
        let fail = |reason: &str| Failure::new(format!("{}: {reason}", file.display()));
        if about["identity"] != self.identity {
            return Err(state::of_another_run(&file));
        }
        let known = methods::about_read(&about["about"]).ok_or_else(|| fail("damaged state"))?;
        let found = Found { path: Path::new(kind, vertices), about: known };
        Ok(Some((found, about["seconds"].as_f64().unwrap_or(f64::NAN))))
    }

    /// Keeps an attempt.
    pub(crate) fn write(&self, name: &str, task: &Task, found: &Found, seconds: f64) -> Result<(), Failure> {
        let about = methods::about_json(&found.about);
        let provenance = json!({"identity": self.identity, "about": about, "seconds": number(seconds)});
        let (kind, vertices) = (found.path.kind().clone(), found.path.vertices().clone());
        let file = PathFile { arch: task.arch.clone(), kind, vertices, provenance };
        Ok(file.write(&self.file(name))?)
    }

    /// Nothing is left to go on with.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        state::remove(&self.out)
    }

    fn file(&self, name: &str) -> PathBuf {
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        state::folder(&self.out).join(format!("{name}.safetensors"))
    }
}
