//! Names a network and a way to connect two of its minima.

use collado::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}, joined by {:?}", Arch::relu([64, 64, 10])?, Curve::default());
    Ok(())
}
