//! The options of the families for images, and the strings that they are read from.

use std::{fmt, str::FromStr};

use super::Width;
use crate::{Activation, ArchSpec, Error, NormKind, Result};

/// A family of networks for images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// LeNet-5 with max pooling and any activation: two convolutions, three dense layers (LeCun et al. 1998).
    LeNet,
    /// Three convolutions and three dense layers (Garipov et al. 2018).
    ConvFc,
    /// VGG with 11, 13, 16 or 19 layers and one dense layer (Simonyan & Zisserman 2015, as used for CIFAR).
    Vgg(usize),
    /// ResNet for small images with 6n + 2 layers (He et al. 2016, Section 4.2).
    ResNet(usize),
    /// ResNet-18 (He et al. 2016).
    ResNet18,
    /// ResNet-34 (He et al. 2016).
    ResNet34,
    /// WideResNet with 6n + 4 layers (Zagoruyko & Komodakis 2016).
    Wrn {
        /// Number of layers.
        depth: usize,
        /// The factor k of the widths.
        widening: usize,
    },
}

/// The normalisation of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NormChoice {
    /// Batch normalisation.
    Batch,
    /// Layer normalisation over the channels at a pixel.
    Layer,
    /// Group normalisation with that many groups.
    Group(usize),
    /// No normalisation.
    None,
}

/// The way around a block of a ResNet where the number of channels changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shortcut {
    /// A 1×1 convolution and a normalisation.
    Conv1,
    /// A 3×3 convolution and a normalisation.
    Conv3,
    /// Every other pixel, with channels of zeros before and after.
    Pad,
}

/// A family with its options; those that are not stated are left to the data or to the family's defaults.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `width` | 1 | multiplier of all widths | fractions up to 64 |
/// | `norm` | `bn` for ResNets, else `none` | normalisation | `bn`, `ln`, `gn:G`, `none` |
/// | `shortcut` | `conv1` | shortcuts of ResNets | `conv1`, `conv3`, `pad` |
/// | `bias` | `false` for ResNets with normalisation | biases of convolutions (without ResNets: of all layers) | |
/// | `stem` | `large` for ResNet-18 and 34 on images wider than 64 | first convolution: 3×3, or 7×7 with pooling | `small`, `large` |
/// | `activation` | `relu` | activation function | |
/// | `classes` | of the data | number of outputs | |
/// | `input` | of the data | channels, height and width of an image, as `3x32x32` | |
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageSpec {
    family: Family,
    width: Option<Width>,
    norm: Option<NormChoice>,
    shortcut: Option<Shortcut>,
    bias: Option<bool>,
    stem: Option<Stem>,
    activation: Option<Activation>,
    classes: Option<usize>,
    input: Option<[usize; 3]>,
}

/// The first layers of ResNet-18 and 34.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stem {
    /// A 3×3 convolution.
    Small,
    /// A 7×7 convolution with stride 2, and max pooling.
    Large,
}

/// All options of a network.
pub(super) struct Plan {
    pub(super) width: Width,
    pub(super) norm: Option<NormKind>,
    pub(super) shortcut: Shortcut,
    pub(super) bias: bool,
    pub(super) large_stem: bool,
    pub(super) activation: Activation,
    pub(super) classes: usize,
    pub(super) input: [usize; 3],
}

impl Family {
    fn has_shortcuts(self) -> bool {
        !matches!(self, Self::LeNet | Self::ConvFc | Self::Vgg(_))
    }

    fn has_stems(self) -> bool {
        matches!(self, Self::ResNet18 | Self::ResNet34)
    }

    /// The narrowest images that leave something after all pooling.
    fn narrowest(self) -> usize {
        match self {
            Self::LeNet => 12,
            Self::ConvFc => 15,
            _ => 1,
        }
    }
}

impl ImageSpec {
    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The stated shape of an image: channels, height and width.
    pub fn input(&self) -> Option<[usize; 3]> {
        self.input
    }

    /// The stated number of outputs.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// Whether images of this shape leave something after all pooling.
    pub(crate) fn takes(&self, [channels, height, width]: [usize; 3]) -> bool {
        let range = self.family.narrowest()..=LARGEST_IMAGE;
        channels > 0 && range.contains(&height) && range.contains(&width)
    }

    /// The same family with all options stated: those that are open are taken from the images and the number of
    /// outputs, or are the family's defaults.
    pub(crate) fn complete(&self, input: [usize; 3], outputs: usize) -> Self {
        let input = self.input.unwrap_or(input);
        let residual = self.family.has_shortcuts();
        let norm = self.norm.unwrap_or(if residual { NormChoice::Batch } else { NormChoice::None });
        let stem = if input[1] > 64 { Stem::Large } else { Stem::Small };
        Self {
            family: self.family,
            width: self.width.or(Some(Width::ONE)),
            norm: Some(norm),
            shortcut: self.shortcut.or(residual.then_some(Shortcut::Conv1)),
            bias: self.bias.or(Some(!residual || norm == NormChoice::None)),
            stem: self.stem.or(self.family.has_stems().then_some(stem)),
            activation: self.activation.or(Some(Activation::Relu)),
            classes: self.classes.or(Some(outputs)),
            input: Some(input),
        }
    }

