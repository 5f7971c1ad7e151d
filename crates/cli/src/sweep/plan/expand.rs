//! From tables to tasks.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value as Json;

use super::{
    file::{Entry, SweepFile, Table},
    flags::Flags,
    grid::{self, Point},
    minima::{Minimum, inputs, seeds_of},
};
use crate::{
    failure::Failure,
    sweep::{
        stage::Stage,
        task::{Labels, Task},
    },
};

/// The largest number of tasks, and of combinations of lists.
const MOST: usize = 1_000_000;

/// The flags of one task, before it has inputs.
struct Setting<'a> {
    words: Vec<String>,
    labels: Labels,
    point: Point<'a>,
}

/// All tasks of the file, each after those that it waits for.
pub(super) fn tasks(file: &SweepFile) -> Result<Vec<Task>, Failure> {
    let mut planner =
        Planner { file, flags: Flags::new(), tasks: vec![], known: HashSet::new(), used: BTreeSet::new() };
    planner.check_keys()?;
    for point in points(file, &file.grid.iter().collect::<Vec<_>>())? {
        planner.expand(&point)?;
    }
    if let Some(entry) = file.grid.iter().find(|entry| !planner.used.contains(entry.key.as_str())) {
        let message = format!("'{}' is used nowhere: no table has '{{{0}}}'", entry.key);
        return Err(file.source.refuse(&entry.span, message));
    }
    planner.tasks.sort_by_key(|task| task.stage);
    Ok(planner.tasks)
}

/// All combinations of the values of the entries.
fn points<'a>(file: &SweepFile, entries: &[&'a Entry]) -> Result<Vec<Point<'a>>, Failure> {
    match (grid::count(entries), entries.iter().max_by_key(|entry| entry.values.len())) {
        (found, Some(longest)) if found > MOST => {
            let message = format!("the lists have {found} combinations, expected at most {MOST}");
            Err(file.source.refuse(&longest.span, message))
        }
        _ => Ok(grid::points(entries)),
    }
}

struct Planner<'a> {
    file: &'a SweepFile,
    flags: Flags,
    tasks: Vec<Task>,
    known: HashSet<String>,
    /// The names of `[grid]` that were used.
    used: BTreeSet<&'a str>,
}

impl<'a> Planner<'a> {
    fn check_keys(&mut self) -> Result<(), Failure> {
        for stage in Stage::ALL {
            let Some(table) = self.file.table(stage) else { continue };
            for entry in &table.entries {
                self.flags.has(stage, &entry.key).map_err(|failure| {
                    let (line, excerpt) = self.file.source.show(&entry.span);
                    failure.at(format!("{}:{line}", self.file.source.name)).excerpt(excerpt)
                })?;
            }
        }
        Ok(())
    }

    /// All tasks at one point of `[grid]`.
    fn expand(&mut self, grid: &Point<'a>) -> Result<(), Failure> {
        let Some(train) = self.file.table(Stage::Train) else { return Ok(()) };
        let start = match self.file.table(Stage::Start) {
            None => vec![(None, Labels::default())],
            Some(start) => {
                let mut found = Vec::new();
                for (minima, labels) in
                    self.trainings(Stage::Start, start, grid, (&None, &Labels::default()))?
                {
                    for minimum in minima {
                        let labels = labels.with([("start.seed".to_owned(), minimum.seed.into())]);
                        found.push((Some(minimum), labels));
                    }
                }
                found
            }
        };
        for (from, labels) in &start {
            for (minima, labels) in self.trainings(Stage::Train, train, grid, (from, labels))? {
                self.analyses(&minima, &labels, grid)?;
            }
        }
        Ok(())
    }

