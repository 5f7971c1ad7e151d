//! Errors of machines.

/// The result of an operation of a machine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A launch with arguments of another size than the kernel's, which the emulation finds.
    #[error("kernel {name}: expected one of this machine's, with arguments of {bytes} bytes")]
    Kernel {
        /// The name of the kernel.
        name: String,
        /// The size of its arguments.
        bytes: usize,
    },
    /// A kernel that this machine does not have.
    #[error("kernel {name}: this machine does not have it")]
    Missing {
        /// The name of the kernel.
        name: String,
    },
    /// What the driver says.
    #[error("{what}: {reason}")]
    Driver {
        /// The operation that failed.
        what: String,
        /// The driver's message.
        reason: String,
    },
    /// Accesses of memory that a GPU may order in either way, found by the emulation.
    #[error("a race in {kernel}: {reason}")]
    Race {
        /// The kernel.
        kernel: String,
        /// The accesses; places in the program are for `addr2line`.
        reason: String,
    },
    /// An error of candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
