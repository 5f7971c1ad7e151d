"""The proof checker in integers confirms what the program proves, and nothing that was changed."""

import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from collado import _program

SCRIPT = pathlib.Path(__file__).parents[2] / "tools" / "check_proof.py"


def run(folder, *words):
    subprocess.run([_program.binary(), *words], cwd=folder, check=True, capture_output=True)


def checked(folder, proof):
    words = [sys.executable, SCRIPT, proof, "path/path.safetensors", "rows.npz"]
    return subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module", params=["relu:4-5-3", "tanh:4-4-3"])
def folder(request, tmp_path_factory):
    """A folder with a small path and its proof."""
    folder = tmp_path_factory.mktemp("proof")
    rng = np.random.default_rng(0)
    np.savez(folder / "rows.npz", x=rng.normal(size=(30, 4)), y=rng.integers(0, 3, 30))
    ends = ["--a", "minima/seed-0.safetensors", "--b", "minima/seed-1.safetensors"]
    run(folder, "train", "--data", "npz:rows.npz", "--arch", request.param, "--kappa", "1e-2", "--epochs", "20", "--seeds", "0..2", "--out", "minima")
    run(folder, "connect", *ends, "--method", "bezier", "--epochs", "20", "--certify", "never", "--out", "path")
    run(folder, "certify", "path", "--tolerance", "1e-2", "--proof", "a.proof")
    return folder


def test_a_proof_is_confirmed(folder):
    result = checked(folder, "a.proof")
    assert result.returncode == 0, result.stderr
    assert "pieces hold" in result.stdout


def test_a_proof_about_some_rows_is_confirmed(folder):
    run(folder, "certify", "path", "--rows", "7", "--tolerance", "1e-2", "--proof", "some.proof")
    assert checked(folder, "some.proof").returncode == 0
    lines = [json.loads(line) for line in (folder / "some.proof").read_text().splitlines()][:-1]
    lines[0]["rows"] = 8
    (folder / "b.proof").write_text(signed(lines))
    assert "other data" in checked(folder, "b.proof").stderr


def signed(lines):
    body = "".join(json.dumps(line) + "\n" for line in lines)
    footer = {"pieces": len(lines) - 1, "sha256": hashlib.sha256(body.encode()).hexdigest()}
    return body + json.dumps(footer) + "\n"


def test_changed_proofs_are_refused(folder):
    text = (folder / "a.proof").read_text()
    lines = [json.loads(line) for line in text.splitlines()][:-1]

    def refused(change, words):
        copy = json.loads(json.dumps(lines))
        change(copy)
        (folder / "b.proof").write_text(signed(copy))
        result = checked(folder, "b.proof")
        assert result.returncode == 1 and words in result.stderr, result.stderr

    refused(lambda p: p[2].update(hi=0.5 * p[2]["hi"]), "piece 2 of")
    refused(lambda p: p.pop(3), "piece 3: there is a gap")
    refused(lambda p: p[0]["claim"].update(lo=p[0]["claim"]["hi"]), "the lower bound")
    refused(lambda p: p[0].update(path="0" * 64), "another path")
    (folder / "b.proof").write_text(text.replace('"hi":1.', '"hi":0.', 2))
    assert "was changed" in checked(folder, "b.proof").stderr
