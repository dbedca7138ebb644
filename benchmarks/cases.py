"""What is measured: the groups of cases, and the figures that they are held to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import data, features, pages
from benchmarks.harness import Case, Group

__all__ = ["GROUPS", "TARGETS", "Sizes", "Target"]


@dataclass(frozen=True)
class Sizes:
    """How much data each group gets."""

    asof: int = 5_000_000
    asof_large: int = 50_000_000
    questions: int = 1_000_000
    as_known: int = 20_000_000
    validation: int = 10_000_000
    history: int = 10  # times the packaged consumer prices, for the increment
    macro_years: tuple[int, int] = (7, 25)  # of vintages: the second has ten times as many as the first
    payload_rows: int | None = None  # of the packaged consumer prices; None takes all
    feast_questions: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    funding: tuple[int, int] = (2006, 2018)  # the first year of CFTC reports and of daily statements
    funding_short: tuple[int, int] = (2025, 2025)  # the same, of the history that one more day is compared with
    tic: tuple[int, int, int, int] = (114, 77, 4_260, 501)  # holders and months of table 1, series and months of CSLT
    tic_releases: int = 222  # press releases, as many as there were from 2006 to 2026
    loans: int = 2_000  # borrowers: about 60,000 pairs of lines to compare in a quarter
    loan_files: tuple[int, int, int] = (13_000, 42_000, 4_470_000)  # borrowers of BDCs, of N-PORT, and positions besides

    @classmethod
    def quick(cls) -> Sizes:
        """Return sizes that show within seconds that everything works."""
        return cls(
            50_000,
            50_000,
            2_000,
            50_000,
            50_000,
            2,
            (2, 3),
            20_000,
            (500,),
            (2026, 2026),
            (2026, 2026),
            (9, 3, 30, 5),
            20,
            20,
            (20, 20, 500),
        )


@dataclass(frozen=True)
class Target:
    """A figure: of a case of a group, absolute or as a multiple of another case's."""

    group: str
    engine: str
    measure: str
    at_most: float
    over: str | None = None


# a change over months, a window of days, and what is made of other signals
EXPLAINED = ("inflation.cpi_all_12m", "fx.absorption_ratio_g10", "composite.pillar_dollar")

TARGETS = (
    Target("run", "Undertow, into an empty home", "seconds", 25),
    Target("run", "Undertow, into an empty home", "peak_bytes", 1.5e9),
    Target("run", "Undertow, into an empty home", "cpu_seconds", 2.0, over="bare: parse, Parquet, dbt build"),
    Target("run", "Undertow, again with nothing new", "cpu_seconds", 1 / 3, over="Undertow, into an empty home"),
    Target("increment", "one more day, ten times the history", "cpu_seconds", 1.2, over="one more day"),
    Target("macro", "models, ten times the vintages", "cpu_seconds", 10, over="models"),
    Target("funding-day", "one more day, whole history", "cpu_seconds", 1.2, over="one more day, two years"),
    Target("tic", "CSLT, parse alone", "peak_bytes", 300e6),
    *(Target("features", f"explain {signal}", "seconds", 0.5) for signal in EXPLAINED),
    Target("pages", "first paint of index.html", "seconds", 1.0),
    Target("pages", "first paint of signals.html", "seconds", 1.0),
    Target("pages", "write all pages", "written_bytes", 5e6),
    Target("loans", "all lines of a quarter at once", "seconds", 60),
    Target("loans", "N-PORT: Undertow, zip to landing", "cpu_seconds", 1 / 0.85, over="N-PORT: inflate, DuckDB, COPY"),
    Target("loans", "N-PORT: Undertow, zip to landing", "seconds", 1 / 0.85, over="N-PORT: inflate, DuckDB, COPY"),
    Target("loans", "N-PORT: Undertow, zip to landing", "peak_bytes", 1e9),
    Target("loans", "NUM: Undertow, zip to landing", "cpu_seconds", 1 / 0.85, over="NUM: inflate, DuckDB, COPY"),
    Target("loans", "NUM: Undertow, zip to landing", "seconds", 1 / 0.85, over="NUM: inflate, DuckDB, COPY"),
    Target("loans", "NUM: Undertow, zip to landing", "peak_bytes", 1e9),
    Target("loans", "filing by filing, four quarters", "cpu_seconds", 5, over="filing by filing"),
    Target("loans", "filing by filing, eight quarters", "cpu_seconds", 10, over="filing by filing"),
    Target("asof-large", "Undertow", "seconds", 2.5, over="scan of the four columns (the limit)"),
    Target("asof-large", "Undertow", "cpu_seconds", 2.5, over="scan of the four columns (the limit)"),
    Target("asof-large", "Undertow", "peak_bytes", 1.5e9),
    Target("as-known", "Undertow, one series", "seconds", 0.1),
    Target("as-known", "Undertow, all series", "seconds", 0.1),
    Target("validation", "Undertow", "seconds", 1.2, over="DuckDB, a statement a check"),
    Target("validation", "Undertow", "cpu_seconds", 1.2, over="DuckDB, a statement a check"),
)


