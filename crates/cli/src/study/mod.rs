//! `collado study`: the claims of the theory as experiments. Each study is a module of `collado_studies`, whose settings
//! are the flags, and has a line in `studies!`.

mod all;
mod flags;
mod headline;
mod page;
mod run;

use clap::{Args as ClapArgs, Subcommand};
use collado_studies::{
    convexity::ConvexitySettings, deep_linear::DeepLinearSettings, descent_paths::DescentPathsSettings,
    gradient_bound::GradientBoundSettings, lazy::LazySettings, level_sets::LevelSetsSettings,
    overparam_gap::OverparamGapSettings, relu_barrier::ReluBarrierSettings, ridge::RidgeSettings,
    single_neuron::SingleNeuronSettings, spin_glass::SpinGlassSettings, spurious::SpuriousSettings,
    star::StarSettings, width::WidthSettings,
};
use serde::Serialize;

use self::{
    all::AllArgs,
    run::{Entry, Run},
};
use crate::{
    args::Common,
    failure::Failure,
    json::{self, print},
};

#[derive(Debug, ClapArgs)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    study: Option<Study>,
    /// List all studies with their claims.
    #[arg(long)]
    list: bool,
    /// Print the result as one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// Declares the commands, and the list that `--list` and `all` go through.
macro_rules! studies {
    ($($(#[$guarantee:meta])* $name:ident($settings:ty)),* $(,)?) => {
        #[derive(Debug, Subcommand)]
        enum Study {
            $($(#[$guarantee])* $name(Box<Run<$settings>>),)*
            /// Run every study, each in its folder, and write a page that shows them.
            #[command(after_help = "Example:\n  collado study all --quick --out runs/studies")]
            All(Box<AllArgs>),
        }

        impl Study {
            fn common(&mut self) -> &mut Common {
                match self {
                    $(Self::$name(args) => &mut args.common,)*
                    Self::All(args) => &mut args.common,
                }
            }

            fn run(&self) -> Result<(), Failure> {
                match self {
                    $(Self::$name(args) => args.run(),)*
                    Self::All(args) => all::run(args, ALL),
                }
            }
        }

        const ALL: &[Entry] = &[$(Entry::of::<$settings>()),*];
    };
}

studies! {
    /// Example 1.20: a midpoint of risk 1/2 between two networks of risk 0, and a sequence without a limit.
    #[command(after_help = "Example:\n  collado study convexity --out runs/convexity")]
    Convexity(ConvexitySettings),
    /// Proposition 1: connected level sets, and local minima that are not global.
    #[command(after_help = "Example:\n  collado study level-sets --levels 500 --out runs/level-sets")]
    LevelSets(LevelSetsSettings),
    /// Paths to the global minimum on which F never rises, and a network without them.
    #[command(after_help = "Example:\n  collado study descent-paths --neurons 9,18 --out runs/descent-paths")]
    DescentPaths(DescentPathsSettings),
    /// Deep linear networks: no bad minima, and explicit paths between any two points.
    #[command(after_help = "Example:\n  collado study deep-linear --arch linear:6-8-8-3 --out runs/deep-linear")]
    DeepLinear(DeepLinearSettings),
    /// Deep linear networks with the regulariser ‖θ‖²: from three layers on, 0 is a local minimum.
    #[command(after_help = "Example:\n  collado study ridge --depths 2,3,4 --kappa 0.15 --out runs/ridge")]
    Ridge(RidgeSettings),
    /// One centre that is joined straight to many points, and two pieces between two minima.
    #[command(after_help = "Examples:\n  collado study star --depths 2,3,4 --outputs 1,3 --points 2,4 --out runs/star-study\n  collado study star --missing 1 --out runs/too-narrow")]
    Star(StarSettings),
    /// One ReLU neuron whose level sets are disconnected, proved, and how that depends on the data.
    #[command(after_help = "Example:\n  collado study relu-barrier --y=1,-2,1 --other-y=0,0,1 --out runs/relu-barrier")]
    ReluBarrier(ReluBarrierSettings),
    /// Height above two minima of two-layer ReLU networks that a path needs, against the width.
    #[command(after_help = "Example:\n  collado study overparam-gap --inputs 2 --widths 4,8,16 --pairs 10 --out runs/gap")]
    OverparamGap(OverparamGapSettings),
    /// One logistic neuron with exponentially many local minima.
    #[command(after_help = "Example:\n  collado study single-neuron --dims 1,2,3 --per-dim 3 --out runs/neuron")]
    SingleNeuron(SingleNeuronSettings),
    /// Critical points of the spherical p-spin glass: energy against index.
    #[command(after_help = "Example:\n  collado study spin-glass --p 3 --size 40 --starts 200 --out runs/spin-glass")]
    SpinGlass(SpinGlassSettings),
    /// Rates at which gradient descent ends in spurious minima (planted ReLU teachers).
    #[command(after_help = "Example:\n  collado study spurious --k 6,8,10 --extra 0,1,2 --runs 1000 --out runs/spurious")]
    Spurious(SpuriousSettings),
    /// Two-layer ReLU networks on real data: hit rates and barriers against the width.
    #[command(after_help = "Example:\n  collado study width --data digits --widths 2,8,32 --out runs/width")]
    Width(WidthSettings),
    /// The gradient of wide networks is at least c n/m times the risk: the constant, and where it holds.
    #[command(after_help = "Example:\n  collado study gradient-bound --neurons 256,1024 --examples 16,64 --out runs/gradient-bound")]
    GradientBound(GradientBoundSettings),
    /// Kernel, exponential convergence and lazy training against the width.
    #[command(after_help = "Example:\n  collado study lazy --widths 64,256,1024 --out runs/lazy")]
    Lazy(LazySettings),
}

/// What `--list --json` prints.
#[derive(Serialize)]
struct List {
    studies: &'static [Entry],
}

impl StudyArgs {
    pub(crate) fn common(&mut self) -> Option<&mut Common> {
        self.study.as_mut().map(Study::common)
    }
}

/// Runs a study and writes its folder, or lists them.
pub(crate) fn run(args: &StudyArgs) -> Result<(), Failure> {
    match &args.study {
        Some(study) => study.run(),
        None if args.json => {
            print(&json::value(&List { studies: ALL }).to_string());
            Ok(())
        }
        None => {
            ALL.iter().for_each(|entry| print(&format!("{:<15} {}", entry.name, entry.claim)));
            Ok(())
        }
    }
}
