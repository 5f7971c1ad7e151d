"""What all tests and doctests have: an empty folder to work in, with the two minima of the digits."""

import shutil
from pathlib import Path

import pytest

import collado

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, doctest_namespace):
    for name in ("digits-a.safetensors", "digits-b.safetensors"):
        shutil.copy(CHECKPOINTS / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    doctest_namespace["collado"] = collado
    return tmp_path
