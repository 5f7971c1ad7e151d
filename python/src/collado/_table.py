"""Tables of a run folder, column by column."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

Table = dict[str, np.ndarray] | Any
"""Columns by name: a pandas DataFrame where pandas is installed, else a dictionary of NumPy arrays."""


def table(columns: dict[str, list[Any]]) -> Table:
    """A table of columns, each of whole numbers, of numbers, or of texts."""
    arrays = {name: _column(values) for name, values in columns.items()}
    try:
        import pandas
    except ImportError:
        return arrays
    return pandas.DataFrame(arrays)


def read(file: Path) -> Table:
    """The table in a CSV file."""
    with file.open(newline="", encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    return table({name: [row[i] for row in rows] for i, name in enumerate(header)})


def _column(values: list[Any]) -> np.ndarray:
    """Whole numbers, or numbers with NaN where there is none, or else the values as they are."""
    try:
        if all(isinstance(value, (int, str)) for value in values):
            return np.array([int(value) for value in values], dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        return np.array([np.nan if value in ("", None) else float(value) for value in values], dtype=np.float64)
    except (ValueError, TypeError):
        return np.array(values, dtype=object)
