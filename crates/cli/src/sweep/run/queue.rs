//! Which task comes next.

use std::collections::{HashMap, HashSet};

use crate::{
    failure::Failure,
    sweep::{claim::Claims, folder::SweepFolder, task::Task},
};

/// What a worker does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Run this task, which is claimed.
    Run(usize),
    /// Look again soon: other processes are at what is left.
    Wait,
    /// Nothing is left to do.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// A worker of this process is at it.
    Here,
    Done,
    Failed,
    /// It waits for a task that has failed.
    Blocked,
}

/// The tasks of this process and those that they wait for, with their states.
pub(super) struct Queue<'a> {
    pub(super) tasks: &'a [Task],
    own: Vec<bool>,
    /// The tasks that own ones wait for, directly or not.
    needed: Vec<bool>,
    after: Vec<Vec<usize>>,
    states: Vec<State>,
}

impl<'a> Queue<'a> {
    /// A queue for the tasks that are `own`.
    pub(super) fn new(tasks: &'a [Task], own: Vec<bool>) -> Self {
        let places: HashMap<&str, usize> =
            tasks.iter().enumerate().map(|(i, t)| (t.id.as_str(), i)).collect();
        let after: Vec<Vec<usize>> =
            tasks.iter().map(|t| t.after.iter().map(|id| places[id.as_str()]).collect()).collect();
        let mut needed = own.clone();
        // Tasks stand behind those that they wait for.
        for i in (0..tasks.len()).rev().filter(|&i| needed[i]).collect::<Vec<_>>() {
            mark(i, &after, &mut needed);
        }
        Self { tasks, own, needed, after, states: vec![State::Open; tasks.len()] }
    }

    /// Takes note of what other processes, and earlier runs, have done.
    pub(super) fn refresh(&mut self, folder: &SweepFolder) -> Result<(), Failure> {
        let done: HashSet<String> = folder.done()?;
        let failed = folder.failed()?;
        for (task, state) in self.tasks.iter().zip(&mut self.states) {
            if matches!(state, State::Open) {
                if done.contains(&task.id) {
                    *state = State::Done;
                } else if failed.contains_key(&task.id) {
                    *state = State::Failed;
                }
            }
        }
        Ok(())
    }

    /// The next task: an own one that is ready, else one that own ones wait for and that nobody is at.
    pub(super) fn next(&mut self, claims: &Claims, folder: &SweepFolder) -> Result<Next, Failure> {
        for own in [true, false] {
            for i in 0..self.tasks.len() {
                if !self.needed[i] || self.own[i] != own || !self.is_ready(i) {
                    continue;
                }
                let id = &self.tasks[i].id;
                if !claims.take(id)? {
                    continue;
                }
                // It may have been finished since the last look.
                if folder.result(id).is_dir() {
                    claims.release(id);
                    self.states[i] = State::Done;
                    continue;
                }
                self.states[i] = State::Here;
                return Ok(Next::Run(i));
            }
        }
        let is_left = |i: &usize| self.own[*i] && matches!(self.states[*i], State::Open | State::Here);
        Ok(if (0..self.tasks.len()).any(|i| is_left(&i)) { Next::Wait } else { Next::End })
    }

    /// Whether all that a task waits for is done; a task that waits for a failed one is blocked.
    fn is_ready(&mut self, i: usize) -> bool {
        if self.states[i] != State::Open {
            return false;
        }
        let before = |state: State| self.after[i].iter().any(|&j| self.states[j] == state);
        if before(State::Failed) || before(State::Blocked) {
            self.states[i] = State::Blocked;
            return false;
        }
        self.after[i].iter().all(|&j| self.states[j] == State::Done)
    }

    /// How a task ended that was taken.
    pub(super) fn set(&mut self, i: usize, state: State) {
        self.states[i] = state;
    }

    /// The number of own tasks in a state.
    pub(super) fn count(&self, state: State) -> usize {
        self.own.iter().zip(&self.states).filter(|(own, of)| **own && **of == state).count()
    }

    /// The number of own tasks.
    pub(super) fn len(&self) -> usize {
        self.own.iter().filter(|own| **own).count()
    }

    /// The own tasks.
    pub(super) fn own(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().zip(&self.own).filter(|(_, own)| **own).map(|(task, _)| task)
    }
}

fn mark(i: usize, after: &[Vec<usize>], needed: &mut [bool]) {
    for &j in &after[i] {
        if !needed[j] {
            needed[j] = true;
            mark(j, after, needed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::{stage::Stage, task::Labels};

    /// Two trainings, a connection of both, and a proof.
    fn chain() -> Vec<Task> {
        let train = |seed: u64| Task::new(Stage::Train, vec![seed.to_string()], vec![], Labels::default());
        let (a, b) = (train(0), train(1));
        let file = |task: &Task| (String::new(), format!("{}/x", task.id));
        let path = Task::new(Stage::Connect, vec![], vec![file(&a), file(&b)], Labels::default());
        let proof = Task::new(Stage::Certify, vec![], vec![file(&path)], Labels::default());
        vec![a, b, path, proof]
    }

    fn place() -> (tempfile::TempDir, SweepFolder, Claims) {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::create(root.path()).unwrap();
        let claims = Claims::new(folder.join("claims"));
        (root, folder, claims)
    }

    #[test]
    fn tasks_wait_for_those_before_them() {
        let (_root, folder, claims) = place();
        let tasks = chain();
        let mut queue = Queue::new(&tasks, vec![true; 4]);
        for i in [0, 1] {
            assert_eq!(queue.next(&claims, &folder).unwrap(), Next::Run(i));
        }
        assert_eq!(queue.next(&claims, &folder).unwrap(), Next::Wait);
        queue.set(0, State::Done);
        assert_eq!(queue.next(&claims, &folder).unwrap(), Next::Wait);
        queue.set(1, State::Done);
        assert_eq!(queue.next(&claims, &folder).unwrap(), Next::Run(2));
        queue.set(2, State::Failed);
        assert_eq!(queue.next(&claims, &folder).unwrap(), Next::End);
        assert_eq!((queue.count(State::Blocked), queue.count(State::Done), queue.len()), (1, 2, 4));
    }

    #[test]
    fn a_part_does_what_it_waits_for_unless_someone_else_is_at_it() {
        let (_root, folder, claims) = place();
        let tasks = chain();
        let queue = Queue::new(&tasks, vec![false, false, true, false]);
        assert_eq!((queue.own().count(), queue.needed), (1, vec![true, true, true, false]));
        let mut queue = Queue::new(&tasks, vec![false, false, true, false]);
        let other = Claims::new(folder.join("claims"));
        assert!(other.take(&tasks[0].id).unwrap());
        assert_eq!(queue.next(&claims, &folder).unwrap(), Next::Run(1));
        queue.set(1, State::Done);
        assert_eq!(queue.next(&claims, &folder).unwrap(), Next::Wait);
        std::fs::create_dir(folder.result(&tasks[0].id)).unwrap();
        other.release(&tasks[0].id);
        queue.refresh(&folder).unwrap();
        assert_eq!(queue.next(&claims, &folder).unwrap(), Next::Run(2));
    }
}
