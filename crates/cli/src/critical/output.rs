//! The table and the picture.

use std::path::Path;

use super::{found::CriticalResult, picture};
use crate::{
    failure::Failure,
    files,
    table::{text, write_table},
};

/// Writes `critical.csv` and the picture.
pub(super) fn save(found: &CriticalResult<'_>, folder: &Path) -> Result<(), Failure> {
    table(found, &folder.join("critical.csv"))?;
    files::picture(folder, "critical", &picture::figure(found))
}

fn table(found: &CriticalResult<'_>, file: &Path) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "search",
        "source",
        "seed",
        "epoch",
        "ended",
        "steps",
        "risk",
        "gradient_norm",
        "same_as",
        "index",
        "index_fraction",
        "zero_modes",
        "idle",
        "degenerate",
        "smallest",
        "error",
        "kink",
    ])?;
    for (i, (start, end)) in found.starts.iter().zip(found.ends).enumerate() {
        let epoch = start.epoch.map_or(String::new(), |e| e.to_string());
        let place =
            found.examined[i].as_ref().map_or((end.risk, end.gradient_norm), |p| (p.risk, p.gradient_norm));
        let mut row = vec![i.to_string(), start.source().into(), start.seed.to_string(), epoch];
        row.extend([end.ended.name().into(), end.steps.to_string(), text(place.0), text(place.1)]);
        match (&found.examined[i], found.same[i]) {
            (Some(p), Some(same)) => row.extend([
                same.to_string(),
                p.spectrum.index.to_string(),
                text(p.index_fraction()),
                p.spectrum.zero_modes.to_string(),
                p.idle.to_string(),
                u8::from(p.is_degenerate()).to_string(),
                text(p.smallest()),
                text(p.spectrum.rounding),
                u8::from(p.is_on_kink()).to_string(),
            ]),
            _ => row.extend(vec![String::new(); 9]),
        }
        table.write_record(&row)?;
    }
    write_table(file, table)
}
