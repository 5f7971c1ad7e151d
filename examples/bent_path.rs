//! Two minima of a small network, the straight line between them, a bent path around the mountain, and a proof.
#![allow(clippy::print_stdout)]

use collado::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado::data::digits()?;
    let risk = Arch::relu([64, 32, 32, 10])?.risk(&data.train)?;
    let [a, b] = Trainer::default().epochs(40).minima(&risk, [0, 1])?;
    for (name, method) in [("line", &Linear as &dyn Connect), ("Bézier", &Curve::bezier(1))] {
        let path = method.connect(&risk, &a, &b)?;
        let barrier = path.profile(&risk, 61)?.barrier();
        let proof = collado::certify(&risk, &path)?;
        println!(
            "{name}: highest risk {:.4} at 61 points, in [{:.4}, {:.4}] for every t; {:.4} above the ends",
            barrier.max, proof.lo, proof.hi, barrier.above_ends
        );
    }
    Ok(())
}
