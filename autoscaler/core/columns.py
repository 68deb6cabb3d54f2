"""The types of columns, one number for each function."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = NDArray[np.uint8]

NOTHING: Floats = np.empty(0)
"""A column that was left out."""

NO_CODES: Codes = np.empty(0, np.uint8)
"""Likewise, of codes."""

NO_FLAGS: Bools = np.empty(0, np.bool_)
"""Likewise, of claims."""


def true_at(column: np.ndarray) -> Ints:
    """Give the positions at which a column is true, or not 0: `np.flatnonzero`, which is four times as slow where they are few."""
    return column.nonzero()[0]


def is_among(rows: Ints, some: Ints) -> Bools:
    """Tell which rows are among some others: of none no row is, which needs no search."""
    return np.isin(rows, some) if some.size else np.zeros(len(rows), np.bool_)


def with_rows(rows: Ints, more: Ints) -> Ints:
    """Give rows and more of them, each once. All are ascending; a few more need no sort of all."""
    at = np.searchsorted(rows, more)
    if rows.size:
        is_new = rows.take(at, mode="clip") != more
        at, more = at.compress(is_new), more.compress(is_new)
    return np.insert(rows, at, more)


def left_out() -> Floats:
    """Give the column that was left out, as a default."""
    return NOTHING


def no_codes() -> Codes:
    """Likewise, of codes."""
    return NO_CODES


def no_flags() -> Bools:
    """Likewise, of claims."""
    return NO_FLAGS
