"""US Treasury, Treasury International Capital (TIC): who holds US securities, who bought them, what Americans hold abroad.

**Wire formats.** All but the last are text with tabs, CRLF, and every line padded with tabs to the full number of columns.

* ``slt_table1.txt`` to ``slt_table4.txt``: title, subtitle, a sentence on signs, ``Millions of dollars``, ``Link:``, a blank
  line, two rows of labels, then a row of machine names that begins ``country``, ``country_code``, ``date``; one row for each
  holder and month, ``2026-05``, newest first; definitions and notes at the end. Missing is ``n.a.``, and a small negative
  number may be ``-0``.
* ``slt_table5.txt``: the major holders of Treasury securities, thirteen months, ``Billions of dollars``; one row of months
  (``Country``, ``2026-04``, ...), then twenty countries by size, ``All Other``, ``Grand Total`` and what officials hold.
* ``mfhhis01.txt``: the same since 2000, one block a year, newest first: a row of months, a row ``Country``, ``2025``,
  ``2025``, ...; names with commas are quoted and may carry footnotes (``United Kingdom 2/``).
* ``npr_history.txt``: the table of the press release, one row a month (``2026-Jul``) since 1978, under a row of the numbers 1
  to 32.
* ``cslt.zip``: one JSON file of 120 MB, ``{"releaseID": "3", "series": [{"source_id": "for_lt_treas_net_99996", "metadata":
  {...}, "observations": [["2026-06-01", "813432.0"], ...]}, ...]}``.
* ``mfh.txt``: fixed width, the former table of major holders. It ended with January 2023 and is still served with status 200.

Header rows are found by what stands in them, never by counting lines.

**Official reference.** https://ticdata.treasury.gov/resource-center/data-chart-center/tic/Documents/ (files),
https://home.treasury.gov/data/treasury-international-capital-tic-system (notes, calendar, questions and answers)

**Licence.** US government work, public domain.

**Time.** Files are replaced with each monthly release at 16:00 New York time and give no date, so each payload is a vintage
as a whole: known from our fetch (``first_seen``), lifted by the release calendar to the last release before it
(``restated_history``). Nothing in it is said to have been known at the releases of its earlier months, for those printed
other numbers. ``mfhhis01.txt`` prints the day of its last change; that is when it counts from (basis ``provider``, the end of
the day in New York). Names of files are never read: those of the monthly archives carry the day that was planned
(``ticrel_20251017.zip`` came on 18 November 2025).

**Traps.**

* **Dead addresses answer.** Several old files end with January 2023, and their ``Last-Modified`` moves. A payload whose
  newest month had ended long before the fetch (``dead_after_days``) is refused, and the run says so;
  nothing of it lands.
* **The form changed in February 2023.** Purchases and sales (Form S) ended with January 2023; transactions and changes in
  valuation on Form SLT begin with February, and that month is marked as a break (``B``, METHOD_BREAK). Before it the tables
  say ``n.a.``, and nothing lands: a series begins with its first number. Holdings of tables 1 and 3 have no break; those of
  table 2 by country have one, its grand total has none.
* **Signs.** Tables 1 and 3 have net US sales to foreigners, positive where foreigners buy; table 2 has net US purchases,
  positive where Americans buy abroad.
* **One column of codes for countries and aggregates.** ``holders`` in ``series.yml`` says what each is; only what it calls a
  country may be ranked as one. A code that it lacks has no kind and is ranked nowhere.
* **Rosters.** ``All Other`` is what a list of names leaves over, and the list changes. Its id ends with a digest of the list,
  and so does that of the memo lines for the euro area and the European Union: two rosters never form one series.
* **A change in holdings is no flow.** Holdings also change with prices, and with what the surveys re-attribute.
* **Custody.** Securities are counted where they are held in custody: Belgium, Luxembourg, the Cayman Islands, Ireland,
  Switzerland and the United Kingdom hold for others. Every country line says so in its title.
* **A month twice.** In the blocks of 2002 to 2011 June stands twice, in that of 2000 March: the first is the new series,
  which goes on, and the second the old one, for comparison only. The second is left out, and the first marked as a break.
* Until May 2002 the line of Belgium includes Luxembourg, and has the id of the two.
* **Millions and billions.** Tables 1 to 4, the history of the release and CSLT are in millions, table 5 and ``mfhhis01`` in
  billions.
* A missing page may be an HTML page with status 200.
* A line of a table without any number in the whole payload is no series: issuer types have no Treasury securities.
"""

from __future__ import annotations

from undertow.room import Content, Dataset, Room

__all__ = ["BASE_URL", "FILES", "ROOM", "TABLES"]

BASE_URL = "https://ticdata.treasury.gov/resource-center/data-chart-center/tic/Documents/"
TABLES = ("slt_table1", "slt_table2", "slt_table3", "slt_table4")
FILES = {
    **{table: f"{table}.txt" for table in (*TABLES, "slt_table5")},
    "mfhhis01": "mfhhis01.txt",
    "npr_history": "npr_history.txt",
    "cslt": "cslt.zip",
}

# From the end of the newest month to the fetch. The longest healthy age of a monthly file was 110 days, in the lapse of 2025;
# the history of holders is refreshed once a year.
DEAD_AFTER, HISTORY_DEAD_AFTER = 183, 800
_MIB = 1024 * 1024


def _monthly(
    name: str, title: str, *, content: Content = "text", mib: int = 32, moves: bool = False, retired: bool = False
) -> Dataset:
    return Dataset(name, title, content, max_bytes=mib * _MIB, moves=moves, dead_after_days=DEAD_AFTER, retired=retired)


ROOM = Room(
    name="tic",
    title="US Treasury, Treasury International Capital",
    datasets=(
        _monthly("slt_table1", "Foreign holdings of US long-term securities"),
        _monthly("slt_table2", "US holdings of foreign long-term securities"),
        _monthly("slt_table3", "Foreign holdings of Treasury securities, long- and short-term"),
        _monthly("slt_table4", "Gross sales and purchases of long-term securities"),
        _monthly("slt_table5", "Major foreign holders of Treasury securities, 13 months", mib=1, moves=True),
        Dataset(
            "mfhhis01",
            "Major foreign holders of Treasury securities since 2000",
            "text",
            max_bytes=8 * _MIB,
            dead_after_days=HISTORY_DEAD_AFTER,
        ),
        _monthly("npr_history", "The table of the press release since 1978", mib=8),
        _monthly("cslt", "Holdings and transactions since 1984, estimates and Form SLT joined", content="zip", mib=128),
        _monthly("mfh", "The former table of major holders, dead since January 2023", mib=1, retired=True),
    ),
    tables=("observation", "series"),
    parser_version=1,
    min_interval_seconds=2.0,
)
