//! The two traits by which an analysis says what each operation of a network means to it: [`Algebra`] for the forward
//! pass and [`Reverse`] for the reverse pass.

use std::ops::Range;

use super::{Affine, Op};
use crate::{Activation, Error};

/// The rules of one kind of arithmetic for the operations of a network. The arithmetic may be that of plain numbers,
/// tensors, derivatives along a direction or enclosures. An operation without a rule is refused by its name.
pub trait Algebra {
    /// The activations of some examples in this arithmetic.
    type Value: Clone;
    /// The error type of the arithmetic, which can express that an operation has no rule.
    type Error: From<Error>;

    /// The name of the analysis in error messages.
    const NAME: &'static str;

    /// The rule for $Wx+b$.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn affine(&mut self, op: &Affine, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for $\rho(x)$.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn activation(&mut self, rho: Activation, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Activation(rho)).into())
    }

    /// The rule for $\rho(Wx+b)$, where nothing else reads $Wx+b$. The provided method applies the two rules one after
    /// the other; an engine may do both while the numbers are in cache.
    ///
    /// # Errors
    /// The errors of the two rules.
    fn layer(&mut self, op: &Affine, rho: Activation, x: &Self::Value) -> Result<Self::Value, Self::Error> {
        let z = self.affine(op, x)?;
        self.activation(rho, z)
    }
}

/// The rules of one kind of arithmetic for the reverse pass. Each takes the derivative with respect to an operation's
/// result to the derivatives with respect to its inputs. Values lie at their operation's [units](super::Node::units).
pub trait Reverse {
    /// The error type of the arithmetic, which can express that an operation has no rule.
    type Error: From<Error>;

    /// The name of the analysis in error messages.
    const NAME: &'static str;

    /// Takes the derivative at `op.units` to that at the units `x` that the map reads. Nothing is to be done where it
    /// reads the network's input, which has no units.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn affine(&mut self, op: &Affine, _: Range<usize>) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// Replaces the derivative with respect to $\rho(z)$ by that with respect to $z$, in place.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn activation(&mut self, rho: Activation, _: Range<usize>) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Activation(rho)).into())
    }

    /// Both rules for $W\rho(x)+b$, where nothing else reads $\rho(x)$. The provided method applies one after the
    /// other.
    ///
    /// # Errors
    /// The errors of the two rules.
    fn layer(&mut self, op: &Affine, rho: Activation, x: Range<usize>) -> Result<(), Self::Error> {
        self.affine(op, x.clone())?;
        self.activation(rho, x)
    }
}
