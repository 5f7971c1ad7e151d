"""The notebook, the script and the page of documentation run from an empty folder."""

import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest

import collado

EXAMPLES = Path(__file__).parents[2] / "examples"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(collado.__file__).parents[1])}


def test_the_notebook_runs_and_shows_its_pictures(folder, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    notebook = nbformat.read(EXAMPLES / "two_minima.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert sum("<img src=" in page for page in pages) == 4
    assert any("barrier.above_ends" in page for page in pages)
    # Bars are gone in the end.
    assert not any("<progress" in page for page in pages)
    assert not [output for output in shown if output["output_type"] == "error"]


def test_the_documentation_shows_what_happens(folder):
    pytest.importorskip("torch")
    failed, tried = doctest.testfile(str(EXAMPLES.parent / "docs" / "python.md"), module_relative=False)
    assert tried > 10 and failed == 0


def test_the_script_for_pytorch_runs(folder):
    pytest.importorskip("torch")
    script = [sys.executable, str(EXAMPLES / "pytorch.py")]
    result = subprocess.run(
        script, check=False, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert "proved" in result.stdout
