//! Compiles the kernels: by nvcc for GPUs, by the C++ compiler for their emulation on the CPU.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command},
};

/// The generations with machine code of their own; PTX for 8.0 serves the others.
const GENERATIONS: [&str; 3] = ["80", "90a", "100"];

fn main() {
    println!("cargo:rerun-if-changed=kernels");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    if env::var_os("CARGO_FEATURE_EMULATION").is_some() {
        emulation(&out);
    }
    if env::var_os("CARGO_FEATURE_CUDA").is_some() {
        cuda(&out);
    }
}

fn emulation(out: &Path) {
    println!("cargo:rerun-if-env-changed=CXX");
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".into());
    // Twice: as they are, and with a call before every access of memory, by which races.cpp looks for races.
    let watched = ["-DVARIANT=watched", "-DWATCHED=1", "-fsanitize=thread", "-g1"];
    let sources: [(&str, &str, &[&str]); 3] = [
        ("plain", "emulation", &["-DVARIANT=plain", "-DWATCHED=0"]),
        ("watched", "emulation", &watched),
        ("races", "races", &[]),
    ];
    let objects = sources.map(|(name, ..)| out.join(format!("{name}.o")));
    let compilers: Vec<_> = sources
        .iter()
        .zip(&objects)
        .map(|((_, source, arguments), object)| {
            let mut command = Command::new(&compiler);
            command.args(["-std=c++17", "-O2", "-fPIC", "-w", "-c"]).args(*arguments);
            command.arg(format!("kernels/{source}.cpp")).arg("-o").arg(object);
            start(&mut command)
        })
        .collect();
    compilers.into_iter().for_each(|child| finish(child, "the emulated kernels"));
    let library = out.join("libcollado_emulation.a");
    _ = fs::remove_file(&library);
    finish(
        start(Command::new("ar").arg("crs").arg(&library).args(&objects)),
        "the library of emulated kernels",
    );
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=collado_emulation");
    println!("cargo:rustc-link-lib=dylib=stdc++");
}

fn cuda(out: &Path) {
    for name in ["NVCC", "CUDA_HOME", "COLLADO_CUDA_ONLY"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let nvcc = env::var("NVCC").unwrap_or_else(|_| match env::var("CUDA_HOME") {
        Ok(home) => format!("{home}/bin/nvcc"),
        Err(_) => "nvcc".into(),
    });
    // For a quick build: one generation only, such as 90a.
    let only = env::var("COLLADO_CUDA_ONLY").ok();
    let compile = |file: String, arguments: &[&str]| {
        let path = out.join(file);
        if only.as_ref().is_some_and(|only| !arguments.iter().any(|a| a.ends_with(&format!("sm_{only}")))) {
            fs::write(&path, "").expect("OUT_DIR can be written to");
            return None;
        }
        let mut command = Command::new(&nvcc);
        command
            .args(["-std=c++17", "-O3", "-w"])
            .args(arguments)
            .arg("-o")
            .arg(path)
            .arg("kernels/kernels.cu");
        Some(start(&mut command))
    };
    let mut running: Vec<_> = GENERATIONS
        .iter()
        .filter_map(|g| {
            let generation = format!("arch=compute_{g},code=sm_{g}");
            compile(format!("kernels_{g}.cubin"), &["-cubin", "-gencode", &generation])
        })
        .collect();
    running.extend(compile("kernels.ptx".into(), &["-ptx", "-arch=compute_80"]));
    running.into_iter().for_each(|child| finish(child, "the kernels"));
}

fn start(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|e| panic!("{:?}: {e}", command.get_program()))
}

fn finish(mut child: Child, what: &str) {
    let status = child.wait().unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(status.success(), "{what} do not compile: {status}");
}