    /// The same family where what is open is as in `other`, if that is of the same family.
    pub fn filled_from(&self, other: &Self) -> Self {
        if self.family != other.family {
            return self.clone();
        }
        Self {
            family: self.family,
            width: self.width.or(other.width),
            norm: self.norm.or(other.norm),
            shortcut: self.shortcut.or(other.shortcut),
            bias: self.bias.or(other.bias),
            stem: self.stem.or(other.stem),
            activation: self.activation.or(other.activation),
            classes: self.classes.or(other.classes),
            input: self.input.or(other.input),
        }
    }

    /// The options, each stated or the default.
    pub(super) fn plan(&self) -> Plan {
        let all = self.complete([3, 32, 32], 10);
        let norm = match all.norm.unwrap_or(NormChoice::None) {
            NormChoice::Batch => Some(NormKind::Batch),
            NormChoice::Layer => Some(NormKind::Layer),
            NormChoice::Group(groups) => Some(NormKind::Group(groups)),
            NormChoice::None => None,
        };
        Plan {
            width: all.width.unwrap_or(Width::ONE),
            norm,
            shortcut: all.shortcut.unwrap_or(Shortcut::Conv1),
            bias: all.bias.unwrap_or(true),
            large_stem: all.stem == Some(Stem::Large),
            activation: all.activation.unwrap_or(Activation::Relu),
            classes: all.classes.unwrap_or(10),
            input: all.input.unwrap_or([3, 32, 32]),
        }
    }

    pub(crate) fn activation(&self) -> Activation {
        self.activation.unwrap_or(Activation::Relu)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let known = match name {
            "width" => set(&mut self.width, value.parse().ok()),
            "norm" => set(&mut self.norm, value.parse().ok()),
            "shortcut" if self.family.has_shortcuts() => set(&mut self.shortcut, value.parse().ok()),
            "bias" => set(&mut self.bias, value.parse().ok()),
            "stem" if self.family.has_stems() => set(&mut self.stem, value.parse().ok()),
            "activation" => set(&mut self.activation, value.parse().ok()),
            "classes" => set(
                &mut self.classes,
                value.parse().ok().filter(|n| (1..=crate::arch::MAX_WIDTH).contains(n)),
            ),
            "input" => set(&mut self.input, image(value)),
            _ => return Err(format!("{} has no option '{name}'; expected {}", self.family, self.names())),
        };
        known.then_some(()).ok_or_else(|| format!("{name}: expected {}, found '{value}'", expected(name)))
    }

    fn names(&self) -> String {
        let shortcut = self.family.has_shortcuts().then_some("shortcut");
        let stem = self.family.has_stems().then_some("stem");
        let names = ["width", "norm"].into_iter().chain(shortcut).chain(["bias"]).chain(stem);
        names.chain(["activation", "classes", "input"]).collect::<Vec<_>>().join(", ")
    }
}

/// Images wider than this would not fit into memory.
const LARGEST_IMAGE: usize = 1024;

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let known = value.is_some();
    *place = value;
    known
}

fn image(text: &str) -> Option<[usize; 3]> {
    let sizes: Vec<usize> = text.split('x').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    sizes.try_into().ok().filter(|sizes: &[usize; 3]| sizes.iter().all(|n| (1..=LARGEST_IMAGE).contains(n)))
}

fn expected(name: &str) -> &'static str {
    match name {
        "width" => "a multiplier such as 0.25, 1/3 or 2, up to 64",
        "norm" => "bn, ln, gn:GROUPS or none",
        "shortcut" => "conv1, conv3 or pad",
        "bias" => "true or false",
        "stem" => "small or large",
        "activation" => "the name of an activation function",
        "classes" => "a number from 1 to 1048576",
        _ => "channels, height and width such as 3x32x32, each up to 1024",
    }
}

impl FromStr for ImageSpec {
    type Err = Error;

