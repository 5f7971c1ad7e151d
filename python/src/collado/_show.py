"""How a run is shown: as text, as HTML, as pictures, as curves."""

from __future__ import annotations

import base64
import html as markup
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._display import in_notebook
from ._error import Error

if TYPE_CHECKING:
    from ._run import Run

FIRST = ("method", "end", "barrier", "certified", "ends", "risk", "index", "trace")
"""What is shown before the rest of a summary, which is in alphabetical order."""
PICTURES = ("profile", "history", "tree", "trajectory", "contour", "line", "zoom", "enclosure", "spectrum", "critical")
"""The pictures from which the first one that is there stands for the run."""
ROWS = 12
"""How many records of a list are shown."""


def text(run: Run) -> str:
    """The main numbers, each under the name by which the run has it."""
    rows = [row for name, value in _entries(run.summary) for row in _lines(name, value)]
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"  {name:{width}}  {value}" for name, value in rows]
    return "\n".join([_title(run), *lines, *(f"  note: {note}" for note in _notes(run))])


def html(run: Run) -> str:
    """The picture and the numbers."""
    parts = [f"<p>{markup.escape(_title(run))}</p>"]
    pictures = _pictures(run)
    if pictures:
        parts.append(_image(run.folder / pictures[0]))
    entries = list(_entries(run.summary))
    parts.append(_rows(["", ""], [[name, _value(value)] for name, value in entries if not _is_table(value)]))
    for name, value in entries:
        if _is_table(value):
            parts.append(f"<p><code>{markup.escape(name)}</code></p>{_table(value)}")
    parts += [f"<p>note: {markup.escape(note)}</p>" for note in _notes(run)]
    return "\n".join(parts)


def show(file: Path) -> None:
    """Displays a picture in a notebook; elsewhere prints where it is."""
    if not in_notebook():
        print(file)
        return
    from IPython.display import HTML, display

    display(HTML(_image(file)))


def picture(run: Run, name: str | None) -> str:
    """The file of a picture by its name, or the first picture of the run."""
    pictures = _pictures(run)
    wanted = pictures[0] if name is None and pictures else f"{str(name).removesuffix('.svg')}.svg"
    if wanted not in pictures:
        here = ", ".join(other.removesuffix(".svg") for other in pictures)
        raise Error(
            f"{run.folder}: has no picture" + (f" {name!r}" if name else ""), f"there are {here}" if here else None
        )
    return wanted


def curves(run: Run, ax: Any) -> Any:
    """Draws the profile of a path, the history of a training or a line into Matplotlib axes."""
    name = run.folder.name
    if "profile.csv" in run.files:
        table = run.table("profile")
        (drawn,) = ax.plot(table["t"], table["train_risk"], label=name)
        if run.summary.get("certified"):
            ax.axhspan(run.certified.lo, run.certified.hi, alpha=0.2, color=drawn.get_color())
        ax.set(xlabel="t", ylabel="risk")
    elif "history.csv" in run.files:
        table = run.table("history")
        for seed in sorted(set(table["seed"])):
            rows = table["seed"] == seed
            ax.plot(table["epoch"][rows], table["train_risk"][rows], label=f"{name}, seed {seed}")
        ax.set(xlabel="epoch", ylabel="risk")
    elif run.summary.get("section") == "line":
        table = run.table("grid")
        ax.plot(table["x"], table["risk"], label=name)
        ax.set(xlabel="x", ylabel="risk")
    else:
        raise Error(f"{run.folder}: has no curves to draw, only pictures", "plot() without ax shows them")
    return ax


def _title(run: Run) -> str:
    about = run.summary.get("run") or {}
    data = (about.get("data") or {}).get("spec")
    if data and f"{os.sep}inputs{os.sep}" in data:
        data = "data from memory"
    words = [about.get("command"), about.get("arch"), f"on {data}" if data else None, f"in {run.folder}"]
    title = " ".join(str(word) for word in words if word)
    return title if about.get("status", "finished") == "finished" else f"{title} ({about['status']})"


def _notes(run: Run) -> list[str]:
    notes = run.summary.get("notes")
    return [str(note) for note in notes] if isinstance(notes, list) else []


def _entries(summary: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values of a summary, names as in Python: ``barrier.max``."""
    first = [key for key in FIRST if key in summary] if not prefix else []
    for key in [*first, *(key for key in summary if key not in first)]:
        value, name = summary[key], f"{prefix}{key}"
        if value is None or value == [] or name in ("run", "notes"):
            continue
        if isinstance(value, dict) and not _is_table(value):
            yield from _entries(value, f"{name}.")
        else:
            yield name, value


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A value in one line, or records in a line each."""
    if not _is_table(value):
        yield name, _value(value)
        return
    named = value.items() if isinstance(value, dict) else enumerate(value)
    for key, record in list(named)[:ROWS]:
        row = (f"{part} {_value(record[part])}" for part in record if not isinstance(record[part], (dict, list)))
        yield f"{name}.{key}" if isinstance(value, dict) else f"{name}[{key}]", ", ".join(row)
    if len(value) > ROWS:
        yield name, f"and {len(value) - ROWS} more"


def _is_table(value: Any) -> bool:
    """Whether a value is a list of records, or a dictionary of several."""
    parts = list(value.values()) if isinstance(value, dict) else value
    several = isinstance(parts, list) and len(parts) > (2 if isinstance(value, dict) else 0)
    return several and all(isinstance(part, dict) for part in parts)


def _value(value: Any) -> str:
    if isinstance(value, list):
        short = len(value) <= 4 and not any(isinstance(part, (dict, list)) for part in value)
        return f"[{', '.join(_value(part) for part in value)}]" if short else f"a list of {len(value)}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _pictures(run: Run) -> list[str]:
    found = [name for name in run.files if name.endswith(".svg")]

    def rank(name: str) -> tuple[int, str]:
        stem = Path(name).stem
        return (PICTURES.index(stem) if stem in PICTURES else len(PICTURES), name)

    return sorted(found, key=rank)


def _image(file: Path) -> str:
    """A picture within the page. As an image, whatever a foreign folder holds, it runs no script."""
    content = file.read_bytes()
    title = re.search(rb"<title>(.*?)</title>", content, re.DOTALL)
    alt = title[1].decode("utf-8", "replace") if title else file.stem
    data = base64.b64encode(content).decode()
    described = markup.escape(markup.unescape(alt))
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{described}" style="max-width: 100%; height: auto">'


def _table(value: Any) -> str:
    """The plain values of records, a row each."""
    records = [{"": name} | record for name, record in value.items()] if isinstance(value, dict) else value
    plain = [{key: part for key, part in record.items() if not isinstance(part, (dict, list))} for record in records]
    columns = list(dict.fromkeys(key for record in plain for key in record))
    rows = [[_value(record.get(column, "")) for column in columns] for record in plain[:ROWS]]
    more = f"<p>and {len(records) - ROWS} more</p>" if len(records) > ROWS else ""
    return _rows(columns, rows) + more


def _rows(header: list[str], rows: list[list[str]]) -> str:
    def row(cells: list[str], kind: str) -> str:
        style = 'style="text-align: left"'
        return "<tr>" + "".join(f"<{kind} {style}>{markup.escape(cell)}</{kind}>" for cell in cells) + "</tr>"

    head = f"<thead>{row(header, 'th')}</thead>" if any(header) else ""
    return f"<table>{head}<tbody>{''.join(row(cells, 'td') for cells in rows)}</tbody></table>"