    /// Adds trainings; those that differ in their seeds alone find minima that belong together.
    fn trainings(
        &mut self,
        stage: Stage,
        table: &'a Table,
        grid: &Point<'a>,
        (from, base): (&Option<Minimum>, &Labels),
    ) -> Result<Vec<(Vec<Minimum>, Labels)>, Failure> {
        let (seeds, rest): (Vec<_>, Vec<_>) =
            table.entries.iter().partition(|entry| entry.key == "seed" || entry.key == "seeds");
        if let [_, second, ..] = seeds[..] {
            return Err(self.file.source.refuse(&second.span, "'seed' and 'seeds' exclude each other"));
        }
        let inputs: Vec<_> = from.iter().map(|m| ("--from".to_owned(), m.file.clone())).collect();
        if let (Some(entry), false) = (rest.iter().find(|entry| entry.key == "from"), inputs.is_empty()) {
            return Err(self.file.source.refuse(&entry.span, "'from' is set by the table [start]"));
        }
        let mut groups = Vec::new();
        for setting in self.settings(stage, &rest, grid)? {
            let labels = base.with(setting.labels.0.clone());
            let mut minima = Vec::new();
            for seed in self.settings(stage, &seeds, grid)? {
                let words = [&setting.words[..], &seed.words[1..]].concat();
                let found = seeds_of(&seed.words[1..]);
                let own = match &found[..] {
                    // An empty range is refused when the command line is checked.
                    [] => ("seeds".to_owned(), "".into()),
                    [one] => ("seed".to_owned(), Json::from(*one)),
                    [first, .., last] => ("seeds".to_owned(), format!("{first}..{}", last + 1).into()),
                };
                let own = if stage == Stage::Start { (format!("start.{}", own.0), own.1) } else { own };
                let point = [&setting.point[..], &seed.point[..]].concat();
                let task = Task::new(stage, words, inputs.clone(), labels.with([own]));
                let id = self.add(task, table, &point)?;
                minima.extend(
                    found
                        .iter()
                        .map(|seed| Minimum { file: format!("{id}/seed-{seed}.safetensors"), seed: *seed }),
                );
            }
            groups.push((minima, labels));
        }
        Ok(groups)
    }

