//! Draws one picture of each kind: `cargo run --example gallery -- DIR`.

use std::{env, error::Error, fs, path::PathBuf};

use collado_plots::{Figure, History, Profile, Reference, Run, history_figure, profile_figure};

fn profile(mountain: f64, base: f64, errors: f64, direct: bool) -> Figure {
    let t: Vec<f64> = (0..61).map(|i| f64::from(i) / 60.0).collect();
    let sampled = |f: &dyn Fn(f64) -> f64| t.iter().map(|&t| f(t)).collect::<Vec<_>>();
    let bump = |t: f64| (std::f64::consts::PI * t).sin();
    let line = sampled(&|t| base * (1.0 + 0.25 * t) + mountain * bump(t).powi(4));
    let bent = sampled(&|t| base * (1.0 + 0.25 * t + 0.4 * bump(t).powi(2) + 0.08 * (9.0 * t).sin()));
    let risk = if direct { &line } else { &bent };
    let highest = risk.iter().copied().fold(0.0, f64::max);
    let reference = [Reference { label: "straight line", t: &t, risk: &line }];
    profile_figure(&Profile {
        title: "A path without a mountain between two minima",
        subtitle: "relu:64-64-64-10 on digits, Bézier with 1 bend, fitted in 2.1 s",
        t: &t,
        train_risk: risk,
        train_loss: &risk.iter().map(|risk| 0.8 * risk).collect::<Vec<_>>(),
        train_error: &sampled(&|t| errors * 0.004 * bump(t)),
        test_loss: &sampled(&|t| base * (2.4 - 0.2 * t + 1.2 * bump(t).powi(2))),
        test_error: &sampled(&|t| errors * (0.028 + 0.009 * bump(t))),
        references: if direct { &[] } else { &reference },
        knots: &[0.0, 0.25, 0.5, 0.75, 1.0],
        end: "B",
        above_ends: highest - risk[0].max(risk[60]),
    })
}

fn history(seeds: usize, diverge: bool) -> Figure {
    let noise = |i: usize| ((i as f64 * 12.9898).sin() * 43758.5453).fract() / 2.0;
    let epochs: Vec<f64> = (0..=100).map(f64::from).collect();
    let curve = |seed: usize, floor: f64, rate: f64, scale: f64| -> Vec<f64> {
        let value = |(i, epoch): (usize, &f64)| {
            let wobble = 1.0 + 0.25 * noise(101 * seed + i) + 0.5 * noise(seed + 7);
            let lost = diverge && seed == 2 && i > 60;
            if lost { f64::NAN } else { scale * ((-epoch / rate).exp() * 2.3 + floor) * wobble }
        };
        epochs.iter().enumerate().map(value).collect()
    };
    let columns = |floor, rate, scale| -> Vec<Vec<f64>> {
        (0..seeds).map(|seed| curve(seed, floor, rate, scale)).collect()
    };
    let (risk, test) = (columns(0.002, 9.0, 1.0), columns(0.09, 7.0, 1.0));
    let (train_error, test_error) = (columns(0.0, 6.0, 0.35), columns(0.08, 5.0, 0.35));
    let names: Vec<String> = (0..seeds).map(|seed| format!("seed-{seed}")).collect();
    let run = |seed: usize| Run {
        label: &names[seed],
        epochs: &epochs,
        train_risk: &risk[seed],
        test_loss: &test[seed],
        train_error: &train_error[seed],
        test_error: &test_error[seed],
    };
    let runs: Vec<Run<'_>> = (0..seeds).map(run).collect();
    history_figure(&History { title: "Training", subtitle: "digits, sgd, batch 64", runs: &runs })
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    fs::create_dir_all(&directory)?;
    let figures = [
        ("profile-log", profile(1.3, 0.012, 1.0, false)),
        ("profile-linear", profile(0.22, 0.031, 1.0, false)),
        ("profile-regression", profile(0.9, 0.2, f64::NAN, false)),
        ("profile-barrier", profile(0.22, 0.08, 1.0, true)),
        ("history-8", history(8, false)),
        ("history-diverged", history(4, true)),
    ];
    for (name, figure) in figures {
        fs::write(directory.join(format!("{name}.svg")), figure.to_svg()?)?;
        fs::write(directory.join(format!("{name}.png")), figure.to_png()?)?;
    }
    Ok(())
}
