//! `collado inspect`: what is in a file of tensors or a data set, and what can be done with it.

mod analyses;
mod coverage;
mod data;
mod network;
mod picture;
mod print;
mod symmetry;
mod tensors;

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use collado_files::{Listing, ReadOptions};
use serde::Serialize;
use serde_json::Value;

use self::{
    coverage::Coverage,
    data::DataSummary,
    network::NetworkSummary,
    symmetry::SymmetrySummary,
    tensors::{StatisticsSummary, TensorSummary, statistics},
};
use crate::{
    args::{Common, NetworkArgs},
    failure::{Failure, with_flags},
    files, json, place,
    record::RunStatus,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct InspectArgs {
    /// A checkpoint, a path, a graph file or a folder of a run; or a data set, as --data of other commands names it.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Picture of the network's operations: a file that ends in .svg or .png.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite an existing picture.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What is in a file.
#[derive(Serialize)]
struct Summary {
    kind: Kind,
    file: String,
    /// SHA-256 of the file, or the hash of the data's content.
    hash: String,
    tensors: Vec<TensorSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<DataSummary>,
    /// The kind of a path and its knots.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathSummary>,
    network: Option<NetworkSummary>,
    /// Why no network was found.
    no_network: Option<String>,
    symmetry: Option<SymmetrySummary>,
    statistics: Vec<StatisticsSummary>,
    analyses: Vec<Coverage>,
    provenance: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Checkpoint,
    Path,
    Graph,
    Data,
}

/// The path in a file.
#[derive(Serialize)]
struct PathSummary {
    vertices: usize,
    #[serde(flatten)]
    kind: Value,
}

/// Lists what is in a file.
pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    args.common.on_cpu("files are inspected")?;
    if let Some(out) = &args.out {
        picture::check(out)?;
        files::refuse_existing(out, args.force)?;
    }
    let summary = match data::spec(&args.file) {
        Some(spec) => of_data(args, &spec?)?,
        None => of_tensors(args, &place(&args.file)?)?,
    };
    let common = &args.common;
    common.show(&common.run.describe(&summary, RunStatus::Finished), || print::show(&summary));
    if let Some(out) = &args.out
        && !common.json
        && !common.quiet
    {
        json::print(&format!("picture      {}", out.display()));
    }
    Ok(())
}

/// The file that is meant: a folder's path, or its only checkpoint.
fn place(file: &Path) -> Result<PathBuf, Failure> {
    match place::path(file) {
        path if path.is_file() => Ok(path),
        _ => place::checkpoint(file),
    }
}

fn of_data(args: &InspectArgs, spec: &collado_data::Spec) -> Result<Summary, Failure> {
    if args.out.is_some() {
        return Err(Failure::usage("--out: there is a picture of networks, not of data"));
    }
    let set = spec.load()?;
    set.notes.iter().for_each(|note| args.common.note(with_flags(note)));
    let (tensors, data) = data::summary(&set)?;
    Ok(Summary {
        kind: Kind::Data,
        file: args.file.display().to_string(),
        hash: set.hash.clone(),
        tensors,
        data: Some(data),
        path: None,
        network: None,
        no_network: None,
        symmetry: None,
        statistics: Vec::new(),
        analyses: Vec::new(),
        provenance: None,
    })
}

fn of_tensors(args: &InspectArgs, file: &Path) -> Result<Summary, Failure> {
    let NetworkArgs { key, layers, .. } = &args.network;
    let (key, layers) = (key.clone(), layers.clone());
    let options = ReadOptions { arch: args.network.spec(&args.common)?, key, layers };
    let listing = Listing::read(file, &options)?;
    listing.notes.iter().for_each(|note| args.common.note(with_flags(note)));
    args.common.run.file(file, Some(&listing.hash));
    let found = listing.network.as_ref().ok().map(collado_models::Arch::network);
    if let (Some(out), Some(network)) = (&args.out, &found) {
        picture::write(out, network)?;
    } else if let (Some(_), Err(reason)) = (&args.out, &listing.network) {
        let message = with_flags(&reason.to_string());
        return Err(
            Failure::new(message).hint("without a network there is no picture of it: leave out --out")
        );
    }
    let symmetry = found.as_ref().map(SymmetrySummary::new);
    let analyses = found.as_ref().map(|network| coverage::all(network, listing.provenance.as_ref()));
    Ok(Summary {
        kind: match (&listing.path, listing.graph) {
            (Some(_), _) => Kind::Path,
            (None, true) => Kind::Graph,
            (None, false) => Kind::Checkpoint,
        },
        file: file.display().to_string(),
        statistics: found.as_ref().map_or_else(Vec::new, |network| statistics(network, &listing.tensors)),
        path: listing.path.map(|kind| PathSummary { vertices: listing.points, kind }),
        hash: listing.hash,
        tensors: listing.tensors.into_iter().map(TensorSummary::from).collect(),
        data: None,
        network: found.as_ref().map(NetworkSummary::new),
        no_network: listing.network.err().map(|reason| with_flags(&reason.to_string())),
        symmetry,
        analyses: analyses.unwrap_or_default(),
        provenance: listing.provenance,
    })
}
