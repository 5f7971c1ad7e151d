//! The minima that trainings are to find, and the tasks that look at them.

use serde_json::Value as Json;

use super::file::Table;
use crate::sweep::{stage::Stage, task::Task};

/// A minimum that a training is to find.
#[derive(Clone)]
pub(super) struct Minimum {
    /// Its file, `ID/NAME`.
    pub(super) file: String,
    pub(super) seed: u64,
}

/// The number of networks that a task trains.
pub(super) fn networks(task: &Task) -> usize {
    match task.stage {
        Stage::Start | Stage::Train => {
            let is_seed = |word: &&String| word.starts_with("--seed=") || word.starts_with("--seeds=");
            seeds_of(&task.words.iter().filter(is_seed).cloned().collect::<Vec<_>>()).len()
        }
        _ => 0,
    }
}

/// The largest number of epochs of a training.
pub(super) fn epochs(task: &Task) -> u64 {
    let said = task.words.iter().find_map(|word| word.strip_prefix("--epochs=")?.parse().ok());
    said.unwrap_or(100)
}

/// The seeds that the words of a training ask for.
pub(super) fn seeds_of(words: &[String]) -> Vec<u64> {
    let text = words.first().and_then(|word| word.split_once('=')).map_or("0", |(_, text)| text);
    match text.split_once("..") {
        // What is no range is refused when the command line is checked.
        Some((a, b)) => (a.parse().unwrap_or(0)..b.parse().unwrap_or(0)).take(100_000).collect(),
        None => vec![text.parse().unwrap_or(0)],
    }
}

/// The inputs of a task as flags and files, and the labels that say which they are.
type Inputs = (Vec<(String, String)>, Vec<(String, Json)>);

/// The inputs of each task of a stage that looks at minima.
pub(super) fn inputs(stage: Stage, table: &Table, minima: &[Minimum]) -> Vec<Inputs> {
    match stage {
        Stage::Connect | Stage::Align => {
            let pair = |(a, b): (usize, usize)| {
                let ends = [("a", &minima[a]), ("b", &minima[b])];
                let files = ends.map(|(name, end)| (format!("--{name}"), end.file.clone()));
                (files.into(), ends.map(|(name, end)| (format!("seed_{name}"), end.seed.into())).into())
            };
            table.pairs.of(minima.len()).into_iter().map(pair).collect()
        }
        Stage::Levelset => {
            let files = minima.iter().map(|m| (String::new(), m.file.clone())).collect();
            vec![(files, vec![("minima".into(), minima.len().into())])]
        }
        _ => {
            let one = |m: &Minimum| {
                (vec![(String::new(), m.file.clone())], vec![("seed".to_owned(), m.seed.into())])
            };
            minima.iter().map(one).collect()
        }
    }
}
