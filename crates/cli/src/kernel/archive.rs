//! The kernels, one after another, into `kernel.npz`.

use std::{collections::BTreeMap, fs::File, io::BufWriter, path::PathBuf, time::Instant};

use collado_data::NpzWriter;
use collado_landscape::{Kernel, KernelSpectrum, Outputs, SpectrumSettings, WidthLimit};

use super::{
    args::{KernelArgs, OutputsName},
    bounds::bounds,
    input::KernelInput,
    report::{KernelSummary, Report},
};
use crate::{failure::Failure, progress};

/// The file of all kernels.
pub(super) fn file(args: &KernelArgs) -> PathBuf {
    args.out.out.join("kernel.npz")
}

fn unwritten(args: &KernelArgs, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", file(args).display()))
}

/// Computes the kernels one after another; each is written and analysed before the next one takes its memory.
pub(super) fn kernels(
    args: &KernelArgs,
    input: &KernelInput,
    file: &mut BufWriter<File>,
) -> Result<Report, Failure> {
    let start = Instant::now();
    let (tangent, m) = (&input.tangent, input.tangent.examples());
    let mut archive = KernelArchive { npz: NpzWriter::new(file), args, kernels: Vec::new() };
    let failed = |e| unwritten(args, &e);
    archive.npz.integers("rows", &input.rows).map_err(failed)?;
    archive.npz.array("outputs", &[m, tangent.outputs().len() / m], tangent.outputs()).map_err(failed)?;
    let outputs = if args.outputs == OutputsName::Each { Outputs::Each } else { Outputs::Mean };
    let limit = WidthLimit::new(tangent.arch(), args.init, &input.inputs);
    if tangent.jacobian().is_some() {
        args.common.note("no infinite-width limit: it is known for chains of dense layers");
    }
    let mut distances = BTreeMap::new();
    let last = archive.add("last_layer", || Ok(tangent.last_layer()))?;
    let bounds = bounds(input, &last, archive.kernels[0].spectrum.min.value)?;
    if let Ok(limit) = &limit {
        let off = last.distance(&limit.last_layer) / limit.last_layer.norm();
        distances.insert("last_layer", off);
    }
    drop(last);
    let ntk = archive.add("ntk", || Ok(tangent.kernel(outputs)))?;
    if let Ok(limit) = limit {
        if ntk.size() == m {
            distances.insert("ntk", ntk.distance(&limit.tangent) / limit.tangent.norm());
        }
        archive.add("ntk_limit", || Ok(limit.tangent))?;
        archive.add("last_layer_limit", || Ok(limit.last_layer))?;
        archive.add("nngp", || Ok(limit.covariance))?;
    }
    drop(ntk);
    for (k, layer) in tangent.layers().iter().enumerate().filter(|_| args.by_layer) {
        archive.add(&format!("ntk_{layer}"), || Ok(tangent.layer(k, outputs)?))?;
    }
    archive.npz.finish().map_err(failed)?;
    Ok(Report { kernels: archive.kernels, bounds, distances, seconds: start.elapsed().as_secs_f64() })
}

/// The archive that kernels are written to.
struct KernelArchive<'a> {
    npz: NpzWriter<&'a mut BufWriter<File>>,
    args: &'a KernelArgs,
    kernels: Vec<KernelSummary>,
}

impl KernelArchive<'_> {
    fn add(
        &mut self,
        name: &str,
        compute: impl FnOnce() -> Result<Kernel, Failure>,
    ) -> Result<Kernel, Failure> {
        let start = Instant::now();
        let kernel = compute()?;
        let computed = start.elapsed().as_secs_f64();
        if progress::interrupted() {
            return Err(Failure::interrupted("interrupted; nothing is written"));
        }
        let settings =
            SpectrumSettings { dense: self.args.dense, seed: self.args.common.seed, ..Default::default() };
        let spectrum = KernelSpectrum::new(&kernel, &settings)?;
        let seconds = [computed, start.elapsed().as_secs_f64() - computed];
        let failed = |e| unwritten(self.args, &e);
        self.npz.array(name, &[kernel.size(), kernel.size()], kernel.as_slice()).map_err(failed)?;
        if let Some(all) = &spectrum.eigenvalues {
            self.npz.array(&format!("{name}_eigenvalues"), &[all.len()], all).map_err(failed)?;
        }
        let (name, size, trace) = (name.into(), kernel.size(), kernel.trace());
        self.kernels.push(KernelSummary { name, size, spectrum, trace, seconds });
        Ok(kernel)
    }
}
