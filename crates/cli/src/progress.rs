//! Progress bars, and the handling of Ctrl-C.

use std::{
    io::IsTerminal,
    ops::ControlFlow,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use collado_risk::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C only ask the program to stop; a second Ctrl-C ends the program at once.
#[allow(clippy::print_stderr)]
pub(crate) fn catch_interrupt() {
    // Without the handler Ctrl-C ends the program at once: worse, but not wrong.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        if std::io::stderr().is_terminal() {
            eprintln!("\nstopping after this step, with what is finished saved; Ctrl-C again stops at once");
        }
    });
}

/// Whether Ctrl-C was pressed.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Prints a line on stderr, unless `quiet`.
pub(crate) fn say(quiet: bool, text: &str) {
    if !quiet {
        crate::failure::say(&crate::failure::plain(text));
    }
}

/// `Break` once someone has asked to stop.
pub(crate) fn flow() -> ControlFlow<()> {
    if interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Moves a bar as far as a loop has come, and stops the loop when someone has asked for it.
pub(crate) fn shares(bar: &ProgressBar) -> impl Progress {
    const PARTS: f64 = 1000.;
    let bar = bar.clone();
    move |share: f64| {
        bar.set_length(PARTS as u64);
        bar.set_position((PARTS * share) as u64);
        flow()
    }
}

/// All bars: the lines of the log make them step aside.
pub(crate) fn bars() -> &'static MultiProgress {
    static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &BARS
}

/// A progress bar on stderr, if that is a terminal.
pub(crate) fn bar(name: &str, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    } else {
        bars().add(bar.clone());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg:14} {bar:40.cyan/dim} {percent:>3}%  {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

/// A clock on stderr that shows the elapsed time of a call whose progress is not known.
pub(crate) fn clock(name: &str, quiet: bool) -> ProgressBar {
    let clock = bar(name, quiet);
    if let Ok(style) = ProgressStyle::with_template("{msg:14} {elapsed}") {
        clock.set_style(style);
    }
    clock.enable_steady_tick(Duration::from_millis(500));
    clock
}
