//! The end of a process with the one that started it, whatever ends that: a pipe between them closes.

use std::io;

/// Where it is set, standard input is the pipe.
pub(crate) const VARIABLE: &str = "COLLADO_END_WITH_STDIN";

/// Ends this process when standard input closes, if it was started so.
pub(crate) fn watch() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    std::thread::spawn(|| {
        // Nobody writes: this waits until the other end is closed.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(1);
    });
}