def _asof(name: str, n_vintages: int, folder: Path, sizes: Sizes) -> Group:
    history = data.vintages(folder, n_vintages)
    questions = {
        "entities": str(data.entities(folder, sizes.questions, n_vintages)),
        "n_rows": sizes.questions,
    }
    told = {"vintages": str(history.parquet), **questions}
    return Group(
        name,
        f"As-of retrieval: {sizes.questions:,} questions on {n_vintages:,} vintages",
        "For each question (a series, an instant): the value of the newest period that was known then, in the vintage of then.",
        (
            Case("scan of the four columns (the limit)", "asof:scan", {"vintages": str(history.parquet)}),
            Case("DuckDB, window and ASOF join", "asof:duckdb_asof", told, answers="value"),
            Case("Undertow", "asof:undertow", {"home": str(history.home), **questions}, answers="value",
                 note="`FeatureStore.historical` on a published build; the head was prepared when it was made, see below"),
            Case("polars, join_asof", "asof:polars_asof", told, "peers", answers="value"),
            Case("pandas, merge_asof", "asof:pandas_asof", told, "peers", answers="value"),
            *(
                Case(f"Feast, {n:,} questions", "asof:feast", {**told, "n_rows": n}, "peers", answers="value",
                     note="" if n == sizes.questions else f"{n:,} of the questions only")
                for n in sizes.feast_questions
            ),
        ),
        key="row",
        facts=history.preparation,
    )  # fmt: skip


def _features(folder: Path, sizes: Sizes) -> Group:
    # a home of one's own, such as that of a replay, by its folder; else the sample's
    home = Path(os.environ.get("UNDERTOW_BENCH_HOME") or data.home(folder, 1) / "home")
    made = folder / "features"
    facts = features.make(made, home, sizes.questions)
    repository = {"repository": str(made / "repository"), "questions": str(made / "questions.parquet")}
    own = {"home": str(home), "questions": repository["questions"]}
    few = sizes.feast_questions[0]
    return Group(
        "features",
        f"The real feature set: {facts['signals']} signals, {facts['rows of signals']:,} rows with their vintages",
        "For each question (a signal, an instant): the value that was known then, from a published build.",
        (
            Case("DuckDB, ASOF join on the exported head", "features:duckdb_asof", {**repository, "n_rows": sizes.questions},
                 answers="value"),
            Case("Undertow", "features:undertow", {**own, "n_rows": sizes.questions}, answers="value",
                 note="the head of the signals is made from their rows within the time that is measured"),
            *(
                Case(f"Feast, {n:,} questions", "features:feast", {**repository, "n_rows": n}, "peers", answers="value",
                     note="on the exported head")
                for n in sizes.feast_questions
            ),
            Case(f"Feast on all vintages, {few:,} questions", "features:feast",
                 {**repository, "n_rows": few, "view": "signal_vintage"}, "peers",
                 note="with `filter_by_created_timestamp`; where the newest period has no value, its answer is another"),
            Case("Undertow, every signal on every day of ten years", "features:undertow_panel",
                 {"home": str(home), "day": "2025-12-31"}),
            *(
                Case(f"explain {signal}", "features:explained",
                     {"home": str(home), "signal": signal, "as_of": "2026-11-20T00:00Z"})
                for signal in EXPLAINED
            ),
        ),
        key="row",
        facts=facts,
    )  # fmt: skip


