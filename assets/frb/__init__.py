"""Board of Governors of the Federal Reserve System: H.4.1, H.15, H.10 and G.17, and daylight overdrafts.

**Wire formats.**

* Each release page has its whole history as a zip with one SDMX-ML 1.0 compact file, ``<REL>_data.xml``:
  ``<frb:DataSet id="H41">`` with ``<kf:Series SERIES_NAME="RESPPMA_N.WW" FREQ="19" UNIT="Currency" UNIT_MULT="1000000"
  CURRENCY="USD">`` and in it ``<frb:Obs OBS_STATUS="A" OBS_VALUE="6735609" TIME_PERIOD="2026-07-08" />``. The Data Download
  Program (``/datadownload/Output.aspx?rel=H41&filetype=zip``) serves the same file.
* Average daylight overdrafts: a text table, newest quarter first, ``2023:Q4  $0.93  $0.90  $0.03  $0.90  97%``.

Series ids are the mnemonics under which these series are widely shared (``frb.WALCL``), so that the room and a file of the
user's speak of one series; ``series.yml`` says which of the Board's names each of them is. Of the thousands of series in a
release, those of the catalogue are read.

**Official reference.** https://www.federalreserve.gov/releases/ (the release pages),
https://www.federalreserve.gov/paymentsystems/psr_data.htm (overdrafts)

**Licence.** US government work, public domain.

**Time.** The files date nothing, so a documented rule does (basis ``lag_rule``): H.4.1 on the business day after its Wednesday
at 16:30, H.15 on the next business day at 16:15, H.10 on the Monday after the week (Tuesday where Monday is a federal holiday)
at 16:15. Days before ``rule_since`` are older than what we know the rule to hold for (LOOKAHEAD_RISK). The dollar index is
restated with its weights every year, so all of it is known from the release of its payload's newest day. G.17 has the dates of
the release calendar; overdrafts have no date at all and count from our fetch.

**Traps.**

* A day without a number has the value ``-9999`` and the status ``ND`` or ``NA``; who reads the value reads minus 9,999.
  Holidays are marked so too, and make no row.
* ``.WW`` is the level on Wednesday, ``.W`` the average of the week that ends on it; reserves may differ by 200 billion.
* The unit stands in ``UNIT_MULT``, as ``1000000`` or ``1e+06``; it is multiplied in, so a change of unit changes no number, and
  another kind of unit is refused.
* ``RXI$US_N.B.EU`` is dollars per euro and ``RXI_N.B.JA`` yen per dollar: the catalogue names the direction.
* One series may stand in several data sets of a release (G.17).
* The Program is being retired: its custom packages went in November 2026, the zips on the release pages stay.
* A program that asks without a usual User-Agent has been answered 403.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["OVERDRAFTS_URL", "RELEASES", "ROOM", "release_url"]

RELEASES = {
    "h41": "H.4.1, Factors Affecting Reserve Balances",
    "h15": "H.15, Selected Interest Rates",
    "h10": "H.10, Foreign Exchange Rates",
    "g17": "G.17, Industrial Production and Capacity Utilization",
}
OVERDRAFTS_URL = "https://www.federalreserve.gov/paymentsystems/files/psr_dlodavgqtr.txt"


def release_url(release: str) -> str:
    """Return the address of the whole history of a release, one of ``RELEASES``."""
    return f"https://www.federalreserve.gov/releases/{release}/data/FRB_{release}_xml.zip"


ROOM = Room(
    name="frb",
    title="Federal Reserve Board, statistical releases and daylight overdrafts",
    datasets=(
        *(Dataset(name=name, title=title, content="zip", max_bytes=128 * 1024 * 1024) for name, title in RELEASES.items()),
        Dataset(
            name="overdrafts",
            title="Average daylight overdrafts by quarter, a text table",
            content="text",
            max_bytes=1024 * 1024,
        ),
    ),
    parser_version=1,
    min_interval_seconds=2.0,
)
