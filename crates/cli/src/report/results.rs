//! The results of a run, as its folder has them.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use serde_json::Value as Json;

use super::table::{self, Columns};
use crate::{failure::Failure, inline_picture, json};

/// What the page shows of one run.
#[derive(Serialize)]
pub(super) struct Results {
    /// The name of the folder.
    pub(super) name: String,
    /// The command that wrote it.
    pub(super) command: String,
    /// The object that the command printed, unchanged.
    summary: Json,
    /// Every table of the folder by its name.
    tables: BTreeMap<String, Columns>,
    /// The pictures that the page does not draw itself.
    pictures: Vec<Picture>,
}

/// A picture as an SVG element.
#[derive(Serialize)]
struct Picture {
    name: String,
    svg: String,
}

/// The files that commands write last.
const SUMMARIES: [&str; 3] = ["summary.json", "tree.json", "result.json"];

/// The pictures that the page draws anew from the tables.
fn is_drawn(command: &str, picture: &str) -> bool {
    match command {
        "connect" => picture == "profile",
        "certify" => matches!(picture, "enclosure" | "gap"),
        "train" => picture == "history",
        "levelset" => picture == "tree",
        "landscape plane" => matches!(picture, "surface" | "levels"),
        _ => false,
    }
}

impl Results {
    /// Reads a folder; names inside of its pictures get the prefix `id`.
    ///
    /// # Errors
    /// When the folder is not one of a run, or a file in it cannot be read.
    pub(super) fn read(folder: &Path, id: &str) -> Result<Self, Failure> {
        let found = SUMMARIES.iter().map(|name| folder.join(name)).find(|file| file.is_file());
        let Some(file) = found else {
            let there = if folder.is_dir() { "no run has written here" } else { "there is no such folder" };
            let message = format!("{}: {there}: expected {}", folder.display(), SUMMARIES.join(", "));
            return Err(Failure::new(message).hint("give folders that commands wrote with --out"));
        };
        let summary = json::read(&file)?;
        let Some(command) = summary["run"]["command"].as_str().map(str::to_owned) else {
            let message = format!("{}: does not say which command wrote it", file.display());
            return Err(Failure::new(message).hint("repeat the run with this version"));
        };
        let name =
            folder.canonicalize().ok().and_then(|f| Some(f.file_name()?.to_string_lossy().into_owned()));
        let drawn = inline_picture::names(folder).into_iter().filter(|picture| !is_drawn(&command, picture));
        let pictures = drawn
            .filter_map(|name| Some(Picture { svg: inline_picture::inline(folder, id, &name)?, name }))
            .collect();
        Ok(Self {
            name: name.unwrap_or_else(|| folder.display().to_string()),
            tables: table::all(folder)?,
            pictures,
            command,
            summary,
        })
    }
}
