"""Data sets of the SEC at their genuine size to Parquet; and which lines of a made world of private credit are one loan: all
lines of a quarter at once, and filing by filing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from undertow.loans.history import Telling

Measured = Callable[[], "pa.Table | list[Path] | tuple[pa.Table, dict[str, Any]]"]

QUARTERS = (
    date(2023, 12, 31), date(2024, 3, 31), date(2024, 6, 30), date(2024, 9, 30),
    date(2024, 12, 31), date(2025, 3, 31), date(2025, 6, 30), date(2025, 9, 30),
)  # fmt: skip
FETCHED = "2026-09-18T12:00:00Z"
MEMBERS = {"sec_bdc": "num.tsv", "sec_nport": "FUND_REPORTED_HOLDING.tsv"}  # the largest table of each data set
MANAGERS = 10  # with two funds each


def _tellings(borrowers: int, quarters: int) -> Iterator[Telling]:
    """Yield the drawn lines of all first filings."""
    from undertow.loans.history import Telling
    from undertow.loans.identity import Position
    from undertow.loans.universe import universe

    world = universe(7, borrowers=borrowers, managers=MANAGERS, quarters=QUARTERS[-quarters:])
    for day in QUARTERS[-quarters:]:
        for number, line in enumerate(world.held(day)):
            fund = line.filing.fund
            if line.principal:
                spread = None if line.spread is None else line.spread * (100 if fund.in_percent else 10_000)
                facts = (spread, line.maturity, line.principal_currency)
                position = Position(f"{day}:{number:07}", fund.cik, fund.manager, day, line.identifier, *facts)
                yield Telling(position, line.filing.accepted)


def write(folder: Path, borrowers: int, sizes: tuple[int, int, int]) -> dict[str, Any]:
    """Write the data sets, their largest tables by themselves, and the lines of a quarter; return how large they are.

    Args:
        folder: where.
        borrowers: of the lines that are matched.
        sizes: borrowers in the BDC data set; borrowers in the N-PORT data set and positions in it that are no loans.
    """
    import zipfile

    import pyarrow.parquet as pq

    from assets.sec_bdc import sample as bdc
    from assets.sec_nport import sample as nport
    from undertow.loans.identity import UNKNOWN, describe, matches
    from undertow.loans.universe import universe

    day = QUARTERS[-1:]
    bdc.write_zip(
        universe(7, borrowers=sizes[0], managers=20, quarters=day, holders=5.5), folder / "sec_bdc.zip", footnote_bytes=924
    )
    world = universe(7, borrowers=sizes[1], managers=20, quarters=day, holders=6)
    nport.write_zip(world, folder / "sec_nport.zip", day=day[0], filler=sizes[2])
    for room, member in MEMBERS.items():
        with zipfile.ZipFile(folder / f"{room}.zip") as archive:
            name = next(one for one in archive.namelist() if one.endswith(member))
            (folder / member).write_bytes(archive.read(name))
    tellings = list(_tellings(borrowers, 1))
    truth = {f"{day[0]}:{number:07}": loan for number, loan in _truth(borrowers)}
    told = [(telling.position, describe(telling.position.identifier)) for telling in tellings]
    pq.write_table(
        pa.table(
            {
                "unique_id": [one.line_id for one, _ in told],
                "manager": [one.manager for one, _ in told],
                "borrower": [said.key for _, said in told],
                "family": [None if said.family == UNKNOWN else said.family for _, said in told],
                "lien": [None if said.lien == UNKNOWN else said.lien for _, said in told],
                "spread_bp": pa.array([one.spread_bp for one, _ in told], pa.float64()),
                "maturity": pa.array([one.maturity for one, _ in told], pa.date32()),
                "currency": [one.currency for one, _ in told],
                "loan": pa.array([truth[str(one.line_id)] for one, _ in told], pa.int64()),
            }
        ),
        folder / "lines.parquet",
    )
    return {"pairs": sum(1 for _ in matches([one for one, _ in told]))}


def _truth(borrowers: int) -> Iterator[tuple[int, int | None]]:
    """Yield the loan that each line of the newest quarter is of, by the line's number."""
    from undertow.loans.universe import universe

    world = universe(7, borrowers=borrowers, managers=MANAGERS, quarters=QUARTERS[-1:])
    yield from ((number, line.loan and line.loan.loan_id) for number, line in enumerate(world.held(QUARTERS[-1])))


def copy_table(table: str) -> Measured:
    """DuckDB's own COPY of a table of text to Parquet: nothing is worked out."""
    import duckdb

    target = Path(tempfile.mkdtemp()) / "table.parquet"

    def measured() -> list[Path]:
        with duckdb.connect() as connection:
            connection.execute(_COPY.format(table=table, target=target))
        return [target]

    return measured


_COPY = (
    "COPY (FROM read_csv('{table}', delim = '\t', quote = '', escape = '', header = true, all_varchar = true, "
    "store_rejects = true)) TO '{target}' (FORMAT parquet)"
)


