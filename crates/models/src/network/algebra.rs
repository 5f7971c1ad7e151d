//! The two traits by which an analysis says what each operation of a network means to it: [`Algebra`] for the forward
//! pass and [`Reverse`] for the reverse pass.

use std::ops::Range;

use super::{Affine, Norm, Op, Pad, Pool};
use crate::{Activation, Error};

/// The rules of one kind of arithmetic for the operations of a network. The arithmetic may be that of plain numbers,
/// tensors, derivatives along a direction or enclosures. An operation without a rule is refused by its name: the
/// provided methods report that.
pub trait Algebra {
    /// The activations of some examples in this arithmetic.
    type Value: Clone;
    /// The error type of the arithmetic, which can express that an operation has no rule.
    type Error: From<Error>;

    /// The name of the analysis in error messages.
    const NAME: &'static str;

    /// The rule for $W*x+b$.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn affine(&mut self, op: &Affine, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for a normalisation.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn norm(&mut self, op: &Norm, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for $\rho(x)$.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn activation(&mut self, rho: Activation, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Activation(rho)).into())
    }

    /// The rule for $\rho(W*x+b)$, where nothing else reads $W*x+b$. The provided method applies the two rules one after
    /// the other; an engine may do both while the numbers are in cache.
    ///
    /// # Errors
    /// The errors of the two rules.
    fn layer(&mut self, op: &Affine, rho: Activation, x: &Self::Value) -> Result<Self::Value, Self::Error> {
        let z = self.affine(op, x)?;
        self.activation(rho, z)
    }

    /// The rule for the largest number or the mean of each window.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn pool(&mut self, op: &Pool, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for a sum of two results.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn add(&mut self, _: Self::Value, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Add).into())
    }

    /// The rule for channels of several results, one result after the other.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn concat(&mut self, _: &[Self::Value]) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Concat).into())
    }

    /// The rule for channels of zeros before and after those of `x`.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn pad(&mut self, op: &Pad, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Pad(*op)).into())
    }

    /// The rule for the same numbers in another `shape` (of one example).
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn reshape(&mut self, _shape: &[usize], _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Reshape).into())
    }
}

/// A place for the derivative with respect to an operation's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The [units](super::Node::units) of the input; none where it is the network's input, whose derivative is not
    /// wanted.
    pub units: Range<usize>,
    /// Whether other operations that read the same input have put their part there already, so that this one is to be
    /// added. Otherwise it is to be written over what is there.
    pub add: bool,
}

/// The rules of one kind of arithmetic for the reverse pass. Each takes the derivative with respect to an operation's
/// result to the derivatives with respect to its inputs. Values lie at their operation's [units](super::Node::units).
/// A reshape needs no rule, as its units are those of its input.
pub trait Reverse {
    /// The error type of the arithmetic, which can express that an operation has no rule.
    type Error: From<Error>;

    /// The name of the analysis in error messages.
    const NAME: &'static str;

    /// Takes the derivative at `op.units` to the place `x` of the map's input.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn affine(&mut self, op: &Affine, _: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// Takes the derivative at `op.units` to the place `x` of the normalisation's input.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn norm(&mut self, op: &Norm, _: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// Takes the derivative with respect to $\rho(z)$ at the units `a` to the place `z`. Where they are the same units,
    /// as they mostly are, it is replaced in place.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn activation(&mut self, rho: Activation, _a: Range<usize>, _z: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Activation(rho)).into())
    }

    /// Both rules for $W\rho(z)+b$, where nothing else reads $\rho(z)$ or z and both are at the units `x`. The provided
    /// method applies one after the other.
    ///
    /// # Errors
    /// The errors of the two rules.
    fn layer(&mut self, op: &Affine, rho: Activation, x: Range<usize>) -> Result<(), Self::Error> {
        self.affine(op, Place { units: x.clone(), add: false })?;
        self.activation(rho, x.clone(), Place { units: x, add: false })
    }

    /// Takes the derivative at the units `y` of a pooling's result to the place `x` of its input.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn pool(&mut self, op: &Pool, _y: Range<usize>, _x: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// Takes the derivative at the units `y` of a sum to one of its terms, at the place `x`. It is called once for each
    /// term.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn add(&mut self, _y: Range<usize>, _x: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Add).into())
    }

    /// Takes the derivative at the part `y` of a concatenation's units to the place `x` of the input that lies there.
    /// It is called once for each input.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn concat(&mut self, _y: Range<usize>, _x: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Concat).into())
    }

    /// Takes the derivative at the part `y` of a padding's units that is no padding to the place `x` of its input.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn pad(&mut self, op: &Pad, _y: Range<usize>, _x: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Pad(*op)).into())
    }
}
