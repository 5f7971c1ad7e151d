"""Sweeps through the package."""

import pytest

import collado

FILE = """
[train]
arch = "relu:64-4-10"
seeds = "0..2"
epochs = 1
[connect]
method = "linear"
align = ["none", "weights"]
"""


def test_a_sweep_gives_tables_and_goes_on(tmp_path):
    (tmp_path / "small.toml").write_text(FILE)
    run = collado.sweep(tmp_path / "small.toml", out=tmp_path / "sweep", quiet=True)
    # The row of the training has no barrier.
    assert sum(value >= 0 for value in run.table("table")["barrier.above_ends"]) == 2
    assert run.tasks == 3
    again = collado.sweep(tmp_path / "small.toml", out=tmp_path / "sweep", quiet=True)
    assert list(again.table("means")["mean"]) == list(run.table("means")["mean"])


def test_a_wrong_file_is_refused(tmp_path):
    (tmp_path / "wrong.toml").write_text("[train]\nepohcs = 3\n")
    with pytest.raises(collado.Error, match="unknown key 'epohcs'"):
        collado.sweep(tmp_path / "wrong.toml", out=tmp_path / "sweep", quiet=True)
