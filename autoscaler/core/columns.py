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


def left_out() -> Floats:
    """Give the column that was left out, as a default."""
    return NOTHING


def no_codes() -> Codes:
    """Likewise, of codes."""
    return NO_CODES


def no_flags() -> Bools:
    """Likewise, of claims."""
    return NO_FLAGS
