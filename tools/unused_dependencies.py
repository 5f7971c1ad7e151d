#!/usr/bin/env python3
"""Names the dependencies that no code mentions, and those that only tests mention but everyone has to compile.

A dependency is used where its name stands as a word in the package's Rust files; nothing else is looked at.
"""
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read(manifest):
    return tomllib.loads(manifest.read_text())


def words(files):
    return {word for file in files for word in re.findall(r"\w+", file.read_text())}


def targets(manifest, kinds):
    """The files that a package names as its targets, and those beside them."""
    named = [target["path"] for kind in kinds for target in read(manifest).get(kind, []) if "path" in target]
    return {file for path in named for file in (manifest.parent / path).parent.rglob("*.rs")}


def elsewhere(files):
    """The files, and their neighbours, that tests include from other folders by #[path = "…"]."""
    included = {file.parent / path for file in files for path in re.findall(r'#\[path = "(.+?)"\]', file.read_text())}
    return {file for path in included for file in path.resolve().parent.rglob("*.rs")}


def unused(manifest):
    package, folder = read(manifest), manifest.parent
    code = words({*(folder / "src").rglob("*.rs"), *targets(manifest, ["bin"])})
    tests = {*(folder / "tests").rglob("*.rs"), *targets(manifest, ["test", "example", "bench"])}
    tests = words(tests | elsewhere(tests))
    for name in package.get("dependencies", {}):
        word = name.replace("-", "_")
        if word not in code:
            yield f"{name} is for tests only" if word in tests else f"{name} is not used"
    for name in package.get("dev-dependencies", {}):
        if name.replace("-", "_") not in code | tests:
            yield f"{name} is not used by tests"


def unused_in_workspace(crates):
    mentioned = {name for crate in crates for kind in ("dependencies", "dev-dependencies") for name in read(crate).get(kind, {})}
    shared = read(ROOT / "Cargo.toml")["workspace"]["dependencies"]
    return [f"{name} is not used by any crate" for name in shared if name not in mentioned]


crates = sorted(ROOT.glob("crates/*/Cargo.toml"))
found = [f"Cargo.toml: {line}" for line in unused_in_workspace(crates)]
for manifest in [*crates, *ROOT.glob("fuzz/Cargo.toml"), *ROOT.glob("tests/*/Cargo.toml")]:
    found += [f"{manifest.relative_to(ROOT)}: {line}" for line in unused(manifest)]
print("\n".join(found) or "every dependency is used")
sys.exit(bool(found))
