//! Chunks of tasks: the elements of an array, and the commands that they run.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use crate::{
    failure::Failure,
    sweep::{stage::Stage, task::Task},
};

/// The array of one stage: element i runs the tasks that [`Part`](crate::sweep::rank::Part) i of `world` has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) stage: Stage,
    pub(super) world: usize,
    /// The elements that have something left to do.
    pub(super) left: Vec<usize>,
}

/// The arrays of all stages that have something left; an element runs `chunk` tasks or so.
pub(super) fn arrays(tasks: &[Task], done: &HashSet<String>, chunk: usize, longest: usize) -> Vec<Array> {
    let of_stage = |stage: Stage| {
        let all: Vec<&Task> = tasks.iter().filter(|task| task.stage == stage).collect();
        let world = all.len().div_ceil(chunk).min(longest).max(1);
        let is_left =
            |i: &usize| all.iter().enumerate().any(|(j, t)| j % world == *i && !done.contains(&t.id));
        Array { stage, world, left: (0..world).filter(is_left).collect() }
    };
    Stage::ALL.into_iter().map(of_stage).filter(|array| !array.left.is_empty()).collect()
}

/// Numbers as Slurm writes them: `0-3,7`.
pub(super) fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        run => format!("{}-{}", run[0], run[run.len() - 1]),
    });
    runs.collect::<Vec<_>>().join(",")
}

/// The absolute path of something that exists, for a job that may begin anywhere.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|e| Failure::new(format!("{}: {e}", path.display())))
}

/// The words of a command as one line for a shell.
pub(super) fn shell(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:%+@".contains(c);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::task::Labels;

    #[test]
    fn elements_with_something_left_are_submitted() {
        let task = |i: usize| Task::new(Stage::Train, vec![i.to_string()], vec![], Labels::default());
        let tasks: Vec<_> = (0..10).map(task).collect();
        let of = |done: &[usize], chunk, longest| {
            let done = done.iter().map(|&i| tasks[i].id.clone()).collect();
            arrays(&tasks, &done, chunk, longest).into_iter().map(|a| (a.world, a.left)).collect::<Vec<_>>()
        };
        assert_eq!(of(&[], 1, 1000), [(10, (0..10).collect())]);
        assert_eq!(of(&[], 4, 1000), [(3, vec![0, 1, 2])]);
        // Elements 0, 1, 2 have tasks 0 3 6 9, 1 4 7, 2 5 8.
        assert_eq!(of(&[1, 4, 7, 0], 4, 1000), [(3, vec![0, 2])]);
        assert_eq!(of(&[], 1, 4), [(4, vec![0, 1, 2, 3])]);
        assert!(of(&(0..10).collect::<Vec<_>>(), 1, 1000).is_empty());
    }

    #[test]
    fn numbers_and_words_are_written_for_others() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        let words = ["a b", "c'd", "--x=1", ""].map(str::to_owned);
        assert_eq!(shell(&words), r"'a b' 'c'\''d' --x=1 ''");
    }
}
