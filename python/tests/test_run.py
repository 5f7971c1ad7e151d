"""Run folders as objects, and what a call leaves behind."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import collado
from collado import _files
from collado._inputs import Inputs

ENDS = ("digits-a.safetensors", "digits-b.safetensors")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of each command, in one folder."""
    folder = tmp_path_factory.mktemp("runs")
    ends = [str(Path(__file__).parents[2] / "checkpoints" / name) for name in ENDS]
    path = collado.connect(*ends, method="linear", out=folder / "line")
    train = collado.train("relu:64-6-10", seeds=range(2), epochs=2, out=folder / "train")
    collado.levelset(train, method="linear", out=folder / "levelset")
    collado.landscape.line(ends[0], points=5, out=folder / "section")
    collado.landscape.plane(ends[0], points=5, out=folder / "plane")
    collado.kernel(train.folder / "seed-0.safetensors", examples=10, out=folder / "kernel")
    collado.certify(path, tolerance=0.1, out=folder / "proof")
    return folder


def test_the_attributes_are_the_summary(made):
    run = collado.load(made / "line")
    summary = json.loads((made / "line" / "summary.json").read_text())
    assert run.barrier.above_ends == summary["barrier"]["above_ends"]
    assert run.method == "linear" and run.attempts[0].method == "linear"
    assert "barrier" in dir(run) and "above_ends" in dir(run.barrier)
    with pytest.raises(AttributeError, match="no 'barier' in the summary, but .*barrier"):
        _ = run.barier
    with pytest.raises(AttributeError, match="no 'high' here, but above_chord, above_ends"):
        _ = run.barrier.high


def test_fields_that_this_version_does_not_know_are_there_too(made, tmp_path):
    folder = tmp_path / "newer"
    shutil.copytree(made / "line", folder)
    summary = json.loads((folder / "summary.json").read_text())
    summary |= {"end": "b-up-to-symmetry", "barriers": {"population": {"max": "inf"}, "interpolate": {"max": 1.5}}}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "attempts.csv").write_text("attempt,t,train_risk\nlinear,0,0.5\nlinear,1,nan\n")
    run = collado.load(folder)
    assert run.end == "b-up-to-symmetry" and run.barriers.population.max == np.inf
    assert "b-up-to-symmetry" in repr(run) and "barriers.population.max" in repr(run)
    attempts = run.table("attempts")
    assert list(attempts["attempt"]) == ["linear", "linear"] and np.isnan(attempts["train_risk"][1])


