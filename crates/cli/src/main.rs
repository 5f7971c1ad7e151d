//! `collado`: find, follow and draw low-risk paths between minima of neural networks.

mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::OrExit = allocator::OrExit;

fn main() -> std::process::ExitCode {
    collado_cli::run()
}
