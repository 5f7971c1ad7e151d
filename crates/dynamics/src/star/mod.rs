//! Stars: one centre that is joined straight to many minima (Lin, Li & Wu 2024, docs/theory.md §15).

mod equations;
mod learned;
mod linear;

pub use self::{
    learned::LearnedStar,
    linear::{LinearCentre, LinearGoal, LinearStar},
};
