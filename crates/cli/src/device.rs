//! The device on which a command computes.

use candle_core::Device;

use crate::failure::Failure;

/// Parses the name of a device that this program can use.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let number = text
        .strip_prefix("cuda")
        .map(|n| n.strip_prefix(':').map_or(n.is_empty(), |n| n.parse::<u16>().is_ok()));
    match number {
        None if text == "cpu" => Ok(text.into()),
        Some(true) if cfg!(feature = "cuda") => Ok(text.into()),
        Some(true) => Err("built without CUDA; build with --features cuda".into()),
        _ => Err("expected cpu, cuda or cuda:N".into()),
    }
}

/// The device of that name.
pub(crate) fn device(name: &str) -> Result<Device, Failure> {
    let number = match name {
        "cpu" => return Ok(Device::Cpu),
        "cuda" => Some(0),
        _ => name.strip_prefix("cuda:").and_then(|n| n.parse().ok()),
    };
    match number {
        None => Err(Failure::usage(format!("--device: expected cpu, cuda or cuda:N, found '{name}'"))),
        #[cfg(not(feature = "cuda"))]
        Some(_) => {
            Err(Failure::new(format!("--device {name}: built without CUDA"))
                .hint("build with --features cuda"))
        }
        #[cfg(feature = "cuda")]
        Some(n) => collado_risk::gpu(n).map_err(|e| Failure::new(format!("--device {name}: {e}"))),
    }
}