def _as_known(folder: Path, sizes: Sizes) -> Group:
    history = data.vintages(folder, sizes.as_known)
    home, as_of = str(history.home), "2019-06-15T00:00:00Z"
    return Group(
        "as-known",
        f"`as_known` on {sizes.as_known:,} vintages",
        "Of each series, or of some: the newest number that was known in June 2019. Undertow also says what was due next.",
        (
            Case("DuckDB, arg_max over all vintages", "asof:as_known_duckdb",
                 {"vintages": str(history.parquet), "as_of": as_of}, answers="value",
                 note="the numbers alone, without what was due next"),
            Case("Undertow, all series", "asof:as_known", {"home": home, "as_of": as_of}, answers="value"),
            Case("Undertow, one series", "asof:as_known", {"home": home, "as_of": as_of, "series": ["synthetic.S000007"]},
                 answers="value"),
        ),
        key="series_id",
        facts=history.preparation,
    )  # fmt: skip


def _as_known_build(folder: Path, sizes: Sizes) -> Group:
    del sizes
    home, as_of = str(data.home(folder, 1) / "home"), "2025-12-10T19:00:00Z"
    return Group(
        "as-known-build",
        "`as_known` on the published build of the packaged data",
        "What was known when the Federal Open Market Committee decided in December 2025, with what was due next.",
        (
            Case("all series", "asof:as_known", {"home": home, "as_of": as_of}),
            Case("one series", "asof:as_known", {"home": home, "as_of": as_of, "series": ["bls.CUUR0000SA0"]}),
            Case("the headline series", "asof:headline_as_known", {"home": home, "as_of": as_of}),
        ),
    )


def _run(folder: Path, sizes: Sizes) -> Group:
    del sizes
    return Group(
        "run",
        "A whole run of the packaged data: 1.9 million observations, eight marts",
        "Fetch, archive, land, model, check and publish, as `undertow run` does; the environment is installed.",
        (
            Case("bare: parse, Parquet, dbt build", "run:bare", {},
                 note="the same parsers, models and dbt tests by the command `dbt build`; no archive, no checks of landed "
                 "rows, no Dagster, nothing published"),
            Case("Undertow, into an empty home", "run:empty_home", {}, note=_STEPS),
            Case("Undertow, again with nothing new", "run:nothing_new", {"home": str(data.home(folder, 1) / "home")}),
        ),
    )  # fmt: skip


_STEPS = "where it goes: CPU seconds of each step are in results.json"


def _increment(folder: Path, sizes: Sizes) -> Group:
    small, large = data.home(folder, 1), data.home(folder, sizes.history)
    cases = []
    for name, made in (("one more day", small), ("one more day, ten times the history", large)):
        day = {"home": str(made / "home"), "manifest": str(made / "day.csv")}
        cases.append(Case(name, "run:one_more_day", {**day, "publish": False}, note="up to publishing"))
        cases.append(Case(f"{name}, published", "run:one_more_day", {**day, "publish": True}))
    return Group(
        "increment",
        "One more day of reference rates on a history of 1.9 million observations, and on ten times the consumer prices",
        "`undertow run --source replay` of one day, start of the process included.",
        tuple(cases),
    )


def _macro(folder: Path, sizes: Sizes) -> Group:
    del folder
    few, many = sizes.macro_years
    return Group(
        "macro",
        f"Macro releases: {12 * many} pages of the Employment Situation, and payroll vintages of {few} and {many} years",
        "Generated in the wire formats of the Bureau of Labor Statistics; the models are all there are, the industries 22.",
        (
            Case("parse the pages", "macro:pages", {"years": many}),
            Case("models", "macro:models", {"years": few}),
            Case("models, ten times the vintages", "macro:models", {"years": many}),
        ),
    )


