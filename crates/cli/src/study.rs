use clap::{Args as ClapArgs, Subcommand};
use collado_studies::spurious::{SpuriousRow, SpuriousSettings, outcome, picture, spurious};

use crate::{
    args::{Common, Out},
    failure::Failure,
    folder,
    json::{print, write},
    progress,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    study: Study,
}

#[derive(Debug, Subcommand)]
enum Study {
    /// How often gradient descent ends in spurious minima (planted ReLU teachers).
    #[command(
        after_help = "Example:\n  collado study spurious --k 6,8,10 --extra 0,1,2 --runs 1000 --out runs/spurious"
    )]
    Spurious(SpuriousArgs),
}

#[derive(Debug, ClapArgs)]
struct SpuriousArgs {
    /// Teachers.
    #[arg(long, value_delimiter = ',', default_value = "6,8,10")]
    k: Vec<usize>,
    /// Neurons beyond the teachers.
    #[arg(long, value_delimiter = ',', default_value = "0,1,2")]
    extra: Vec<usize>,
    /// Runs for each k and n.
    #[arg(long, default_value_t = 1000)]
    runs: u64,
    /// A run ends after so many steps.
    #[arg(long, default_value_t = 200_000)]
    max_steps: u64,
    /// Descent ends at this gradient norm.
    #[arg(long, default_value_t = 1e-9)]
    gradient_tolerance: f64,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    common: Common,
}

impl StudyArgs {
    pub(crate) fn threads(&self) -> Option<usize> {
        let Study::Spurious(args) = &self.study;
        args.common.threads
    }
}

/// Runs a study and writes its folder.
pub(crate) fn run(args: &StudyArgs) -> Result<(), Failure> {
    let Study::Spurious(args) = &args.study;
    let folder = folder::create(&args.out, &["result.json", "rows.csv", "spurious.svg", "spurious.png"])?;
    progress::catch_interrupt();
    let bar = progress::bar("spurious", args.common.quiet);
    bar.set_length(1000);
    let settings = SpuriousSettings {
        k: args.k.clone(),
        extra: args.extra.clone(),
        runs: args.runs,
        max_steps: args.max_steps,
        gradient_tolerance: args.gradient_tolerance,
        seed: args.common.seed,
    };
    let rows = spurious(&settings, &mut |share| {
        bar.set_position((1000. * share) as u64);
        !progress::interrupted()
    });
    bar.finish_and_clear();
    let rows = match rows {
        Err(collado_studies::StudyError::Interrupted) => {
            return Err(Failure::interrupted("interrupted; nothing was written"));
        }
        rows => rows.map_err(Failure::new)?,
    };
    let result = outcome(&rows);
    write(&folder.join("result.json"), &result)?;
    collado_models::atomically(&folder.join("rows.csv"), |file| table(&rows, file))?;
    folder::picture(&folder, "spurious", &picture(&rows))?;
    if args.common.json {
        print(&result.to_string());
    } else if !args.common.quiet {
        summary(&rows, result["verdict"].as_str().unwrap_or_default());
    }
    Ok(())
}

fn table(rows: &[SpuriousRow], file: &mut impl std::io::Write) -> std::io::Result<()> {
    writeln!(file, "k,n,runs,spurious,unresolved,rate,low,high,minima")?;
    rows.iter().try_for_each(|r| {
        let [lo, hi] = r.interval();
        let (spurious, unresolved) = (r.spurious, r.unresolved);
        writeln!(
            file,
            "{},{},{},{spurious},{unresolved},{},{lo},{hi},{}",
            r.k,
            r.n,
            r.runs,
            r.rate(),
            r.minima.len()
        )
    })
}

fn summary(rows: &[SpuriousRow], verdict: &str) {
    print("  k   n   spurious %  [95 % interval]  unresolved %  minima  lowest F");
    for r in rows {
        let [lo, hi] = r.interval().map(|x| 100. * x);
        let lowest = r.minima.iter().map(|m| m.risk).fold(f64::NAN, f64::min);
        print(&format!(
            "{:>3} {:>3} {:>12.1}  [{lo:>5.1}, {hi:>5.1}] {:>13.1} {:>7}  {lowest:.4}",
            r.k,
            r.n,
            100. * r.rate(),
            100. * r.unresolved as f64 / r.runs as f64,
            r.minima.len()
        ));
    }
    print(&format!("verdict: {verdict}"));
}
