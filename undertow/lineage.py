"""What each signal is made from: which series, and which of their periods. The twin, for readers, of the signal models.

The models know this as SQL; a reader of a published build needs it to explain a number. A test recomputes the
``inputs_hash`` of published rows from what stands here, so the two cannot part unnoticed. Add a line when a domain adds
signals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LINEAGE", "Lineage", "lineage_of"]


@dataclass(frozen=True)
class Lineage:
    """The inputs of one signal.

    A window of ``months`` reaches ``length`` months back from the signal's own month and the value uses its two ends; a
    window of ``days`` is the last ``length`` days on which every series of ``series`` has a value, and the value uses
    the series of ``uses`` on all of them.
    """

    signal_id: str
    series: tuple[str, ...]
    window: Literal["months", "days"]
    length: int
    hashed: tuple[str, ...]  # the columns of an input row that its digest covers
    uses: tuple[str, ...] = ()  # a part of ``series``; all where empty


def _rates(*currencies: str) -> tuple[str, ...]:
    return tuple(f"ecb.EXR.D.{currency}.EUR.SP00.A" for currency in currencies)


_LEVEL = ("series_id", "period_start", "known_at", "value", "obs_status", "flag_mask")
_RATE = ("series_id", "period_start", "known_at", "value")
_G10 = _rates("USD", "JPY", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK")

LINEAGE: tuple[Lineage, ...] = (
    *(
        Lineage(f"inflation.cpi_{aggregate}_{name}", (f"bls.CU{survey}R0000{item}",), "months", months, _LEVEL)
        for aggregate, item in (("all", "SA0"), ("core", "SA0L1E"))
        for name, months, survey in (("1m", 1, "S"), ("2m_change", 2, "S"), ("3m", 3, "S"), ("6m", 6, "S"), ("12m", 12, "U"))
    ),
    Lineage("fx.usd_majors_index", _G10, "days", 1, _RATE, _rates("USD", "JPY", "GBP", "CAD", "SEK", "CHF")),
    Lineage("fx.realised_vol_21d", _G10, "days", 22, _RATE, _rates("USD", "JPY", "GBP", "CHF", "CAD", "AUD")),
    Lineage("fx.absorption_ratio_g10", _G10, "days", 501, _RATE),
    Lineage("fx.mean_pairwise_corr_g10_63d", _G10, "days", 64, _RATE),
)


def lineage_of(signal_id: str) -> Lineage | None:
    """Return the lineage of a signal, or None where nothing is written down."""
    return next((lineage for lineage in LINEAGE if lineage.signal_id == signal_id), None)
