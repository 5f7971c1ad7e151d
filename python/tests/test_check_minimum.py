"""The checker of minima in integers confirms what the program proves, and nothing that was changed."""

import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from collado import _program

SCRIPT = pathlib.Path(__file__).parents[2] / "tools" / "check_minimum.py"


def run(folder, *words):
    subprocess.run([_program.binary(), *words], cwd=folder, check=True, capture_output=True)


def checked(folder, *words):
    command = [sys.executable, SCRIPT, *words]
    return subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)


NETWORKS = [("tanh:2-3-1", "squared"), ("softplus:2-2-2", "cross-entropy"), ("logistic:2-2-2", "logistic")]


@pytest.fixture(scope="module", params=NETWORKS, ids=[name for name, _ in NETWORKS])
def folder(request, tmp_path_factory):
    """A folder with the proof of the minimum of a small network."""
    folder = tmp_path_factory.mktemp("minimum")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 2))
    y = np.tanh(x[:, :1]) if request.param[1] == "squared" else rng.integers(0, 2, 12)
    np.savez(folder / "rows.npz", x=x, y=y)
    options = ["--loss", request.param[1], "--kappa", "0.02", "--dtype", "f64"]
    training = ["--optimizer", "lbfgs", "--batch", "0", "--epochs", "300"]
    run(folder, "train", "--data", "npz:rows.npz", "--arch", request.param[0], *options, *training, "--out", "t")
    run(folder, "certify-minimum", "t/seed-0.safetensors", "--proof", "a.proof")
    return folder


FILES = ["t/seed-0.safetensors", "rows.npz"]


def test_a_proof_is_confirmed(folder):
    result = checked(folder, "a.proof", *FILES)
    assert result.returncode == 0, result.stderr
    assert "the proof holds" in result.stdout


def changed_is_refused(folder, lines, change, words, *files):
    """Changes a proof, signs it anew, and sees that it is refused with these words."""
    copy = json.loads(json.dumps(lines))
    change(copy)
    body = "".join(json.dumps(line) + "\n" for line in copy)
    footer = {"lines": len(copy) - 1, "sha256": hashlib.sha256(body.encode()).hexdigest()}
    (folder / "b.proof").write_text(body + json.dumps(footer) + "\n")
    result = checked(folder, "b.proof", *files)
    assert result.returncode == 1 and words in result.stderr, result.stderr


def test_changed_proofs_are_refused(folder):
    text = (folder / "a.proof").read_text()
    lines = [json.loads(line) for line in text.splitlines()][:-1]
    radius = lines[0]["claim"]["radius"]

    refused = lambda change, words: changed_is_refused(folder, lines, change, words, *FILES)

    claim = lambda p: p[0]["claim"]
    refused(lambda p: p[1].__setitem__(0, p[1][0] + 3 * radius), "Krawczyk")
    refused(lambda p: p.__setitem__(2, [0.0] * len(p[2])), "Krawczyk")
    refused(lambda p: claim(p).update(F=[claim(p)["F"][0]] * 2), "could not be confirmed")
    refused(lambda p: claim(p)["hessian"].update(at_least=1.5 * claim(p)["hessian"]["at_least"]), "eigenvalues")
    refused(lambda p: claim(p)["hessian"].update(shift=claim(p)["hessian"]["shift"] + 9), "eigenvalues")
    refused(lambda p: p[0]["risk"].update(checkpoint="0" * 64), "another checkpoint")
    refused(lambda p: p[0]["risk"].update(kappa=0.03), "Krawczyk")
    (folder / "b.proof").write_text(text.replace("1", "2", 40))
    assert "was changed" in checked(folder, "b.proof", *FILES).stderr


def test_a_spurious_minimum_is_confirmed(tmp_path):
    run(tmp_path, "certify-minimum", "--k", "7", "--proof", "seven.proof")
    result = checked(tmp_path, "seven.proof")
    assert result.returncode == 0, result.stderr


def test_all_minima_of_a_neuron_are_confirmed_and_changed_ones_are_not(tmp_path):
    run(tmp_path, "certify-minimum", "--dims", "2", "--per-dim", "3", "--proof", "a.proof")
    result = checked(tmp_path, "a.proof")
    assert result.returncode == 0 and "3^2 strict local minima" in result.stdout, result.stderr
    lines = [json.loads(line) for line in (tmp_path / "a.proof").read_text().splitlines()][:-1]

    refused = lambda change, words: changed_is_refused(tmp_path, lines, change, words)

    refused(lambda p: p[1].update(at=p[1]["at"] * (1 + 1e-4)), "Krawczyk")
    refused(lambda p: p[1].update(radius=1e-19), "Krawczyk")
    refused(lambda p: p[1].update(radius=0.0), "Krawczyk")
    refused(lambda p: p[1].update(radius=-1e-5), "Krawczyk")
    refused(lambda p: p[2].update(inverse=0.0), "Krawczyk")
    refused(lambda p: p[2].update(curvature=1.001 * p[2]["curvature"]), "curvature")
    refused(lambda p: p[2].update(curvature=0.0), "curvature")
    refused(lambda p: p[3].update(F=[p[3]["F"][0], p[3]["F"][1] - 1e-9]), "could not be confirmed")
    refused(lambda p: p[0]["claim"].update(F=[p[0]["claim"]["F"][0] + 1e-9, 1.0]), "not in that of the claim")
    refused(lambda p: p[0]["claim"].update(minima="3^3"), "another number of minima")
    refused(lambda p: p[0]["neuron"].update(dims=3), "another number of minima")
    refused(lambda p: (p[0]["neuron"].update(dims=2.5), p[0]["claim"].update(minima="3^2.5")), "another number of minima")
    refused(lambda p: (p[0]["neuron"].update(dims=0), p[0]["claim"].update(minima="3^0")), "another number of minima")
    refused(lambda p: p[0]["neuron"].update(ratio=10.01), "Krawczyk")
    refused(lambda p: p.pop(2), "another number of minima")
    refused(lambda p: p.__setitem__(3, p[2]), "above the one before")
    refused(lambda p: p.__setitem__(slice(1, 4), p[3:0:-1]), "above the one before")
    (tmp_path / "b.proof").write_text((tmp_path / "a.proof").read_text().replace("0.0", "0.1", 1))
    assert "was changed" in checked(tmp_path, "b.proof").stderr
