//! The contents of a file for people.

use super::{
    Kind, Summary,
    coverage::Coverage,
    network::NetworkSummary,
    symmetry::SymmetrySummary,
    tensors::{StatisticsSummary, TensorSummary},
};
use crate::{
    json::print,
    shown::{counted, significant},
};

/// Prints everything.
pub(super) fn show(summary: &Summary) {
    let what = match (&summary.kind, &summary.path) {
        (Kind::Checkpoint, _) => "checkpoint".into(),
        (Kind::Path, Some(path)) => format!("path with {} vertices", path.vertices),
        (Kind::Path, None) => "path".into(),
        (Kind::Graph, _) => "graph file".into(),
        (Kind::Data, _) => "data set".into(),
    };
    print(&format!("{} is a {what}", summary.file));
    print(&format!("hash         {}", summary.hash));
    if let Some(data) = &summary.data {
        print(&format!("rows         {} training, {} test", data.rows, data.test_rows));
        let image = data.image.map_or(String::new(), |image| format!(", images {}", shape(&image)));
        print(&format!("features     {}{image}", data.features));
        let classes: Vec<String> = data.classes.iter().map(|c| format!("{} ({})", c.name, c.rows)).collect();
        print(&format!(
            "targets      {}",
            match classes.len() {
                0 => "values".into(),
                n => format!("{n} classes: {}", list(&classes)),
            }
        ));
    }
    if let Some(network) = &summary.network {
        print(&format!("network      {}", network.arch));
    }
    if let Some(reason) = &summary.no_network {
        print(&format!("network      none: {reason}"));
    }
    for (key, value) in summary.provenance.as_ref().and_then(|p| p.as_object()).into_iter().flatten() {
        if let Some(text) =
            value.as_str().map(str::to_owned).or_else(|| value.as_number().map(ToString::to_string))
        {
            print(&format!("{key:<12} {text}"));
        }
    }
    tensors(&summary.tensors);
    if let Some(network) = &summary.network {
        operations(network);
    }
    if let Some(symmetry) = &summary.symmetry {
        groups(symmetry);
    }
    statistics(&summary.statistics);
    analyses(&summary.analyses);
}

fn tensors(tensors: &[TensorSummary]) {
    let odd: usize = tensors.iter().map(|t| t.nan + t.infinite).sum();
    let warning = if odd > 0 { format!(", {odd} numbers are not finite") } else { String::new() };
    print(&format!("\n{}{warning}", counted(tensors.len(), "tensor")));
    let name = width(tensors.iter().map(|t| t.name.as_str()));
    for t in tensors {
        let range = match (t.min, t.max) {
            (Some(min), Some(max)) => format!("{:>11} to {:<11}", significant(min, 4), significant(max, 4)),
            _ => format!("{:26}", "  no finite number"),
        };
        let counts = [(t.nan, "NaN"), (t.infinite, "infinite")];
        let odd: String =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("  {n} {what}")).collect();
        print(format!("  {:name$}  {:<16} {:<4} {range}{odd}", t.name, shape(&t.shape), t.dtype).trim_end());
    }
}

fn operations(network: &NetworkSummary) {
    let NetworkSummary { parameters, buffers, flops, .. } = network;
    let statistics = if *buffers > 0 { format!(" and {buffers} running statistics") } else { String::new() };
    print(&format!(
        "\n{} with {}{statistics}; {} flops for one example",
        counted(network.operations.len() - 1, "operation"),
        counted(*parameters, "parameter"),
        thousands(*flops)
    ));
    let name = width(network.operations.iter().map(|op| op.operation.as_str()));
    print(&format!(
        "  {:>4}  {:name$}  {:<12} {:<14} {:>10} {:>14}",
        "", "", "reads", "result", "parameters", "flops"
    ));
    for op in &network.operations {
        let reads: Vec<String> = op.reads.iter().map(ToString::to_string).collect();
        let text = format!(
            "  {:>4}  {:name$}  {:<12} {:<14} {:>10} {:>14}",
            op.number,
            op.operation,
            reads.join(", "),
            shape(&op.shape),
            none_if_zero(op.parameters as u64),
            none_if_zero(op.flops)
        );
        print(text.trim_end());
    }
    for (alias, name) in &network.ties {
        print(&format!("  {alias} is the same tensor as {name}"));
    }
}

fn groups(symmetry: &SymmetrySummary) {
    if let Some(reason) = &symmetry.refused {
        print(&format!("\nno symmetry groups: {reason}"));
        return;
    }
    let count = symmetry.groups.len();
    let size = significant(symmetry.permutations_log10, 4);
    print(&format!("\n{} of units that may be permuted, in 10^{size} ways", counted(count, "group")));
    let name = width(symmetry.groups.iter().map(|g| g.name.as_str()));
    for group in &symmetry.groups {
        let scales = if group.scales { "and rescaled  " } else { "              " };
        let tensors: Vec<String> = group.axes.iter().map(|place| place.tensor.clone()).collect();
        print(&format!("  {:name$}  {:>6} units  {scales}{}", group.name, group.size, list(&tensors)));
    }
    for operation in &symmetry.frozen {
        print(&format!("  fixed by {operation}"));
    }
}

fn statistics(all: &[StatisticsSummary]) {
    if all.is_empty() {
        return;
    }
    print("\nrunning statistics of batch normalisation, their ranges over the channels");
    let name = width(all.iter().map(|s| s.layer.as_str()));
    for s in all {
        let range = |range: Option<[f64; 2]>| {
            range.map_or("-".into(), |[low, high]| {
                format!("{} to {}", significant(low, 3), significant(high, 3))
            })
        };
        let batches = s.batches.map_or(String::new(), |n| format!("  after {n} batches"));
        let text = match s.present {
            false => "not in the file".into(),
            true => format!("means {}, variances {}{batches}", range(s.mean), range(s.variance)),
        };
        print(&format!("  {:name$}  {:>5} channels  {text}", s.layer, s.channels));
    }
}

fn analyses(all: &[Coverage]) {
    if all.is_empty() {
        return;
    }
    print("\nwhat can be done with it");
    for Coverage { analysis, commands, covered, lacks } in all {
        let answer = match covered {
            Some(true) => "yes",
            Some(false) => "no ",
            None => "?  ",
        };
        let text = lacks.as_ref().map_or_else(|| format!("({commands})"), Clone::clone);
        print(&format!("  {answer} {analysis:<40} {text}"));
    }
}

/// The longest of some texts, at most 60 characters.
fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0).min(60)
}

fn shape(sizes: &[usize]) -> String {
    if sizes.is_empty() {
        "1".into()
    } else {
        sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
    }
}

/// The first of many words.
fn list(words: &[String]) -> String {
    const SHOWN: usize = 6;
    let more = if words.len() > SHOWN { format!(" and {} more", words.len() - SHOWN) } else { String::new() };
    format!("{}{more}", words[..words.len().min(SHOWN)].join(", "))
}

fn none_if_zero(n: u64) -> String {
    if n == 0 { String::new() } else { thousands(n) }
}

/// A whole number with spaces between thousands.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(" ")
}
