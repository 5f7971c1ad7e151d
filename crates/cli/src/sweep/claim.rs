//! Who is at which task. Claims are hints that save work, and not locks: a process that is killed leaves one behind, which
//! the next finds dead, and two processes that run the same task write the same result.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tempfile::NamedTempFile;

use crate::{failure::Failure, files};

/// How often the claims of this process are renewed.
pub(super) const RENEWAL: Duration = Duration::from_secs(10);
/// The age at which a claim of another machine is taken for one that a dead process left.
const DEATH: Duration = Duration::from_secs(90);

/// The claims of this process.
pub(super) struct Claims {
    folder: PathBuf,
    owner: Owner,
    held: Mutex<BTreeSet<String>>,
}

/// A process on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    host: String,
    process: u32,
    /// The time at which it was started, in ticks of its machine, as numbers of processes are used again; 0 where the system
    /// does not say.
    start: u64,
}

impl Owner {
    /// This process.
    pub(super) fn here() -> Self {
        let process = std::process::id();
        Self { host: host(), process, start: started(process).unwrap_or(0) }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// As a part of the name of a file.
    pub(super) fn text(&self) -> String {
        format!("{}-{}-{}", self.process, self.start, self.host)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let (process, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { host: parts.next()?.to_owned(), process, start })
    }

    /// Whether the process lives; nothing is known of those of other machines.
    pub(super) fn lives(&self) -> Option<bool> {
        (self.host == host() && self.start != 0).then(|| started(self.process) == Some(self.start))
    }
}

/// The name of this machine.
fn host() -> String {
    let read = |file| fs::read_to_string(file).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| std::env::var("HOSTNAME").ok());
    let name = name.unwrap_or_else(|| "host".into());
    name.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect()
}

/// The time at which a process was started, if it lives.
fn started(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may hold anything; the state follows, and a zombie is dead.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then(|| fields.nth(18)?.parse().ok())?
}

impl Claims {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, owner: Owner::here(), held: Mutex::new(BTreeSet::new()) }
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Claims a task for this process, unless a living one has it.
    pub(super) fn take(&self, id: &str) -> Result<bool, Failure> {
        let file = self.folder.join(id);
        if file.exists() {
            if is_alive(&file)? {
                return Ok(false);
            }
            files::bytes(&file, self.owner.text().as_bytes())?;
        } else if !self.create(&file).map_err(|e| at(&file, &e))? {
            return Ok(false);
        }
        self.held().insert(id.to_owned());
        Ok(true)
    }

    /// Makes a claim that names its owner from its first moment; false where another process was faster.
    fn create(&self, file: &Path) -> io::Result<bool> {
        let mut new = temporary(&self.folder)?;
        new.write_all(self.owner.text().as_bytes())?;
        match new.persist_noclobber(file) {
            Ok(_) => Ok(true),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e.error),
        }
    }

    /// Gives a task back.
    pub(super) fn release(&self, id: &str) {
        self.held().remove(id);
        // A claim that cannot be removed is found dead later.
        let _ = fs::remove_file(self.folder.join(id));
    }

    /// Says of all claims that their process lives.
    pub(super) fn renew(&self) {
        for id in self.held().iter() {
            // The server of the folder sets the time. What fails is tried again soon.
            let _ = fs::write(self.folder.join(id), self.owner.text());
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a living process has claimed a task.
pub(super) fn is_claimed(folder: &Path, id: &str) -> bool {
    let file = folder.join(id);
    file.exists() && is_alive(&file).unwrap_or(false)
}

fn is_alive(file: &Path) -> Result<bool, Failure> {
    // It may have been given back just now: then it is free at the next look.
    let Ok(text) = fs::read_to_string(file) else { return Ok(true) };
    if let Some(lives) = Owner::parse(&text).and_then(|owner| owner.lives()) {
        return Ok(lives);
    }
    let Ok(renewed) = fs::metadata(file).and_then(|meta| meta.modified()) else { return Ok(true) };
    Ok(now(file)?.duration_since(renewed).unwrap_or_default() < DEATH)
}

/// The time by the clock of the server that holds the file: clocks of machines differ.
fn now(file: &Path) -> Result<SystemTime, Failure> {
    let probe = temporary(file.parent().unwrap_or(Path::new(".")));
    probe.and_then(|probe| probe.as_file().metadata()?.modified()).map_err(|e| at(file, &e))
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(collado_files::TEMPORARY);
    #[cfg(unix)]
    {
        // Temporary files are private by default; whoever shares the folder has to read this one, as the umask allows.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn at(file: &Path, e: &io::Error) -> Failure {
    Failure::new(format!("{}: {e}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn owners_read_back_and_this_one_lives() {
        let owner = Owner::here();
        assert_eq!(Owner::parse(&owner.text()), Some(owner.clone()));
        assert_eq!(Owner::parse("12-34-a-b").map(|o| o.host), Some("a-b".into()));
        assert_eq!((Owner::parse("x"), Owner::parse("")), (None, None));
        if owner.start != 0 {
            assert_eq!(owner.lives(), Some(true));
            assert_eq!(Owner { start: owner.start + 1, ..owner.clone() }.lives(), Some(false));
            assert_eq!(Owner { host: "elsewhere".into(), ..owner }.lives(), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn claims_can_be_read_by_whoever_may_read_files() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        assert!(Claims::new(root.path().to_owned()).take("t").unwrap());
        File::create(root.path().join("plain")).unwrap();
        let mode = |name: &str| fs::metadata(root.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("t"), mode("plain"));
    }

    #[test]
    fn a_task_has_one_owner_until_it_is_given_back_or_the_owner_dies() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = [(); 2].map(|()| Claims::new(root.path().to_owned()));
        assert!(a.take("t").unwrap() && !b.take("t").unwrap() && is_claimed(root.path(), "t"));
        a.release("t");
        assert!(!is_claimed(root.path(), "t") && b.take("t").unwrap());
        // Of another machine: alive until it has not been renewed for long.
        let file = root.path().join("u");
        fs::write(&file, "1-2-elsewhere").unwrap();
        assert!(!a.take("u").unwrap());
        let long_ago = SystemTime::now() - 2 * DEATH;
        File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
        assert!(a.take("u").unwrap());
        // What is renewed lives on.
        File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
        a.renew();
        let age = SystemTime::now().duration_since(fs::metadata(&file).unwrap().modified().unwrap());
        assert!(age.unwrap_or_default() < DEATH);
    }
}
