//! Which part of the tasks a process runs.

use super::task::Task;
use crate::failure::Failure;

/// The part of one of several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) rank: usize,
    pub(super) world: usize,
    /// Where it is known from.
    pub(super) said: &'static str,
}

impl Part {
    /// The part that the flags ask for, or that the environment gives this process; nothing where it is alone.
    ///
    /// `variable` reads the environment.
    pub(super) fn find(
        flags: (Option<usize>, Option<usize>),
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Failure> {
        let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
        let (rank, world, said) = match flags {
            (Some(rank), Some(world)) => (rank, world, "--rank"),
            (None, Some(1)) => return Ok(None),
            (rank, world) => {
                let found = match rank {
                    Some(rank) => Some((rank, None, "--rank")),
                    None => environment(&number)?,
                };
                match (found, world) {
                    (None, None) => return Ok(None),
                    (None, Some(_)) => return Err(Failure::usage("--world needs --rank")),
                    (Some((rank, size, said)), world) => match world.or(size) {
                        Some(world) => (rank, world, said),
                        None => {
                            let message = format!("{said}: the number of parts is not known");
                            return Err(Failure::usage(message).hint("--world N says it"));
                        }
                    },
                }
            }
        };
        if rank >= world {
            return Err(Failure::usage(format!(
                "{said}: expected a part from 0 to {}, found {rank}",
                world - 1
            )));
        }
        Ok((world > 1 || said == "--rank").then_some(Self { rank, world, said }))
    }

    /// Whether the task at `place` of its stage belongs to the part.
    pub(super) fn has(&self, place: usize) -> bool {
        place % self.world == self.rank
    }
}

/// Rank and size from the variables of an engine, the innermost first: an MPI program may run in a task of HyperQueue, and that
/// in an array of Slurm.
type Found = Option<(usize, Option<usize>, &'static str)>;

fn environment(number: &impl Fn(&str) -> Option<usize>) -> Result<Found, Failure> {
    for (rank, size) in [("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE")] {
        // A process that is alone has no part among others.
        if let (Some(i), Some(n @ 2..)) = (number(rank), number(size)) {
            return Ok(Some((i, Some(n), rank)));
        }
    }
    if let Some(rank) = number("HQ_TASK_ID") {
        return Ok(Some((rank, None, "HQ_TASK_ID")));
    }
    const ARRAY: &str = "SLURM_ARRAY_TASK_ID";
    let Some(id) = number(ARRAY) else { return Ok(None) };
    let of_array = |name: &str| number(&format!("SLURM_ARRAY_TASK_{name}"));
    let (Some(first), Some(last), Some(count)) = (of_array("MIN"), of_array("MAX"), of_array("COUNT")) else {
        return Ok(Some((id, of_array("COUNT"), ARRAY)));
    };
    if last + 1 - first != count {
        let message =
            format!("{ARRAY}: the array has {count} elements from {first} to {last}, so parts are missing");
        return Err(Failure::usage(message).hint("--rank and --world say which part this is"));
    }
    Ok(Some((id - first.min(id), Some(count), ARRAY)))
}

/// Whether each task belongs to the part and the stage.
pub(super) fn own(tasks: &[Task], stage: Option<super::stage::Stage>, part: Option<Part>) -> Vec<bool> {
    let mut place = 0;
    let mut is_own = |task: &Task| {
        if stage.is_some_and(|stage| task.stage != stage) {
            return false;
        }
        place += 1;
        part.is_none_or(|part| part.has(place - 1))
    };
    tasks.iter().map(&mut is_own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(
        rank: Option<usize>,
        world: Option<usize>,
        variables: &[(&str, &str)],
    ) -> Result<Option<Part>, Failure> {
        Part::find((rank, world), |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn flags_come_before_the_environment_and_inner_engines_before_outer_ones() {
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "5"),
            ("SLURM_ARRAY_TASK_MAX", "8"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        let numbers = |part: Option<Part>| part.map(|p| (p.rank, p.world));
        assert_eq!(numbers(find(None, None, &[]).unwrap()), None);
        assert_eq!(numbers(find(Some(1), Some(3), &slurm).unwrap()), Some((1, 3)));
        assert_eq!(numbers(find(None, None, &slurm).unwrap()), Some((2, 4)));
        assert_eq!(numbers(find(None, Some(9), &slurm).unwrap()), Some((2, 9)));
        let hq = [&slurm[..], &[("HQ_TASK_ID", "3")]].concat();
        assert_eq!(numbers(find(None, Some(9), &hq).unwrap()), Some((3, 9)));
        assert!(find(None, None, &hq).is_err());
        for names in [("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE")] {
            let mpi = [&hq[..], &[(names.0, "1"), (names.1, "2")]].concat();
            assert_eq!(numbers(find(None, None, &mpi).unwrap()), Some((1, 2)));
        }
        // srun sets PMI's variables for a process that is alone.
        let alone = [&slurm[..], &[("PMI_RANK", "0"), ("PMI_SIZE", "1")]].concat();
        assert_eq!(numbers(find(None, None, &alone).unwrap()), Some((2, 4)));
    }

    #[test]
    fn parts_that_cannot_be_are_refused() {
        let said = |r: Result<Option<Part>, Failure>| r.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(said(find(Some(3), Some(3), &[])).contains("from 0 to 2, found 3"));
        assert!(said(find(None, Some(3), &[])).contains("--world needs --rank"));
        assert!(said(find(Some(3), None, &[])).contains("--rank: the number of parts"));
        let holes = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
        ];
        assert!(said(find(None, None, &holes)).contains("2 elements from 3 to 7"));
    }

    #[test]
    fn parts_cover_everything_once() {
        let parts: Vec<_> = (0..4).map(|rank| Part { rank, world: 4, said: "" }).collect();
        for place in 0..11 {
            assert_eq!(parts.iter().filter(|part| part.has(place)).count(), 1);
        }
    }
}