def inflate_and_copy(payload: str, room: str) -> Measured:
    """The same from the zip file: inflated to disk, as DuckDB reads no zip files, and copied."""
    import shutil
    import zipfile

    folder = Path(tempfile.mkdtemp())

    def measured() -> list[Path]:
        with zipfile.ZipFile(payload) as archive:
            name = next(one for one in archive.namelist() if one.endswith(MEMBERS[room]))
            with archive.open(name) as source, (folder / "table.tsv").open("wb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
        return copy_table(str(folder / "table.tsv"))()

    return measured


def land(payload: str, room: str, dataset: str) -> Measured:
    """The room's whole way: from the archived zip file to validated Parquet in the landing."""
    from undertow.archive import Archive
    from undertow.instants import parse_instant
    from undertow.landing import land as land_room
    from undertow.landing import landed_files
    from undertow.room import load_room

    folder = Path(tempfile.mkdtemp())
    archive = Archive(folder / "archive")
    archive.store(
        Path(payload).read_bytes(),
        source=room,
        dataset=dataset,
        url=payload,
        fetched_at=parse_instant(FETCHED),
        origin="replay",
    )
    modules = load_room(room)

    def measured() -> list[Path]:
        problems = [outcome.error for outcome in land_room(modules, archive, folder / "landing") if outcome.error]
        if problems:
            raise RuntimeError(problems[0])
        return [path for path in landed_files(folder / "landing", room, "holding") if path.name != "empty.parquet"]

    return measured


def at_once(borrowers: int) -> Measured:
    """Group all lines of one quarter; how right that is is measured too."""
    from undertow.loans.identity import groups

    positions = [telling.position for telling in _tellings(borrowers, 1)]
    loan = {f"{QUARTERS[-1]}:{number:07}": one for number, one in _truth(borrowers)}

    def measured() -> tuple[pa.Table, dict[str, Any]]:
        found = list(groups(positions))
        pairs = (
            (str(one.line_id), str(other.line_id))
            for group in found
            for place, one in enumerate(group.positions)
            for other in group.positions[place + 1 :]
            if one.manager != other.manager
        )
        manager = {str(one.line_id): one.manager for one in positions}
        return pa.table({"lines": pa.array([len(group.positions) for group in found], pa.int64())}), _rightness(
            pairs, loan, manager
        )

    return measured


def splink(lines: str) -> Measured:
    """Splink 5 on the same lines: blocked on the borrower, its parameters estimated from the lines, and pairs above a half."""
    import duckdb
    import pyarrow.parquet as pq
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink.blocking_rule_library import CustomRule

    table = pq.read_table(lines)
    loan = dict(zip(table["unique_id"].to_pylist(), table["loan"].to_pylist(), strict=True))
    manager = dict(zip(table["unique_id"].to_pylist(), table["manager"].to_pylist(), strict=True))
    told = table.drop_columns(["loan"])
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.ExactMatch("borrower"),
            cl.ExactMatch("family"),
            cl.ExactMatch("lien"),
            cl.ExactMatch("currency"),
            cl.CustomComparison(
                output_column_name="spread_bp",
                comparison_levels=[
                    {"sql_condition": "spread_bp_l IS NULL OR spread_bp_r IS NULL", "is_null_level": True},
                    {"sql_condition": "abs(spread_bp_l - spread_bp_r) <= 10.5"},
                    {"sql_condition": "abs(spread_bp_l - spread_bp_r) <= 25.5"},
                    {"sql_condition": "ELSE"},
                ],
            ),
            cl.CustomComparison(
                output_column_name="maturity",
                comparison_levels=[
                    {"sql_condition": "maturity_l IS NULL OR maturity_r IS NULL", "is_null_level": True},
                    {"sql_condition": "abs(maturity_l - maturity_r) <= 45"},
                    {"sql_condition": "ELSE"},
                ],
            ),
        ],
        blocking_rules_to_generate_predictions=[CustomRule("l.borrower = r.borrower AND l.manager <> r.manager")],
        retain_matching_columns=False,
    )

    def measured() -> tuple[pa.Table, dict[str, Any]]:
        with duckdb.connect() as connection:
            api = DuckDBAPI(connection)
            linker = Linker(api.register(told), settings)
            linker.training.estimate_probability_two_random_records_match(
                [block_on("borrower", "family", "maturity")], recall=0.7
            )
            linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
            for rule in (block_on("borrower"), block_on("maturity", "spread_bp")):  # each teaches what the other blocks on
                linker.training.estimate_parameters_using_expectation_maximisation(rule)
            found = linker.inference.predict(threshold_match_probability=0.5).as_duckdbpyrelation()
            pairs = found.select("unique_id_l, unique_id_r").fetchall()
        return pa.table({"lines": pa.array([2] * len(pairs), pa.int64())}), _rightness(pairs, loan, manager)

    return measured


def _rightness(pairs: Any, loan: dict[str, int | None], manager: dict[str, Any]) -> dict[str, Any]:
    """Return how many pairs of lines of different managers were found, and what share of them and of the true ones that is."""
    found = {tuple(sorted(pair)) for pair in pairs}
    held: dict[int | None, list[str]] = {}
    for line, one in loan.items():
        if line in manager:
            held.setdefault(one, []).append(line)
    true = {
        tuple(sorted((one, other)))
        for one_loan, members in held.items()
        if one_loan is not None
        for place, one in enumerate(members)
        for other in members[place + 1 :]
        if manager[one] != manager[other]
    }
    right = len(found & true)
    return {"pairs_found": len(found), "precision": right / max(1, len(found)), "recall": right / max(1, len(true))}


def filing_by_filing(borrowers: int, quarters: int) -> Measured:
    """Say at each filing of some quarters which lines are one loan."""
    from undertow.loans.history import memberships

    tellings = list(_tellings(borrowers, quarters))

    def measured() -> pa.Table:
        found = list(memberships(tellings))
        return pa.table({"loan_id": pa.array([one.loan_id for one in found], pa.string())})

    return measured
