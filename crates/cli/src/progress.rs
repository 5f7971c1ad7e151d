use std::{
    io::IsTerminal,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C only asks to stop; a second one ends the program at once.
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

/// Whether someone asked to stop.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// A line on stderr, unless all is to be quiet.
pub(crate) fn say(quiet: bool, text: &str) {
    if !quiet {
        crate::failure::say(&crate::failure::plain(text));
    }
}

/// What a loop tells the share of its work that is done: moves the bar, and answers whether to go on.
pub(crate) fn shares(bar: &ProgressBar) -> impl FnMut(f64) -> bool {
    const PARTS: f64 = 1000.;
    let bar = bar.clone();
    move |share| {
        bar.set_length(PARTS as u64);
        bar.set_position((PARTS * share) as u64);
        !interrupted()
    }
}

/// A bar on stderr, when that is a terminal.
pub(crate) fn bar(name: &str, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg:14} {bar:40.cyan/dim} {percent:>3}%  {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

/// The time that one long call has taken, where nothing tells how far it is.
pub(crate) fn clock(name: &str, quiet: bool) -> ProgressBar {
    let clock = bar(name, quiet);
    if let Ok(style) = ProgressStyle::with_template("{msg:14} {elapsed}") {
        clock.set_style(style);
    }
    clock.enable_steady_tick(Duration::from_millis(500));
    clock
}
