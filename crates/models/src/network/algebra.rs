use std::ops::Range;

use super::{Affine, Op};
use crate::{Activation, Error};

/// What one kind of arithmetic does at each operation of a network: plain numbers, tensors, derivatives along a
/// direction, enclosures. An operation without a rule is refused by its name.
pub trait Algebra {
    /// The activations of some examples.
    type Value: Clone;
    /// Errors of the arithmetic; they can say that an operation has no rule.
    type Error: From<Error>;

    /// What the analysis is called in errors.
    const NAME: &'static str;

    /// $Wx+b$.
    ///
    /// # Errors
    /// Provided: that there is no rule.
    fn affine(&mut self, op: &Affine, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// $\rho(x)$.
    ///
    /// # Errors
    /// Provided: that there is no rule.
    fn activation(&mut self, rho: Activation, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Activation(rho)).into())
    }

    /// $\rho(Wx+b)$, where nothing else reads $Wx+b$. Provided: one after the other; an engine may do both while the
    /// numbers are in cache.
    ///
    /// # Errors
    /// Those of the two.
    fn layer(&mut self, op: &Affine, rho: Activation, x: &Self::Value) -> Result<Self::Value, Self::Error> {
        let z = self.affine(op, x)?;
        self.activation(rho, z)
    }
}

/// What one kind of arithmetic does at each operation on the way back: from the derivative with respect to its result
/// to those with respect to what it reads. Values lie at their operation's [units](super::Node::units).
pub trait Reverse {
    /// Errors of the arithmetic; they can say that an operation has no rule.
    type Error: From<Error>;

    /// What the analysis is called in errors.
    const NAME: &'static str;

    /// From the derivative at `op.units` to that at the units `x` that it reads; nothing is to be done where it reads
    /// the network's input, which has no units.
    ///
    /// # Errors
    /// Provided: that there is no rule.
    fn affine(&mut self, op: &Affine, _: Range<usize>) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// From the derivative after ρ to that before it, in place.
    ///
    /// # Errors
    /// Provided: that there is no rule.
    fn activation(&mut self, rho: Activation, _: Range<usize>) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Activation(rho)).into())
    }

    /// Both for $W\rho(x)+b$, where nothing else reads $\rho(x)$. Provided: one after the other.
    ///
    /// # Errors
    /// Those of the two.
    fn layer(&mut self, op: &Affine, rho: Activation, x: Range<usize>) -> Result<(), Self::Error> {
        self.affine(op, x.clone())?;
        self.activation(rho, x)
    }
}
