//! The two traits by which an analysis says what each operation of a network means to it: [`Algebra`] for the forward
//! pass and [`Reverse`] for the reverse pass.

use std::ops::Range;

use super::{Affine, Embedding, Function, Norm, Op, Pad, Pool, Rearrange, Reduce, Softmax, Source};
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

    /// The rule for several results, one after the other along an `axis` of one example.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn concat(&mut self, axis: usize, _: &[Self::Value]) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Concat(axis)).into())
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

    /// The rule for numbers that are the same for each example.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn source(&mut self, op: &Source) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for a function of each number by itself.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn function(&mut self, f: Function, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Function(f)).into())
    }

    /// The rule for the product, number by number, of two results of the same shape.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn multiply(&mut self, _: Self::Value, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Multiply).into())
    }

    /// The rule for the products of matrices on the last two axes of two results. Their leading axes are the same, or
    /// have one position in one of them.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn matmul(&mut self, _: &Self::Value, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::MatMul).into())
    }

    /// The rule for numbers at other places.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn rearrange(&mut self, op: &Rearrange, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for sums or means over axes.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn reduce(&mut self, op: &Reduce, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for a softmax along an axis.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn softmax(&mut self, op: &Softmax, _: Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }

    /// The rule for rows of a table.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn embedding(&mut self, op: &Embedding, _: &Self::Value) -> Result<Self::Value, Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
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

    /// Takes the derivative at the part `y` of the units of a concatenation along the first axis to the place `x` of the input that lies there.
    /// It is called once for each input.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn concat(&mut self, _y: Range<usize>, _x: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Concat(0)).into())
    }

    /// Takes the derivative at the part `y` of a padding's units that is no padding to the place `x` of its input.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn pad(&mut self, op: &Pad, _y: Range<usize>, _x: Place) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, &Op::Pad(*op)).into())
    }

    /// Takes the derivative at the units `y` of any other operation to the places `x` of its inputs, in their order. A
    /// concatenation along another axis than the first is one of those.
    ///
    /// # Errors
    /// The provided method reports that there is no rule.
    fn other(&mut self, op: &Op, _y: Range<usize>, _x: &[Place]) -> Result<(), Self::Error> {
        Err(Error::no_rule(Self::NAME, op).into())
    }
}
