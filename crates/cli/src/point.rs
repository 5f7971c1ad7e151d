use collado_dynamics::Path;
use collado_models::{Checkpoint, PathFile, Provenance};

use crate::{args::PointArgs, failure::Failure, folder};

/// Writes γ(t) as a checkpoint.
pub(crate) fn run(args: &PointArgs) -> Result<(), Failure> {
    let file = PathFile::read(&args.path)?;
    folder::refuse_existing(&args.out, args.force)?;
    let theta = Path::new(file.kind, file.vertices).at(args.t)?;
    let loss = file.provenance.get("loss").and_then(|l| l.as_str()).map(Into::into);
    let mut provenance = Provenance {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        command: std::env::args().collect(),
        loss,
        ..Provenance::default()
    };
    provenance.extra.insert("path".into(), args.path.display().to_string().into());
    provenance.extra.insert("t".into(), crate::json::number(args.t));
    Checkpoint { arch: file.arch, theta, provenance, hash: None }.write(&args.out)?;
    Ok(())
}