def _funding(folder: Path, sizes: Sizes) -> Group:
    manifest = {"manifest": str(data.funding(folder, sizes.funding))}
    return Group(
        "funding",
        f"Landing funding data: CFTC since {sizes.funding[0]}, Treasury since {sizes.funding[1]}",
        "From generated payloads in the providers' wire formats to typed, validated Parquet.",
        (
            Case("Undertow, parse alone", "funding:parse_all", manifest, answers="value"),
            Case("Undertow, parse and land", "funding:land_all", manifest, answers="value"),
        ),
    )


def _funding_day(folder: Path, sizes: Sizes) -> Group:
    long, short = data.funding_home(folder, sizes.funding), data.funding_home(folder, sizes.funding_short)
    cases = [
        Case("whole history, into an empty home", "run:replay", {"manifest": str(long / "history.csv")},
             note="with the packaged data of the other rooms"),
    ]  # fmt: skip
    for name, made in (("one more day, two years", short), ("one more day, whole history", long)):
        day = {"home": str(made / "home"), "manifest": str(made / "day.csv"), "publish": False}
        cases.append(Case(name, "run:one_more_day", day, note="up to publishing"))
    return Group(
        "funding-day",
        "A run of the whole funding history, and one more report and statement on it and on two years",
        "`undertow run --source replay`, start of the process included.",
        tuple(cases),
    )


