//! What a library user writes, with `crates/collado` as the one dependency: two minima, a path between them, its barrier,
//! and a proof.

use collado::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = collado::data::digits()?;
    let risk = Arch::relu([64, 32, 32, 10])?.risk(&data.train)?; // loss from the targets, memory by default
    let [a, b] = Trainer::default().epochs(40).minima(&risk, [0, 1])?;
    let path = Curve::bezier(1).connect(&risk, &a, &b)?;
    let barrier = path.profile(&risk, 61)?.barrier();
    let proof = collado::certify(&risk, &path)?; // proof.lo ≤ max F ≤ proof.hi
    println!("above the ends {:.2e}; max F in [{:.6}, {:.6}]", barrier.above_ends, proof.lo, proof.hi);
    Ok(())
}
