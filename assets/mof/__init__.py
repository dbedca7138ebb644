"""Ministry of Finance of Japan: daily yields of Japanese government bonds at constant maturities, 1 to 40 years.

**Wire format.** Two CSV files with one layout: ``historical/jgbcme_all.csv`` has every day up to the end of the month before,
``jgbcme.csv`` the days of this month; only both together are the whole curve. A title row (``Interest Rate,,,...,(Unit : %)``),
the header ``Date,1Y,2Y,...,10Y,15Y,20Y,25Y,30Y,40Y``, then one line a day, oldest first: dates without padding (``2025/5/2``),
percent with three decimals, ``-`` where a maturity has no yield, CRLF. The file of this month ends with a footnote in Japanese,
encoded in Shift-JIS.

Series ids are the maturities as the header names them: ``mof.jgb.10Y``.

**Official reference.**
https://www.mof.go.jp/english/policy/jgbs/reference/interest_rate/index.htm

**Licence.** Free with attribution, under the terms of use of the ministry's site.

**Time.** The yields of a day come out on the next business day in Tokyo. The ministry's own notices of April and May 2025 are
of 09:30 there, so that hour is taken from April 2025 on (basis ``lag_rule``). For earlier days the end of the next business day
is taken, an upper bound (KNOWN_LATE). Before September 1999 our calendar of holidays differs from the days with yields, so the
bound may be a day too early (LOOKAHEAD_RISK).

**Traps.**

* The bytes are UTF-8 until the footnote: who decodes strictly loses the file of this month.
* A holiday has no line. A line without a yield, or with nothing but zeros, goes to quarantine; a single yield of zero is a
  number (2016), and so is a negative one.
* ``-`` before the first day of a maturity is no missing number, so no row is made from it; after it, it is one.
* Saturdays were business days until 1989 and have yields.
* The Japanese file ``jgbcm.csv`` writes days in the years of an era and is not read.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["HISTORY_URL", "MONTH_URL", "ROOM"]

BASE_URL = "https://www.mof.go.jp/english/policy/jgbs/reference/interest_rate/"
MONTH_URL = BASE_URL + "jgbcme.csv"
HISTORY_URL = BASE_URL + "historical/jgbcme_all.csv"

ROOM = Room(
    name="mof",
    title="Ministry of Finance of Japan, yields of government bonds",
    datasets=(
        Dataset(
            name="jgb_curve",
            title="Yields since 24 September 1974, up to the end of the month before",
            content="csv",
            max_bytes=32 * 1024 * 1024,
        ),
        Dataset(
            name="jgb_curve_month",
            title="Yields of this month",
            content="csv",
            max_bytes=1024 * 1024,
            moves=True,
        ),
    ),
    parser_version=1,
)