def test_tables_are_arrays_where_pandas_is_not_installed(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    profile = collado.load(made / "line").profile
    assert isinstance(profile, dict) and profile["t"].dtype == np.float64
    assert list(profile["t"]) == [i / 60 for i in range(61)]
    history = collado.load(made / "train").table("history")
    assert history["seed"].dtype == np.int64 and list(history["epoch"]) == [0, 1, 2, 0, 1, 2]


def test_tables_are_data_frames_where_pandas_is_installed(made):
    pandas = pytest.importorskip("pandas")
    profile = collado.load(made / "line").profile
    expected = pandas.read_csv(made / "line" / "profile.csv")
    pandas.testing.assert_frame_equal(profile, expected, check_dtype=False, rtol=1e-14)


def test_states_are_arrays_where_pytorch_is_not_installed(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    run = collado.load(made / "line")
    start, whole = run.point(0), run.state("path")
    assert all(np.array_equal(start[name], whole[name][0]) for name in start)


def test_every_kind_of_run_has_text_html_and_a_picture(made, capsys):
    for folder in sorted(made.iterdir()):
        run = collado.load(folder)
        text, html = repr(run), run._repr_html_()
        assert str(folder) in text and "<table>" in html
        assert re.search(r'<img src="data:image/svg\+xml;base64,[A-Za-z0-9+/=]+" alt="[^"]{5,}"', html), folder
        run.plot()
        assert Path(capsys.readouterr().out.strip()).suffix == ".svg"


def test_what_a_foreign_folder_says_is_escaped(made, tmp_path):
    folder = tmp_path / "foreign"
    shutil.copytree(made / "line", folder)
    summary = json.loads((folder / "summary.json").read_text()) | {"method": "<script>alert(1)</script>"}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "profile.svg").write_text("<svg><title>&quot; onload=&quot;x</title><script>alert(2)</script></svg>")
    html = collado.load(folder)._repr_html_()
    assert "<script" not in html and 'onload="' not in html


def test_curves_are_drawn_into_axes(made):
    pytest.importorskip("matplotlib").use("svg")
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    run = collado.load(made / "line")
    assert run.plot(ax=ax) is ax
    assert np.array_equal(ax.lines[0].get_ydata(), run.profile["train_risk"])
    for name, lines in (("train", 2), ("section", 1)):
        _, ax = pyplot.subplots()
        assert len(collado.load(made / name).plot(ax=ax).lines) == lines
    with pytest.raises(collado.Error, match="no curves"):
        collado.load(made / "plane").plot(ax=ax)
    pyplot.close("all")


def test_pictures_tables_and_states_that_are_not_there_are_named(made):
    run = collado.load(made / "plane")
    with pytest.raises(collado.Error, match="no picture 'contours'\nhint: there are contour, surface"):
        run.plot("contours")
    with pytest.raises(collado.Error, match="profile.csv: no such file\nhint: there are grid"):
        _ = run.profile
    with pytest.raises(collado.Error, match="expected the folder of a run"):
        collado.load(made)
    with pytest.raises(collado.Error, match="no such folder"):
        collado.load(made / "nothing")


def test_errors_are_those_of_the_program(folder):
    with pytest.raises(collado.Error) as error:
        collado.connect("a.pt", "b.pt", data="digits")
    assert error.value.message == "a.pt: no such file" and error.value.run is None
    with pytest.raises(collado.Error) as error:
        collado.connect(*ENDS, metod="neb")
    assert error.value.hint == "a similar argument exists: '--method'"
    assert not list((folder / "runs").iterdir())


def test_a_missed_target_is_an_error_with_the_run(made):
    with pytest.raises(collado.Error, match="the target is 1.000e-9") as error:
        collado.connect(*ENDS, method="linear", target=1e-9, certify="never", out="missed")
    assert error.value.run.barrier.above_ends > 0.3
    assert "missed" in str(error.value)


def test_to_resume_takes_the_folder(folder):
    with pytest.raises(TypeError, match="resume: expected with out="):
        collado.connect(*ENDS, resume=True)


def test_missing_the_default_target_is_a_warning(folder):
    with pytest.warns(UserWarning, match="barrier above the ends: .* the target is"):
        run = collado.connect(*ENDS, bends=1, epochs=1, lr=1e-9, certify="never")
    assert run.folder == Path("runs/connect-1") and run.barrier.above_ends > 0


def test_results_are_not_overwritten(folder):
    settings = {"method": "linear", "certify": "never", "out": "one"}
    first = collado.connect(*ENDS, **settings)
    with pytest.raises(collado.Error, match="exists already") as error:
        collado.connect(*ENDS, **settings)
    assert error.value.run is None
    assert collado.connect(*ENDS, **settings, resume=True).barrier == first.barrier
    assert collado.connect(*ENDS, **settings, force=True).barrier == first.barrier


def test_a_folder_that_was_there_is_never_removed(folder):
    (folder / "mine").mkdir()
    x, y = np.ones((4, 2)), np.array([0, 1, 0])
    with pytest.raises(collado.Error, match="expected 4 rows"):
        collado.train("relu:2-2-2", data=(x, y), out="mine")
    assert (folder / "mine").is_dir()
    with pytest.raises(collado.Error, match="expected 4 rows"):
        collado.train("relu:2-2-2", data=(x, y), out="new")
    assert not (folder / "new").exists()


def test_data_in_memory_are_what_the_program_reads(folder):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype("f4"), rng.integers(0, 2, 40)
    np.savez("data.npz", x=x, y=y, x_test=x[:9], y_test=y[:9])
    settings = {"epochs": 2, "quiet": True}
    file = collado.train("relu:3-4-2", data="npz:data.npz", **settings)
    memory = collado.train("relu:3-4-2", data=(x, y), test=(x[:9], y[:9]), **settings)
    lists = collado.train("relu:3-4-2", data=(x.tolist(), y.tolist()), test=(x[:9], y[:9]), dtype="f32", **settings)
    assert file.run.data.hash == memory.run.data.hash
    assert file.runs == memory.runs
    assert lists.runs[0].risk == pytest.approx(file.runs[0].risk, rel=1e-6)


@pytest.mark.parametrize(
    "data, reason",
    [
        ((np.ones(3),), "expected \\(x, y\\).*found 1 parts"),
        (np.ones(3), "expected \\(x, y\\).*found ndarray"),
        (([[1, 2], [3]], [0, 1]), "x of data: expected an array or a tensor"),
        ((np.ones((2, 2)), np.array(["cat", "dog"])), "y of data: expected numbers, found ndarray of <U3"),
    ],
)
def test_other_data_are_type_errors(data, reason):
    with pytest.raises(TypeError, match=reason):
        collado.train("relu:2-2-2", data=data)


def test_state_dicts_come_back_from_files_as_they_were(folder):
    rng = np.random.default_rng(0)
    state = {
        "f8": rng.normal(size=(2, 3)),
        "f4": rng.normal(size=(3, 1)).astype(">f4"),
        "f2": np.ones(5, "f2"),
        "i8": np.arange(4).reshape(2, 2).T,
        "scalar": np.float32(2),
        "empty": np.zeros((0, 3), "f4"),
        "flag": np.array([True, False]),
    }
    file = Path(Inputs(folder / "inputs").checkpoint(state, "a"))
    found, metadata = _files.read(file)
    assert metadata == {"format": "pt"} and list(found) == list(state)
    for name, value in state.items():
        assert np.array_equal(found[name], value) and found[name].shape == np.shape(value)
    safetensors = pytest.importorskip("safetensors.numpy")
    assert all(np.array_equal(value, state[name]) for name, value in safetensors.load_file(file).items())


def test_damaged_files_are_errors(folder):
    for content in (b"", b"\xff" * 40, (8).to_bytes(8, "little") + b"{}      ", (4).to_bytes(8, "little") + b"null"):
        Path("x.safetensors").write_bytes(content)
        try:
            assert _files.read(Path("x.safetensors"))[0] == {}
        except collado.Error as error:
            assert "expected a safetensors file" in str(error)
