use std::{
    fs,
    io::{self, Write},
};

use collado_files::{atomically, file_hash};
use collado_models::{Activation, Arch};

use crate::support::{checkpoint, file, message};

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let (dir, path) = file("out.txt");
    fs::write(&path, "old").unwrap();
    let result = atomically(&path, |out| {
        out.write_all(&[b'x'; 100_000])?;
        Err(io::Error::other("the disk is full"))
    });
    assert_eq!(message(&path, result), "out.txt: the disk is full");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    atomically(&path, |out| out.write_all(b"new")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_written() {
    let (dir, _) = file("");
    let missing = dir.path().join("no/c.safetensors");
    let arch = Arch::dense(Activation::Relu, &[3, 2], true).unwrap();
    let written = checkpoint(arch, candle_core::DType::F32);
    let expected =
        format!("c.safetensors: the directory '{}' does not exist", dir.path().join("no").display());
    assert_eq!(message(&missing, written.write(&missing)), expected);
    let folder = dir.path().join("d.safetensors");
    fs::create_dir(&folder).unwrap();
    let expected = "d.safetensors: is a directory, expected a file name";
    assert_eq!(message(&folder, written.write(&folder)), expected);
    for name in ["c", "c.ckpt", "c.safetensors.bak"] {
        let path = dir.path().join(name);
        let expected = format!("{name}: expected a name that ends in .safetensors, .pt or .pth");
        assert_eq!(message(&path, written.write(&path)), expected);
    }
    let inside = dir.path().join("file/c.safetensors");
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(message(&inside, written.write(&inside)).starts_with("c.safetensors: "));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[cfg(unix)]
#[test]
fn links_devices_and_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let (dir, path) = file("real");
    fs::write(&path, "old").unwrap();
    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    atomically(&link, |out| out.write_all(b"new")).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"new");

    // As a file that is simply created.
    let plain = dir.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |p| fs::metadata(p).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&plain));

    let null = std::path::Path::new("/dev/null");
    assert_eq!(message(null, atomically(null, |_| Ok(()))), "null: is not a regular file");
}

#[test]
fn hashes_are_those_of_sha256sum() {
    let (_dir, path) = file("abc");
    fs::write(&path, "abc").unwrap();
    // FIPS 180-2, appendix B.1.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(file_hash(&path).unwrap(), expected);
}
