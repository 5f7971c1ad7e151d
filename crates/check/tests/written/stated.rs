//! What files of proofs state of a risk.

use collado_files::ProofData;
use collado_risk::EmpiricalRisk;

/// The fields that proofs along a path and proofs of minima have in common.
pub struct Stated {
    pub data: ProofData,
    pub rows: usize,
    pub network: String,
    pub loss: String,
    pub kappa: f64,
    pub regularizer: String,
}

impl Stated {
    pub fn of(risk: &EmpiricalRisk) -> Self {
        let criterion = risk.criterion();
        Self {
            data: ProofData { spec: String::new(), hash: String::new() },
            rows: risk.data().len(),
            network: risk.arch().to_string(),
            loss: criterion.loss.to_string(),
            kappa: criterion.kappa,
            regularizer: criterion.regularizer.to_string(),
        }
    }
}
