//! Normalisation of the channels of images, or of the columns of a table.

use candle_core::{D, DType, Tensor};

use crate::options::Options;
use crate::{Error, Result};

/// The constants of `normalize=`: x becomes (x - mean) / std in each channel, in the number type of the inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Normalize {
    mean: Vec<f64>,
    std: Vec<f64>,
}

/// Means and standard deviations of the channels of a known data set, as they are commonly used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constants(pub(crate) &'static [f64], pub(crate) &'static [f64]);

/// MNIST's, as in PyTorch's examples.
pub(crate) const MNIST: Constants = Constants(&[0.1307], &[0.3081]);
/// CIFAR-10's.
pub(crate) const CIFAR10: Constants = Constants(&[0.4914, 0.4822, 0.4465], &[0.2470, 0.2435, 0.2616]);
/// CIFAR-100's.
pub(crate) const CIFAR100: Constants = Constants(&[0.5071, 0.4865, 0.4409], &[0.2673, 0.2564, 0.2762]);

impl Normalize {
    /// Reads `normalize=mean/std`, or `normalize=MEAN,…/STD,…` with a number for each channel or one for all.
    pub(crate) fn parse(options: &Options, constants: Option<Constants>) -> Result<Option<Self>> {
        let Some(text) = options.text("normalize") else { return Ok(None) };
        if let (Some(Constants(mean, std)), "mean/std") = (constants, text) {
            return Ok(Some(Self { mean: mean.to_vec(), std: std.to_vec() }));
        }
        let list = |text: &str| -> Option<Vec<f64>> {
            text.split(',').map(|x| x.parse().ok().filter(|x: &f64| x.is_finite())).collect()
        };
        let read = || {
            let (mean, std) = text.split_once('/')?;
            let (mean, std) = (list(mean)?, list(std)?);
            (std.iter().all(|s| *s > 0.) && mean.len() == std.len()).then_some(Self { mean, std })
        };
        let known = if constants.is_some() { "mean/std for the constants of the set, or " } else { "" };
        let expected = format!("{known}MEANS/STDS, as many of each, the latter > 0");
        read().map(Some).ok_or_else(|| options.error("normalize", expected, text))
    }
}

impl Normalize {
    /// The means and standard deviations of the channels of `rows` `[N, C * pixels]`, and the number of channels that are
    /// constant: they are divided by 1.
    pub(crate) fn fitted(rows: &Tensor, channels: usize) -> Result<(Self, usize)> {
        let (n, features) = rows.dims2()?;
        let width = features / channels;
        let count = (n * width) as f64;
        let channel = |column: usize| column / width;
        let numbers = rows.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let each = || numbers.iter().enumerate().map(|(i, x)| (channel(i % features), x));
        let mut mean = vec![0.; channels];
        each().for_each(|(c, x)| mean[c] += x / count);
        let mut std = vec![0.; channels];
        each().for_each(|(c, x)| std[c] += (x - mean[c]).powi(2) / count);
        // A mean of equal numbers is off by rounding.
        let is_constant = |c: usize| std[c].sqrt() <= 1e-12 * mean[c].abs();
        let constant: Vec<bool> = (0..channels).map(is_constant).collect();
        let std =
            std.iter().zip(&constant).map(|(v, constant)| if *constant { 1. } else { v.sqrt() }).collect();
        Ok((Self { mean, std }, constant.iter().filter(|constant| **constant).count()))
    }
}

/// The images `[N, C * pixels]` with normalised channels.
pub(crate) fn normalized(normalize: Option<&Normalize>, inputs: Tensor, channels: usize) -> Result<Tensor> {
    let Some(Normalize { mean, std }) = normalize else { return Ok(inputs) };
    if mean.len() != 1 && mean.len() != channels {
        let expected = format!("one number, or {channels}, one for each channel");
        return Err(Error::format("normalize", expected, mean.len().to_string()));
    }
    let (n, features) = inputs.dims2()?;
    let row = |values: &[f64]| -> candle_core::Result<Tensor> {
        let of = |c: usize| values[c % values.len()];
        let each: Vec<f64> = (0..channels).map(of).collect();
        Tensor::from_vec(each, (1, channels, 1), inputs.device())?.to_dtype(inputs.dtype())
    };
    let images = inputs.reshape((n, channels, features / channels))?;
    let images = images.broadcast_sub(&row(mean)?)?.broadcast_div(&row(std)?)?;
    Ok(images.flatten_from(D::Minus2)?.contiguous()?)
}
