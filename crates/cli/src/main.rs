//! `collado`: find, follow and draw low-risk paths between minima of neural networks.

mod huge_pages;

#[global_allocator]
static ALLOCATOR: huge_pages::HugePages = huge_pages::HugePages;

fn main() -> std::process::ExitCode {
    collado_cli::run()
}