    /// Adds what is asked of minima that belong together.
    fn analyses(&mut self, minima: &[Minimum], base: &Labels, grid: &Point<'a>) -> Result<(), Failure> {
        for stage in [Stage::Connect, Stage::Align, Stage::Levelset, Stage::Spectrum] {
            let Some(table) = self.file.table(stage) else { continue };
            for setting in self.settings(stage, &table.entries.iter().collect::<Vec<_>>(), grid)? {
                let labels = base.with(setting.labels.0.clone());
                if let (Stage::Levelset, Some(parts)) = (stage, table.parts) {
                    self.tree_in_parts(table, &setting, (minima, &labels), parts)?;
                    continue;
                }
                if matches!(stage, Stage::Connect | Stage::Align) && table.pairs.count(minima.len()) > MOST {
                    return Err(self.too_many(table));
                }
                for (inputs, own) in inputs(stage, table, minima) {
                    let task = Task::new(stage, setting.words.clone(), inputs, labels.with(own));
                    let labels = task.labels.clone();
                    let id = self.add(task, table, &setting.point)?;
                    if stage == Stage::Connect {
                        self.proofs(&id, &labels, grid)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the tasks of a merge tree in parts: a round of straight lines, rounds of searches, each of which waits for those before, and
    /// the tree of all that they know.
    fn tree_in_parts(
        &mut self,
        table: &'a Table,
        setting: &Setting<'a>,
        (minima, labels): (&[Minimum], &Labels),
        parts: usize,
    ) -> Result<(), Failure> {
        let files: Vec<_> = minima.iter().map(|m| (String::new(), m.file.clone())).collect();
        let mut known: Vec<(String, String)> = Vec::new();
        for round in 0..=table.rounds {
            let mut found = Vec::new();
            for part in 0..parts {
                let words = [&setting.words[..], &[format!("--part={part}/{parts}")]].concat();
                let own =
                    [("levelset.round".to_owned(), round.into()), ("levelset.part".to_owned(), part.into())];
                let task = Task::new(Stage::Levelset, words, [&files[..], &known].concat(), labels.with(own));
                let id = self.add(task, table, &setting.point)?;
                found.push(("--known".to_owned(), format!("{id}/known.json")));
            }
            known.extend(found);
        }
        let own = [("minima".to_owned(), minima.len().into())];
        let task = Task::new(
            Stage::Levelset,
            setting.words.clone(),
            [&files[..], &known].concat(),
            labels.with(own),
        );
        self.add(task, table, &setting.point).map(drop)
    }

    /// Adds the proofs about one path.
    fn proofs(&mut self, path: &str, base: &Labels, grid: &Point<'a>) -> Result<(), Failure> {
        let Some(table) = self.file.table(Stage::Certify) else { return Ok(()) };
        for setting in self.settings(Stage::Certify, &table.entries.iter().collect::<Vec<_>>(), grid)? {
            let inputs = vec![(String::new(), format!("{path}/path.safetensors"))];
            let task = Task::new(Stage::Certify, setting.words, inputs, base.with(setting.labels.0));
            self.add(task, table, &setting.point)?;
        }
        Ok(())
    }

    /// The flags for each combination of the values of some entries.
    fn settings(
        &mut self,
        stage: Stage,
        entries: &[&'a Entry],
        grid: &Point<'a>,
    ) -> Result<Vec<Setting<'a>>, Failure> {
        let mut settings = Vec::new();
        for point in points(self.file, entries)? {
            let mut words = vec![stage.command().to_owned()];
            let (mut of_grid, mut own) = (Vec::new(), Vec::new());
            for (entry, value) in &point {
                let (text, used) = grid::fill(&value.text(), grid)
                    .map_err(|message| self.file.source.refuse(&value.span, message))?;
                of_grid.extend(used.iter().filter_map(|name| grid::label(name, grid)));
                self.used.extend(used);
                if entry.listed && entry.key != "seeds" {
                    // What a template was filled with has columns of its own.
                    own.push((format!("{}.{}", stage.name(), entry.key), value.json.clone()));
                }
                match (&value.json, self.flags.is_switch(stage, &entry.key)) {
                    (Json::Bool(true), true) => words.push(format!("--{}", entry.key)),
                    (Json::Bool(false), true) => {}
                    _ => words.push(format!("--{}={text}", entry.key)),
                }
            }
            // The names of the grid in its own order.
            of_grid.sort_by_key(|(name, _)| grid.iter().position(|(entry, _)| entry.key == *name));
            let labels = Labels::default().with(of_grid).with(own);
            settings.push(Setting { words, labels, point });
        }
        Ok(settings)
    }

    fn too_many(&self, table: &Table) -> Failure {
        self.file.source.refuse(&table.span, format!("makes more than {MOST} tasks"))
    }

    /// Adds a task, unless there is one of the same content, and returns its name.
    fn add(&mut self, task: Task, table: &Table, point: &Point<'a>) -> Result<String, Failure> {
        let id = task.id.clone();
        if !self.known.insert(id.clone()) {
            return Ok(id);
        }
        if self.tasks.len() == MOST {
            return Err(self.too_many(table));
        }
        let words = task.arguments("".as_ref(), "out".as_ref());
        let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        self.flags.check(&words).map_err(|(key, failure)| {
            let chosen = point.iter().find(|(entry, _)| Some(&entry.key) == key.as_ref());
            let span = chosen.map_or(&table.span, |(_, value)| &value.span);
            let (line, excerpt) = self.file.source.show(span);
            failure.at(format!("{}:{line}", self.file.source.name)).excerpt(excerpt)
        })?;
        self.tasks.push(task);
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::plan::excerpt::Source;

    fn plan(text: &str) -> Result<Vec<Task>, Failure> {
        tasks(&SweepFile::parse(Source { name: "f".into(), text: text.into() })?)
    }

    const WIDTHS: &str = "[grid]\nwidth = [4, 8]\nalign = ['none', 'weights']\n\
        [train]\narch = 'relu:64-{width}-10'\nseeds = '0..3'\nkappa = [0, 1e-3]\n\
        [connect]\npairs = 'all'\nmethod = ['linear', 'repair']\nalign = '{align}'\n\
        [certify]\n[spectrum]\n[levelset]\n";

    #[test]
    fn lists_span_a_grid_and_nothing_is_planned_twice() {
        let tasks = plan(WIDTHS).unwrap();
        let count = |stage| tasks.iter().filter(|task| task.stage == stage).count();
        // Two widths and two kappas; three pairs, two methods and two alignments for each.
        assert_eq!(count(Stage::Train), 4);
        assert_eq!(count(Stage::Connect), 4 * 3 * 2 * 2);
        assert_eq!(count(Stage::Certify), count(Stage::Connect));
        assert_eq!((count(Stage::Spectrum), count(Stage::Levelset)), (4 * 3, 4));
        let names: HashSet<_> = tasks.iter().map(|task| &task.id).collect();
        assert_eq!(names.len(), tasks.len());
        let path = tasks.iter().find(|task| task.stage == Stage::Connect).unwrap();
        let names: Vec<_> = path.labels.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["width", "train.kappa", "align", "connect.method", "seed_a", "seed_b"]);
        assert_eq!(path.words, ["connect", "--method=linear", "--align=none"]);
        // Each task stands behind those that it waits for.
        let mut seen = HashSet::new();
        for task in &tasks {
            assert!(task.after.iter().all(|id| seen.contains(id)), "{task:?}");
            seen.insert(&task.id);
        }
        assert_eq!(plan(WIDTHS).unwrap(), tasks);
    }

    #[test]
    fn lists_of_seeds_are_minima_that_belong_together() {
        let one = "[train]\narch = 'relu:64-4-10'\nseed = [3, 5, 9]\n[connect]\npairs = 'neighbours'\n";
        let tasks = plan(one).unwrap();
        assert_eq!(tasks.len(), 3 + 2);
        assert_eq!(tasks[4].labels.text(), "seed_a = 5, seed_b = 9");
        assert_eq!(tasks[4].after.len(), 2);
        assert!(tasks[4].inputs[1].1.ends_with("/seed-9.safetensors"));
        let stacks = one.replace("seed = [3, 5, 9]", "seeds = ['0..2', '2..4']");
        let tasks = plan(&stacks).unwrap();
        assert_eq!(tasks.len(), 2 + 3);
        assert_eq!(tasks[0].labels.text(), "seeds = 0..2");
        assert_eq!(tasks[3].after.len(), 2);
    }

    #[test]
    fn merge_trees_in_parts_are_rounds_that_wait_for_each_other() {
        let text = "[train]\narch = 'relu:64-4-10'\nseeds = '0..5'\n[levelset]\nparts = 3\nrounds = 2\nmethod = 'bezier'\n";
        let tasks = plan(text).unwrap();
        let trees: Vec<_> = tasks.iter().filter(|task| task.stage == Stage::Levelset).collect();
        assert_eq!(trees.len(), 3 * 3 + 1);
        let last = trees[9];
        // The training and all parts.
        assert_eq!((last.after.len(), last.inputs.len()), (1 + 9, 5 + 9));
        assert_eq!(trees[3].after.len(), 1 + 3);
        assert_eq!(trees[3].labels.text(), "levelset.round = 1, levelset.part = 0");
        assert!(
            trees[4].words.contains(&"--part=1/3".to_owned()) && !last.words.join(" ").contains("--part")
        );
        assert!(plan(&text.replace("parts = 3", "parts = 0")).is_err());
        assert_eq!(plan(&text.replace("parts = 3\nrounds = 2\n", "")).unwrap().len(), 1 + 1);
    }

    #[test]
    fn runs_with_a_common_beginning_are_compared_with_each_other() {
        let text = "[grid]\nk = [0, 9]\n[start]\narch = 'relu:64-4-10'\nseeds = '0..3'\nmax_steps = '{k}'\n\
            [train]\narch = 'relu:64-4-10'\nseeds = '7..9'\n[connect]\n";
        let tasks = plan(text).unwrap();
        let count = |stage| tasks.iter().filter(|task| task.stage == stage).count();
        assert_eq!([Stage::Start, Stage::Train, Stage::Connect].map(count), [2, 6, 6]);
        let train = tasks.iter().find(|task| task.stage == Stage::Train).unwrap();
        assert_eq!(train.inputs, [("--from".to_owned(), format!("{}/seed-0.safetensors", tasks[0].id))]);
        assert_eq!(tasks[13].labels.text(), "k = 9, start.seed = 2, seed_a = 7, seed_b = 8");
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_stands() {
        for (text, said) in [
            ("[train]\narch = 'relu:4'\nepohcs = 3\n", "f:3: unknown key 'epohcs'"),
            ("[train]\narch = 'relu:64-4-10'\nepochs = [3, -1]\n", "f:3: "),
            ("[train]\nepochs = 3\n", "f:1: the following required arguments"),
            ("[train]\narch = 'relu:64-{w}-10'\n", "f:2: '{w}' is not in [grid], which has no names"),
            ("[grid]\nw = [1]\n[train]\narch = 'relu:64-4-10'\n", "f:2: 'w' is used nowhere"),
            ("[train]\narch = 'relu:64-4-10'\nout = 'x'\n", "f:3: --out is set by the sweep"),
            ("[train]\narch = 'relu:64-4-10'\nseed = 1\nseeds = '0..2'\n", "f:4: 'seed' and 'seeds'"),
            ("[train]\narch = 'relu:64-4-10'\nseeds = '2..1'\n", "f:3: "),
        ] {
            let failure = plan(text).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(failure.starts_with(said), "{text}: {failure}");
        }
    }
}
