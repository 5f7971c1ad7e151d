//! What `-v`, `-vv` and `COLLADO_LOG` ask for: the spans and events of all crates as lines on stderr.

use std::{env, io::IsTerminal};

use tracing_indicatif::{IndicatifWriter, writer::Stderr};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{self, format::FmtSpan},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{failure::Failure, progress};

/// Says more exactly than `-v` what is shown, as `info,collado_certify=debug`.
const VARIABLE: &str = "COLLADO_LOG";
/// What all crates' names start with.
const CRATES: &str = "collado";

/// From now on the log is shown, where someone asked for it: one line for each span that ends, with the time it took, and
/// for each event.
pub(crate) fn start(verbose: u8) -> Result<(), Failure> {
    let Some(filter) = filter(verbose)? else { return Ok(()) };
    let lines = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        // Bars step aside for each line.
        .with_writer(IndicatifWriter::<Stderr>::new(progress::bars().clone()))
        .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
        .event_format(fmt::format().without_time())
        .with_filter(filter);
    tracing_subscriber::registry().with(lines).init();
    Ok(())
}

/// What is shown; nothing where nobody asks. The variable counts more than the flag.
fn filter(verbose: u8) -> Result<Option<Targets>, Failure> {
    let asked = env::var_os(VARIABLE).filter(|asked| !asked.is_empty());
    if let Some(asked) = asked {
        return parse(&asked.to_string_lossy()).map(Some);
    }
    let level = match verbose {
        0 => return Ok(None),
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    Ok(Some(Targets::new().with_target(CRATES, level)))
}

fn parse(text: &str) -> Result<Targets, Failure> {
    let is_ours = |targets: &Targets| targets.iter().all(|(target, _)| target.starts_with(CRATES));
    text.parse().ok().filter(is_ours).ok_or_else(|| {
        let expected = "expected levels (off, error, warn, info, debug, trace), for all crates or one";
        Failure::usage(format!("{VARIABLE}: {expected}, found '{text}'"))
            .hint(format!("{VARIABLE}=debug or {VARIABLE}=info,collado_certify=debug"))
    })
}