    /// Reads a family, or a family with options such as `resnet20:width=2,norm=bn`.
    fn from_str(text: &str) -> Result<Self> {
        let error = |reason: String| Error::Arch { spec: text.into(), reason };
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let family = name.parse().map_err(error)?;
        let (width, norm, shortcut, bias, stem) = (None, None, None, None, None);
        let (activation, classes, input) = (None, None, None);
        let mut spec = Self { family, width, norm, shortcut, bias, stem, activation, classes, input };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let (name, value) = option
                .split_once('=')
                .ok_or_else(|| error(format!("option '{option}': expected NAME=VALUE")))?;
            spec.set(name, value).map_err(error)?;
        }
        if let Some(input) = spec.input.filter(|input| !spec.takes(*input)) {
            let least = spec.family.narrowest();
            let found = format!("{}x{}", input[1], input[2]);
            return Err(error(format!(
                "input: expected images of at least {least}x{least} pixels, found {found}"
            )));
        }
        // Whether the options fit together does not depend on what is still open.
        let whole = ArchSpec::from(spec.clone()).with_ends(1, 1);
        spec.complete([3, 32, 32], 10).build(&whole).map_err(|e| error(e.to_string()))?;
        Ok(spec)
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let layers = |prefix: &str| name.strip_prefix(prefix).and_then(|n| n.parse::<usize>().ok());
        if let Some(depth) = layers("resnet") {
            return match depth {
                18 => Ok(Self::ResNet18),
                34 => Ok(Self::ResNet34),
                8..=1202 if depth % 6 == 2 => Ok(Self::ResNet(depth)),
                _ => Err(format!("expected 18, 34 or 6n + 2 layers (8, 14, 20, …), found {depth}")),
            };
        }
        if let Some(depth) = layers("vgg") {
            return match depth {
                11 | 13 | 16 | 19 => Ok(Self::Vgg(depth)),
                _ => Err(format!("expected 11, 13, 16 or 19 layers, found {depth}")),
            };
        }
        if let Some((depth, widening)) = name.strip_prefix("wrn-").and_then(|rest| rest.split_once('-')) {
            return match (depth.parse(), widening.parse()) {
                (Ok(depth @ 10..=1204), Ok(widening @ 1..=64)) if depth % 6 == 4 => {
                    Ok(Self::Wrn { depth, widening })
                }
                _ => Err("expected wrn-DEPTH-WIDENING with 6n + 4 layers, such as wrn-16-4".into()),
            };
        }
        match name {
            "lenet" => Ok(Self::LeNet),
            "convfc" => Ok(Self::ConvFc),
            _ => Err(format!("unknown family; expected one of {NAMES}")),
        }
    }
}

/// The names of the families, for messages.
pub(crate) const NAMES: &str = "lenet, convfc, vgg11, vgg13, vgg16, vgg19, resnetN, wrn-D-K";

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeNet => f.write_str("lenet"),
            Self::ConvFc => f.write_str("convfc"),
            Self::Vgg(layers) => write!(f, "vgg{layers}"),
            Self::ResNet(depth) => write!(f, "resnet{depth}"),
            Self::ResNet18 => f.write_str("resnet18"),
            Self::ResNet34 => f.write_str("resnet34"),
            Self::Wrn { depth, widening } => write!(f, "wrn-{depth}-{widening}"),
        }
    }
}

impl FromStr for NormChoice {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match (name, name.strip_prefix("gn:")) {
            ("bn", _) => Ok(Self::Batch),
            ("ln", _) => Ok(Self::Layer),
            ("none", _) => Ok(Self::None),
            (_, Some(groups)) => groups.parse().ok().filter(|n| *n > 0).map(Self::Group).ok_or(()),
            _ => Err(()),
        }
    }
}

impl fmt::Display for NormChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch => f.write_str("bn"),
            Self::Layer => f.write_str("ln"),
            Self::Group(groups) => write!(f, "gn:{groups}"),
            Self::None => f.write_str("none"),
        }
    }
}

/// Reads and prints the values of an option by their names.
macro_rules! named {
    ($type:ident: $($value:ident = $name:literal),*) => {
        impl FromStr for $type {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name {
                    $($name => Ok(Self::$value),)*
                    _ => Err(()),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$value => $name,)*
                })
            }
        }
    };
}

named!(Shortcut: Conv1 = "conv1", Conv3 = "conv3", Pad = "pad");
named!(Stem: Small = "small", Large = "large");

impl fmt::Display for ImageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = self.input.map(|[c, h, w]| format!("{c}x{h}x{w}"));
        fn option(name: &str, value: &Option<impl fmt::Display>) -> Option<String> {
            value.as_ref().map(|value| format!("{name}={value}"))
        }
        let options = [
            option("width", &self.width),
            option("norm", &self.norm),
            option("shortcut", &self.shortcut),
            option("bias", &self.bias),
            option("stem", &self.stem),
            option("activation", &self.activation),
            option("classes", &self.classes),
            option("input", &input),
        ];
        let options: Vec<String> = options.into_iter().flatten().collect();
        let colon = if options.is_empty() { "" } else { ":" };
        write!(f, "{}{colon}{}", self.family, options.join(","))
    }
}
