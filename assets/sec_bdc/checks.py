"""The checks that guard the room's landing, before any model reads it."""

from __future__ import annotations

from expectations.sec_bdc import SUITES

__all__ = ["SUITES"]
