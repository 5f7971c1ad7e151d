"""What all tests and doctests have: an empty folder to work in, with two ReLU networks trained on the digits."""

import shutil
from pathlib import Path

import pytest

import collado

DATA = Path(__file__).parents[1] / "tests" / "data"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, doctest_namespace):
    for name in ("a", "b"):
        shutil.copy(DATA / f"relu-{name}.safetensors", tmp_path / f"digits-{name}.safetensors")
    monkeypatch.chdir(tmp_path)
    doctest_namespace["collado"] = collado
    return tmp_path
