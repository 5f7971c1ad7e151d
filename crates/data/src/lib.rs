//! Data sets: rows of inputs with class labels or real targets, and a test split where there is one.
//!
//! [`load`] reads the data set of a name ([`Spec`] has the grammar):
//!
//! | string | rows |
//! |---|---|
//! | `digits` | 1 797 handwritten digits of 8×8 pixels, embedded ([`digits`]) |
//! | `mnist:DIR?normalize=…` | the four IDX files of MNIST, gzipped or not; none are shipped |
//! | `cifar10:DIR?normalize=…`, `cifar100:DIR` | the original files, binary or Python version; none are shipped |
//! | `folder:DIR?split=TRAIN/TEST&test-every=K&channels=1\|3&normalize=…` | PNG and JPEG files in a folder for each class |
//! | `csv:FILE?target=COL&drop=COL&header=true\|false&task=classes\|tokens\|regress&test=FILE` | one row a line, gzipped or not |
//! | `npz:FILE?task=classes\|tokens\|regress&layout=nchw\|nhwc&normalize=…` | arrays `x`, `y` (or `x_train`, `y_train`) and optional `x_test`, `y_test` |
//! | `safetensors:FILE` | the same names and rules |
//! | `synthetic:NAME?key=value&…` | drawn from a seed ([`synthetic_tasks`] lists the names) |
//!
//! All files take `standardize=true`, and those without test rows `test-every=K` or `test-share=P&test-seed=N`.
//!
//! ```
//! let data = collado_data::load("synthetic:teacher?n=100&d=3&test=20")?;
//! assert_eq!((data.train.len(), data.features(), data.outputs()), (100, 3, 1));
//! # Ok::<(), collado_data::Error>(())
//! ```
//!
//! Invariants of every [`Dataset`]: inputs `[N, n0]` and targets are finite, N and n0 are at least 1, labels
//! lie below the class count, both splits agree in features, number type and outputs. Readers trust no file:
//! sizes are checked against the bytes that are there, and shapes against each other, before anything is allocated;
//! numbers are held once; nothing in a file is executed. Text of a file is escaped where it is shown. This crate prints
//! nothing and depends on no other crate of the workspace.

mod array;
mod bytes;
mod cifar;
mod csv;
mod dataset;
mod digits;
mod error;
mod files;
mod folder;
mod hash;
mod idx;
mod images;
mod labels;
mod named;
mod npy;
mod npz;
mod npz_writer;
mod options;
mod pickle;
pub mod range;
mod safetensors;
mod spec;
mod split;
mod synthetic;
mod targets;
mod test_rows;
mod text;

pub use dataset::Dataset;
pub use digits::digits;
pub use error::{Error, Result};
pub use npz_writer::NpzWriter;
pub use spec::{Spec, load};
pub use split::Split;
pub use synthetic::synthetic_tasks;
pub use targets::{MAX_CLASSES, Targets};
