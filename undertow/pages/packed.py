"""Columns of whole numbers and of floats in few characters: transposed bytes, gzip, Base64. ``packed.js`` reads them.

Numbers of a column differ in their low bytes, so all first bytes lie together, then all second ones: what is nearly constant
takes nearly nothing.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["MISSING", "NONE", "fixed", "packed", "steps"]

NONE = -(2**31)  # stands for no number in a column of whole numbers
MISSING = np.nan


def packed(columns: Sequence[NDArray]) -> str:
    """Return columns of one length; each is of 32-bit whole numbers or floats.

    Raises:
        ValueError: a column has another type or length.
    """
    parts = []
    for column in columns:
        if column.dtype not in (np.int32, np.float32) or len(column) != len(columns[0]):
            raise ValueError("columns are of 32 bits a number and of one length")
        little = np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"), copy=False))
        parts.append(np.ascontiguousarray(little.view(np.uint8).reshape(-1, 4).T).tobytes())
    return base64.b64encode(gzip.compress(b"".join(parts), 9, mtime=0)).decode()


def steps(numbers: NDArray) -> NDArray:
    """Return whole numbers as differences to the one before.

    Raises:
        ValueError: a difference takes more than 32 bits.
    """
    found = np.diff(numbers, prepend=0)
    if len(found) and np.abs(found).max() > 2**31 - 1:
        raise ValueError("a step is too large for 32 bits")
    return found.astype(np.int32)


def fixed(numbers: NDArray, decimals: int) -> NDArray:
    """Return floats as whole numbers of their last decimal, ``NONE`` where there is none.

    Raises:
        ValueError: a number is too large for 32 bits.
    """
    scaled = np.rint(numbers * 10.0**decimals)
    is_missing = np.isnan(scaled)
    if (np.abs(scaled[~is_missing]) >= 2**31).any():
        raise ValueError("a number is too large for 32 bits")
    return np.where(is_missing, NONE, scaled).astype(np.int64).astype(np.int32)