def _tic(folder: Path, sizes: Sizes) -> Group:
    made = data.tic(folder, sizes.tic)
    holders, months, series, history = sizes.tic
    table1, cslt = ({"manifest": str(made / f"{name}.csv")} for name in ("table1", "cslt"))
    return Group(
        "tic",
        f"TIC: table 1 with {holders} holders and {months} months, CSLT with about {series:,} series of {history} months",
        "From generated files in the Treasury's formats; the JSON of CSLT has about 120 MB, and 810 of its series are kept. "
        f"The models are all there are, from {sizes.tic_releases} monthly press releases and a tenth of them.",
        (
            Case("table 1, parse alone", "funding:parse_all", table1, answers="value"),
            Case("table 1, parse and land", "funding:land_all", table1, answers="value"),
            Case("CSLT, parse alone", "funding:parse_all", cslt, note="streamed out of the zip"),
            Case("CSLT, parse and land", "funding:land_all", cslt),
            Case("all models, a tenth of the press releases", "tic:models", {"releases": sizes.tic_releases // 10}),
            Case("all models, all press releases", "tic:models", {"releases": sizes.tic_releases}),
        ),
    )


def _loans(folder: Path, sizes: Sizes) -> Group:
    made, facts = data.loans(folder, sizes.loans, sizes.loan_files)
    world = {"borrowers": sizes.loans}
    cases = []
    for title, room, table in (("N-PORT", "sec_nport", "FUND_REPORTED_HOLDING.tsv"), ("NUM", "sec_bdc", "num.tsv")):
        payload = {"payload": str(made / f"{room}.zip"), "room": room}
        cases += [
            Case(f"{title}: DuckDB, COPY of the table", "loans:copy_table", {"table": str(made / table)}, note=_COPIED),
            Case(f"{title}: inflate, DuckDB, COPY", "loans:inflate_and_copy", payload),
            Case(f"{title}: Undertow, zip to landing", "loans:land",
                 {**payload, "dataset": f"{room.removeprefix('sec_')}_zip"}, note=_LANDED),
        ]  # fmt: skip
    for words, quarters in (("", 1), (", two quarters", 2), (", four quarters", 4), (", eight quarters", 8)):
        cases.append(Case(f"filing by filing{words}", "loans:filing_by_filing", {**world, "quarters": quarters}))
    large = [round((made / name).stat().st_size / 1e6) for name in ("FUND_REPORTED_HOLDING.tsv", "num.tsv")]
    return Group(
        "loans",
        f"Data sets of the SEC to Parquet ({large[0]:,} MB of N-PORT holdings, {large[1]:,} MB of NUM); which lines are a loan",
        f"Generated in the exact wire format. Lines: {sizes.loans:,} borrowers, ten managers with two funds each, "
        f"{facts['pairs']:,} pairs of lines of one borrower and different managers in a quarter. Filing by filing, groups are "
        "worked out anew for what each filing touches.",
        (
            Case("all lines of a quarter at once", "loans:at_once", world, note=_TEXTS),
            Case("splink 5, the same pairs", "loans:splink", {"lines": str(made / "lines.parquet")}, "peers", note=_SPLINK),
            *cases,
        ),
    )


_COPIED = "the table alone, inflated before the clock starts; nothing is worked out"
_LANDED = (
    "every table of the zip file: inflated, read, what cannot be read kept apart, joined to positions, ordered, digested, "
    "checked and written with provenance"
)
_TEXTS = "from the lines' texts; precision and recall of pairs are in results.json"
_SPLINK = "borrower, kind and lien were taken out of the texts before; precision and recall of pairs are in results.json"


def _landing(folder: Path, sizes: Sizes) -> Group:
    made = data.cpi(folder, sizes.payload_rows)
    payload, raw, landed = (str(made / name) for name in ("cpi.db", "raw.csv", "landed.csv"))
    return Group(
        "landing",
        "Landing the consumer prices that the package `cpi` ships",
        "From the provider's SQLite file to typed, validated Parquet with instants, flags and provenance.",
        (
            Case("DuckDB, COPY of the raw rows from CSV", "landing:duckdb_copy", {"csv": raw}, answers="value",
                 note="four columns, as the provider has them"),
            Case("DuckDB, COPY of the landed rows from CSV", "landing:duckdb_copy_landed", {"csv": landed}, answers="value",
                 note="fourteen columns, everything already worked out"),
            Case("Undertow, parse and land", "landing:undertow", {"payload": payload}, answers="value"),
            Case("Undertow, parse alone", "landing:undertow_parse", {"payload": payload}, answers="value"),
        ),
    )  # fmt: skip


def _validation(folder: Path, sizes: Sizes) -> Group:
    rows = {"rows": str(data.observations(folder, sizes.validation))}
    return Group(
        "validation",
        f"Validation: twelve checks on {sizes.validation:,} rows",
        "The checks of landed consumer prices, on rows in which six of them fail.",
        (
            Case("DuckDB, a statement a check", "validation:duckdb_statements", rows, answers="check"),
            Case("DuckDB, two statements", "validation:duckdb_pass", rows, answers="check"),
            Case("Undertow", "validation:undertow", rows, answers="check",
                 note="DuckDB metrics, one row a series, then Great Expectations"),
            Case("Great Expectations on pandas", "validation:gx_pandas", rows, "peers", answers="check"),
        ),
        key="check",
    )  # fmt: skip


def _pages(folder: Path, sizes: Sizes) -> Group:
    del sizes
    home = {"home": str(data.home(folder, 1) / "home")}
    opened = ("index.html", "signals.html", "known.html", "calendar.html", "quality.html")
    return Group(
        "pages",
        "The pages of a published build of the packaged data",
        "Written anew from the build, and opened from disk by Chromium in a new profile: seconds to its first paint.",
        (
            Case("write all pages", "pages:write", home),
            *(Case(f"write {name}", "pages:write", {**home, "names": [name]}) for name in opened),
            *(
                Case(f"first paint of {name}", "pages:first_paint", {**home, "name": name})
                for name in opened
                if pages.browser()
            ),
        ),
    )


GROUPS: Mapping[str, Callable[[Path, Sizes], Group]] = {
    "asof": lambda folder, sizes: _asof("asof", sizes.asof, folder, sizes),
    "asof-large": lambda folder, sizes: _asof("asof-large", sizes.asof_large, folder, sizes),
    "features": _features,
    "as-known": _as_known,
    "as-known-build": _as_known_build,
    "run": _run,
    "increment": _increment,
    "macro": _macro,
    "funding": _funding,
    "funding-day": _funding_day,
    "landing": _landing,
    "loans": _loans,
    "pages": _pages,
    "tic": _tic,
    "validation": _validation,
}
