//! The results of a sweep as rows.

use serde_json::Value as Json;

use super::{
    cell::{Cell, Table},
    figures::{figures, of_run},
    pairs,
};
use crate::{
    failure::Failure,
    json,
    sweep::{
        folder::{ENDED, SweepFolder},
        stage::Stage,
        task::{Labels, Task},
    },
};

/// What was measured once: of a pair of networks, of a path, of one network.
pub(super) struct Row {
    pub(super) stage: Stage,
    /// The place in the grid, without seeds.
    pub(super) cell: Labels,
    pub(super) figures: Vec<(String, Cell)>,
    /// The networks that it is about.
    pub(super) networks: Vec<String>,
}

/// All results that are there.
pub(super) struct Results {
    /// One row a task.
    pub(super) table: Table,
    /// The times of each task: all else comes out the same wherever it is run.
    pub(super) times: Table,
    /// One row a network that was trained.
    pub(super) minima: Table,
    /// One row a pair that was connected.
    pub(super) pairs: Table,
    pub(super) rows: Vec<Row>,
    /// The tasks that have no result.
    pub(super) missing: usize,
    pub(super) versions: Vec<String>,
}

impl Results {
    pub(super) fn read(folder: &SweepFolder, tasks: &[Task]) -> Result<Self, Failure> {
        let [table, times, minima, pairs] = std::array::from_fn(|_| Table::default());
        let mut results = Self { table, times, minima, pairs, rows: vec![], missing: 0, versions: vec![] };
        let done = folder.done()?;
        for task in tasks {
            if done.contains(&task.id) {
                results.add(folder, tasks, task)?;
            } else {
                results.missing += 1;
            }
        }
        let names: Vec<String> =
            tasks.iter().flat_map(|task| task.labels.0.iter().map(|(name, _)| name.clone())).collect();
        let is_first = |name: &str| {
            ["task", "stage"].contains(&name) || is_seed(name) || names.iter().any(|n| n == name)
        };
        for table in [&mut results.table, &mut results.times, &mut results.minima, &mut results.pairs] {
            // Seeds behind the rest of the grid.
            table.columns.sort_by_key(|column| is_seed(&column.name));
            table.first(is_first);
        }
        Ok(results)
    }

    fn add(&mut self, folder: &SweepFolder, tasks: &[Task], task: &Task) -> Result<(), Failure> {
        let place = folder.result(&task.id);
        let summary = json::read(&place.join(task.stage.summary()))?;
        let ended = json::read(&place.join(ENDED))?;
        let version = ended["version"].as_str().unwrap_or_default().to_owned();
        if !self.versions.contains(&version) {
            self.versions.push(version);
        }
        let labels = |labels: &Labels| -> Vec<(String, Cell)> {
            labels.0.iter().filter_map(|(name, value)| Some((name.clone(), Cell::new(value)?))).collect()
        };
        let named = [("task", task.id.as_str()), ("stage", task.stage.name())]
            .map(|(name, text)| (name.to_owned(), Cell::Text(text.to_owned())));
        let head = [&named[..], &labels(&task.labels)].concat();
        let (mut slow, mut own): (Vec<_>, Vec<_>) =
            figures(&summary).into_iter().partition(|(name, _)| is_time(name));
        // The command's own error, as of a path that misses its target.
        let error = ended["error"].as_str().map_or(Cell::Empty, |text| Cell::Text(text.to_owned()));
        own.push(("error".to_owned(), error));
        for name in ["seconds", "host", "time"] {
            slow.extend(Cell::new(&ended[name]).map(|cell| (format!("task.{name}"), cell)));
        }
        if task.stage == Stage::Connect {
            self.pairs.push([&head[..], &pairs::of_pair(task, &own)].concat());
        }
        self.table.push([&head[..], &own].concat());
        self.times.push([&head[..], &slow].concat());
        let cell = Labels(task.labels.0.iter().filter(|(name, _)| !is_seed(name)).cloned().collect());
        let row = |figures, networks| Row { stage: task.stage, cell: cell.clone(), figures, networks };
        match summary["runs"].as_array() {
            Some(runs) => {
                for run in runs {
                    let (_, figures): (Vec<_>, Vec<_>) =
                        of_run(run).into_iter().partition(|(name, _)| is_time(name));
                    let seed = Cell::new(&run["seed"]).unwrap_or(Cell::Empty);
                    let mut head = head.clone();
                    head.retain(|(name, _)| name != "seed" && name != "seeds");
                    head.push(("seed".to_owned(), seed));
                    self.minima.push([&head[..], &figures].concat());
                    self.rows.push(row(figures, vec![format!("{}/{}", task.id, run["seed"])]));
                }
            }
            None => self.rows.push(row([own, slow].concat(), networks(tasks, task))),
        }
        Ok(())
    }
}

/// The networks that a task is about: its inputs, or for a proof those that its path joins.
fn networks(tasks: &[Task], task: &Task) -> Vec<String> {
    let path =
        task.after.iter().find_map(|id| tasks.iter().find(|t| t.id == *id && t.stage == Stage::Connect));
    let files = path.unwrap_or(task).inputs.iter().map(|(_, file)| file.clone());
    files.filter(|file| file.ends_with(".safetensors")).collect()
}

/// Whether a column numbers repetitions.
pub(super) fn is_seed(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("seed" | "seeds" | "seed_a" | "seed_b"))
}

fn is_time(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|name| name.ends_with("seconds"))
}

/// The values of labels for people: `width = 8`.
pub(super) fn said(labels: &[(String, Json)]) -> String {
    Labels(labels.to_vec()).text()
}
