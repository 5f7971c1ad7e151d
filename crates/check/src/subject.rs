//! What a proof is about: the network, the criterion, the rows and the statistics.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use collado_files::{Proof, ProofRows};
use collado_models::Network;
use collado_risk::{EmpiricalRisk, Path, Statistics};

use crate::{Error, Result, pass::NAME};

/// The rows that F is the mean over, and the rule for the statistics of batch normalisation.
pub(crate) struct Subject {
    /// The rows of the data.
    pub(crate) rows: Vec<usize>,
    /// Whether statistics are the running ones of the files.
    pub(crate) is_given: bool,
    /// Whether statistics are those of the rows, so that these cannot be taken one by one.
    pub(crate) is_coupled: bool,
}

impl Subject {
    /// What `proof` is about, if that is this risk.
    ///
    /// # Errors
    /// When it is about another network, criterion, rule or number of rows, or about other rows than it says.
    pub(crate) fn new(proof: &Proof, risk: &EmpiricalRisk) -> Result<Self> {
        let header = &proof.header;
        same_risk(risk, &header.network, &header.loss, (header.kappa, &header.regularizer))?;
        let all = risk.data().len();
        let rows = match &header.subset {
            None => {
                compare("rows", &header.rows.to_string(), &all.to_string())?;
                (0..all).collect()
            }
            Some(subset) => evenly_spaced(subset, header.rows, all)?,
        };
        let normalises = risk.network().batch_norms().next().is_some();
        let found = normalises.then(|| risk.statistics().to_string());
        let none = || "none".to_owned();
        let stated = header.statistics.clone().unwrap_or_else(none);
        compare("statistics", &stated, &found.unwrap_or_else(none))?;
        let (is_given, is_coupled) = match normalises {
            true => rule(risk, rows.len(), header.subset.is_some())?,
            false => (false, false),
        };
        Ok(Self { rows, is_given, is_coupled })
    }
}

/// Compares the network and the criterion that a proof states with those of the risk.
pub(crate) fn same_risk(
    risk: &EmpiricalRisk,
    network: &str,
    loss: &str,
    (kappa, regularizer): (f64, &str),
) -> Result<()> {
    let criterion = risk.criterion();
    compare("network", network, &risk.arch().to_string())?;
    compare("loss", loss, &criterion.loss.to_string())?;
    compare("kappa", &kappa.to_string(), &criterion.kappa.to_string())?;
    match criterion.kappa == 0. {
        true => Ok(()),
        false => compare("regularizer", regularizer, &criterion.regularizer.to_string()),
    }
}

/// Compares what a proof states with what is found.
pub(crate) fn compare(what: &'static str, stated: &str, found: &str) -> Result<()> {
    match stated == found {
        true => Ok(()),
        false => Err(Error::Other { what, stated: stated.to_owned(), found: found.to_owned() }),
    }
}

/// The rows $\lfloor i\cdot\text{all}/\text{count}\rfloor$ for i < `count`, if `subset` means those.
fn evenly_spaced(subset: &ProofRows, count: usize, all: usize) -> Result<Vec<usize>> {
    compare("training rows", &subset.of.to_string(), &all.to_string())?;
    compare("rule for rows", &subset.rule, ProofRows::EVENLY_SPACED)?;
    let at_most = format!("1 to {all} rows");
    if count == 0 || count > all {
        return Err(Error::Other { what: "rows", stated: count.to_string(), found: at_most });
    }
    let rows: Vec<usize> = (0..count).map(|i| (i as u128 * all as u128 / count as u128) as usize).collect();
    compare("SHA-256 of the rows", &subset.hash, &ProofRows::hash_of(&rows))?;
    Ok(rows)
}

/// Whether the rule for statistics takes those of the files, and whether it couples the rows. What is proved of the
/// population has its statistics over the very rows that the proof is about.
fn rule(risk: &EmpiricalRisk, rows: usize, subset: bool) -> Result<(bool, bool)> {
    match risk.statistics() {
        Statistics::Interpolate => Ok((true, false)),
        Statistics::Population => {
            let own = Arc::ptr_eq(risk.reference(), risk.data()) && risk.reference_rows().len() == rows;
            if !subset && !own {
                let found = risk.reference_rows().len().to_string();
                return Err(Error::Other { what: "rows for statistics", stated: rows.to_string(), found });
            }
            Ok((false, true))
        }
        Statistics::Train { batch } if batch == 0 || batch >= rows => Ok((false, true)),
        rule => {
            let operation = format!("batch normalisation with the statistics {rule}");
            Err(collado_models::Error::NoRule { analysis: NAME, operation }.into())
        }
    }
}

/// The running statistics of a path's vertices, a row each.
///
/// # Errors
/// When there are none, or a variance is negative.
pub(crate) fn running(path: &Path, risk: &EmpiricalRisk) -> Result<Tensor> {
    let vertices = path.vertices().dims()[0];
    let rows = match (path.buffers(), risk.buffers()) {
        (Some(rows), _) => rows.clone(),
        (None, Some(row)) => row.repeat((vertices, 1))?,
        (None, None) => {
            let stated = "running statistics of each vertex".to_owned();
            return Err(Error::Other { what: "path", stated, found: "none".into() });
        }
    };
    let (found, expected) = (rows.dims2()?, (vertices, risk.network().buffers().len()));
    if found != expected {
        let (stated, found) = (format!("{expected:?}"), format!("{found:?}"));
        return Err(Error::Other { what: "running statistics", stated, found });
    }
    not_negative(risk.network(), &rows)?;
    Ok(rows)
}

fn not_negative(network: &Network, rows: &Tensor) -> Result<()> {
    let rows = rows.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    for (norm, row) in network.batch_norms().flat_map(|norm| rows.iter().map(move |row| (norm, row))) {
        let places = norm.running.as_ref().expect("batch normalisation has running statistics");
        let variances = &row[places.variance.clone()];
        if let Some(channel) = variances.iter().position(|v| !(*v >= 0.)) {
            let (layer, found) = (norm.name.clone(), variances[channel]);
            return Err(Error::NegativeVariance { layer, channel, found });
        }
    }
    Ok(())
}
