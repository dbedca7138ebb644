"""Zip files of filings to positions. DuckDB reads the tables as text and turns facts into lines; nothing is held in Python.

A line is what one filing says at one date about one set of axes. Which filing replaces which, which lines are lots, totals or
undrawn, and who manages a fund belongs to the models.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from undertow.archive import Sighting
from undertow.bulk import Rejects, Text, engine, read_tsv, text_file, text_member
from undertow.errors import ParseError
from undertow.parsing import Quarantine
from undertow.quoting import identifier, literal
from undertow.room import Landed, LandedTables
from undertow.safezip import members_of
from undertow.schemas import FILING, PROVENANCE
from undertow.vocabulary import Basis, Flag, Positions

if TYPE_CHECKING:
    import duckdb

__all__ = ["parse", "parse_file"]

EASTERN = "America/New_York"
SUB = ("adsh", "cik", "name", "form", "period", "filed", "accepted")
SUB_MORE = ("former", "fileNumber", "inlineurl")
FACT = ("adsh", "tag", "ddate", "segments", "value")

# Free text of a typed member ends where the next axis begins, or the whole does; it may hold semicolons and brackets itself.
_IDENTIFIER = r"(?:^|;)InvestmentIdentifierAxis\([^)]*\)=(.*?)\([^()]*\);(?:[A-Za-z0-9]+Axis\(|$)"
_MEMBER = r"(?:^|;)([A-Za-z0-9]+Axis)\([^)]*\)=([A-Za-z0-9_.\-]+)\([^()]*\)"
_LEVEL = (
    r"FairValueByFairValueHierarchyLevelAxis\([^)]*\)=FairValueInputsLevel([123])Member\([^()]*\);"
    r"(?:FairValueMeasurementFrequencyAxis\([^)]*\)=FairValueMeasurementsRecurringMember\([^()]*\);)?"
)
_NOT_ACCRUING = r"(?i)non[\s-]?-?\s*accrual"
_NEGATED = r"(?i)\b(no|not|none|never|without|excluding|other than)\b[^.;]{0,60}non[\s-]?-?\s*accrual"
_GRIDS = (9, 8, 7, 6, 5, 4, 3, 2, 1, 0)


def parse(payload: bytes, sighting: Sighting, catalogue: Mapping[str, Any]) -> Landed:
    """Return the filings of a table of filings alone, or the rows of a register; the index page says nothing but addresses.

    Raises:
        ParseError: the bytes are no such table.
    """
    if sighting.dataset == "index":
        if not re.search(rb"_bdc\.zip", payload):
            raise ParseError("the index page links no data set; the page or the names of the files have changed")
        return Landed()
    if sighting.dataset == "bdc_sub":
        return _filings(payload, sighting)
    if sighting.dataset == "register":
        return _register(payload, sighting)
    raise ParseError(f"the room sec_bdc has no parser for {sighting.dataset}")


@contextmanager
def parse_file(payload: Path, sighting: Sighting, catalogue: Mapping[str, Any], scratch: Path) -> Generator[LandedTables]:
    """Give the positions and the filings of one data set.

    Raises:
        ParseError: the zip file is cut short, lacks a table, a table lacks a column, or values stand under an unknown name.
    """
    found = {Path(name).name.lower(): name for name in members_of(payload)}
    missing = [name for name in ("sub.tsv", "num.tsv", "txt.tsv", "soi.tsv") if name not in found]
    if missing:
        raise ParseError(f"the data set lacks {', '.join(missing)}; it holds {', '.join(sorted(found)[:12])}")
    quarantine: Quarantine = []
    with engine(scratch) as connection:
        rejects = Rejects(connection)
        with text_member(payload, found["sub.tsv"], scratch) as text:
            _load_filings(connection, text, rejects, quarantine, sighting)
        with text_member(payload, found["num.tsv"], scratch) as text:
            _load_facts(connection, text, rejects, quarantine, catalogue)
        with text_member(payload, found["txt.tsv"], scratch) as text:
            _load_dates(connection, text, rejects, quarantine, catalogue)
        for name in _DESCRIPTIONS:
            member = found.get(f"{name}.tsv")
            with text_member(payload, member, scratch) if member else nullcontext(Text(scratch, ())) as text:
                _load_description(connection, name, text, rejects, quarantine)
            if member is None:
                quarantine.append((f"{name}.tsv", "the data set lacks the table", ""))
        _load_events(connection, quarantine, sighting)
        _look_for_positions(connection, catalogue)
        _check_facts(connection, catalogue, quarantine)
        _assemble(connection, catalogue)
        with text_member(payload, found["soi.tsv"], scratch) as text:
            _compare(connection, text, rejects, quarantine, catalogue)
        yield LandedTables(connection, {"holding": "filer, period_end, holding_id", "filing": "filer, filing_id"}, quarantine)


# --- filings -------------------------------------------------------------------------------------------------------------

# accepted is US/Eastern wall time; the end of the day of filing stands in where it is missing, and our fetch bounds both.
_FILING = f"""
    CREATE TABLE filing AS
    WITH dated AS (
        SELECT
            *,
            coalesce(try_cast(accepted AS TIMESTAMP), try_strptime(filed, '%Y%m%d') + INTERVAL 1 DAY)
                AT TIME ZONE '{EASTERN}' AS instant,
            CAST({{fetched_at}} AS TIMESTAMPTZ) AS fetched_at
        FROM sub
        WHERE fault IS NULL
    )

    SELECT
        adsh AS filing_id,
        'filing' AS kind,
        lpad(cik, 10, '0') AS filer,
        name AS filer_name,
        former AS former_name,
        fileNumber AS file_number,
        form,
        last_day(strptime(period, '%Y%m%d')::DATE) AS report_period,
        try_strptime(filed, '%Y%m%d')::DATE AS filed_on,
        inlineurl AS document_url,
        CAST(NULL AS VARCHAR) AS positions,
        least(instant, fetched_at) AS known_at,
        CASE WHEN instant <= fetched_at THEN '{Basis.PROVIDER.value}' ELSE '{Basis.FIRST_SEEN.value}' END AS known_at_basis,
        CASE
            WHEN try_cast(accepted AS TIMESTAMP) IS NULL AND instant <= fetched_at THEN ['{Flag.KNOWN_LATE.value}']
            ELSE CAST([] AS VARCHAR[])
        END AS flags
    FROM dated
"""
_SUB = """
    CREATE TABLE sub AS
    SELECT
        *,
        CASE
            WHEN NOT coalesce(regexp_full_match(adsh, '\\d{{10}}-\\d{{2}}-\\d{{6}}'), false)
                THEN 'the accession number is malformed'
            WHEN NOT coalesce(regexp_full_match(cik, '\\d{{1,10}}'), false) THEN 'the CIK is malformed'
            WHEN name IS NULL OR form IS NULL THEN 'the name or the form is missing'
            WHEN try_strptime(period, '%Y%m%d') IS NULL THEN 'the period is no date'
            WHEN try_cast(accepted AS TIMESTAMP) IS NULL AND try_strptime(filed, '%Y%m%d') IS NULL
                THEN 'neither the acceptance nor the day of filing is an instant'
            WHEN row_number() OVER (PARTITION BY is_torn, adsh ORDER BY accepted) > 1
                THEN 'the accession number stands twice'
        END AS fault
    FROM {rows}
"""


def _load_filings(
    connection: duckdb.DuckDBPyConnection, text: Text, rejects: Rejects, quarantine: Quarantine, sighting: Sighting
) -> None:
    """Make the tables ``sub`` (as filed, with what is wrong with a row) and ``filing``."""
    connection.execute(_SUB.format(rows=read_tsv(text, "sub.tsv", SUB, rejects, SUB_MORE)))
    quarantine += rejects.quarantine("sub.tsv", "sub")
    faults = connection.execute("SELECT coalesce(adsh, '?'), fault, sub::VARCHAR FROM sub WHERE fault IS NOT NULL ORDER BY ALL")
    quarantine += [(f"sub.tsv {adsh}", fault, raw) for adsh, fault, raw in faults.fetchall()]
    connection.execute(_FILING.format(fetched_at=literal(sighting.fetched_at.isoformat())))


# --- what is said about tags and filings ---------------------------------------------------------------------------------

# The tables beside the facts, with the columns that they must have, and those that help where they are.
_DESCRIPTIONS = {
    "tag": (("tag", "version", "custom", "tlabel"), ("datatype",)),
    "pre": (("adsh", "stmt", "tag", "plabel", "negating"), ()),
    "cal": (("adsh", "negative", "ptag", "ctag"), ()),
    "non": (("adsh", "cik", "name", "form", "filed", "period", "tag", "value", "indexurl"), ()),
}


def _load_description(
    connection: duckdb.DuckDBPyConnection, name: str, text: Text, rejects: Rejects, quarantine: Quarantine
) -> None:
    """Make the table ``tag``, ``pre``, ``cal`` or ``non``, as filed."""
    required, optional = _DESCRIPTIONS[name]
    table = f"described_{name}"
    connection.execute(f"CREATE TABLE {table} AS SELECT * FROM {read_tsv(text, f'{name}.tsv', required, rejects, optional)}")
    quarantine += rejects.quarantine(f"{name}.tsv", table)


# Reports of events have cover pages in NON and no row in SUB. They tell the day, not the instant, of their filing.
_EVENTS = f"""
    CREATE TABLE event AS
    SELECT
        adsh, any_value(cik) AS cik, any_value(name) AS name, any_value(form) AS form, min(period) AS period,
        min(filed) AS filed, any_value(indexurl) AS indexurl,
        (try_strptime(min(filed), '%Y%m%d') + INTERVAL 1 DAY) AT TIME ZONE '{EASTERN}' AS instant,
        coalesce(
            regexp_full_match(adsh, '[0-9]{{{{10}}}}-[0-9]{{{{2}}}}-[0-9]{{{{6}}}}')
            AND regexp_full_match(any_value(cik), '[0-9]{{{{1,10}}}}')
            AND any_value(name) IS NOT NULL AND any_value(form) IS NOT NULL
            AND try_strptime(min(filed), '%Y%m%d') IS NOT NULL AND try_strptime(min(period), '%Y%m%d') IS NOT NULL,
            false
        ) AS is_usable
    FROM described_non
    GROUP BY adsh
    HAVING adsh IS NULL OR adsh NOT IN (SELECT filing_id FROM filing);
    INSERT INTO filing BY NAME
    SELECT
        adsh AS filing_id,
        'filing' AS kind,
        lpad(cik, 10, '0') AS filer,
        name AS filer_name,
        form,
        last_day(strptime(period, '%Y%m%d')::DATE) AS report_period,
        strptime(filed, '%Y%m%d')::DATE AS filed_on,
        indexurl AS document_url,
        '{Positions.EVENT.value}' AS positions,
        least(instant, CAST({{fetched_at}} AS TIMESTAMPTZ)) AS known_at,
        CASE
            WHEN instant <= CAST({{fetched_at}} AS TIMESTAMPTZ) THEN '{Basis.PROVIDER.value}' ELSE '{Basis.FIRST_SEEN.value}'
        END AS known_at_basis,
        CASE
            WHEN instant <= CAST({{fetched_at}} AS TIMESTAMPTZ) THEN ['{Flag.KNOWN_LATE.value}'] ELSE CAST([] AS VARCHAR[])
        END AS flags
    FROM event
    WHERE is_usable
"""


def _load_events(connection: duckdb.DuckDBPyConnection, quarantine: Quarantine, sighting: Sighting) -> None:
    """Add the reports of events to ``filing``."""
    connection.execute(_EVENTS.format(fetched_at=literal(sighting.fetched_at.isoformat())))
    faults = connection.execute(
        "SELECT coalesce(adsh, '?'), concat_ws(' ', cik, name, form, filed, period) FROM event WHERE NOT is_usable ORDER BY ALL"
    )
    quarantine += [
        (f"non.tsv {adsh}", "the filing has no readable accession number, filer, form, day or period", raw)
        for adsh, raw in faults.fetchall()
    ]


def _look_for_positions(connection: duckdb.DuckDBPyConnection, catalogue: Mapping[str, Any]) -> None:
    """Write into ``filing`` what the data set shows of the positions of each.

    A filing without a line of a position may still present investments at fair value (PRE), or add them to its assets (CAL):
    then the positions are there, and not tagged in a way that is read.
    """
    names = sorted({tag for kind in ("tags", "fund_tags") for tag in catalogue[kind]["fair_value"]})
    tags = ", ".join(map(literal, names))
    connection.execute(
        f"""
        UPDATE filing SET positions = CASE
            WHEN filing_id IN (
                SELECT CAST(adsh AS VARCHAR) FROM fact
                WHERE adsh IS NOT NULL AND segments IS NOT NULL AND is_known AND NOT regexp_full_match(segments, '{_LEVEL}')
            ) THEN '{Positions.TAGGED.value}'
            WHEN filing_id IN (
                SELECT adsh FROM described_pre WHERE tag IN ({tags}) AND adsh IS NOT NULL
                UNION ALL SELECT adsh FROM described_cal WHERE ctag IN ({tags}) AND adsh IS NOT NULL
            ) THEN '{Positions.PRESENTED.value}'
            WHEN (SELECT count(*) FROM described_pre) + (SELECT count(*) FROM described_cal) > 0
                THEN '{Positions.NONE.value}'
        END
        WHERE positions IS NULL
        """
    )


def _filings(payload: bytes, sighting: Sighting) -> Landed:
    """Return the filings of a table of filings alone."""
    import tempfile

    quarantine: Quarantine = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sub.tsv"
        path.write_bytes(payload)
        with engine(Path(folder)) as connection:
            _load_filings(connection, text_file(path), Rejects(connection), quarantine, sighting)
            columns = ", ".join(field.name for field in FILING if field not in PROVENANCE)
            filing = connection.execute(f"SELECT {columns} FROM filing ORDER BY filing_id").to_arrow_table()
    if not filing.num_rows:
        raise ParseError("the table of filings has no usable row")
    return Landed(filing=filing, quarantine=quarantine)


REGISTER = ("File_No", "CIK", "Registrant_Name", "Filing Date", "Filing Type")


def _register(payload: bytes, sighting: Sighting) -> Landed:
    """Return who is registered, by an edition of the register; it was known when we fetched it."""
    year = re.search(r"(\d{4})(?=\D*$)", sighting.url)
    reader = csv.DictReader(io.StringIO(payload.decode("utf-8-sig", "replace")))
    spelling = {re.sub(r"[\s_]+", " ", name or "").strip().lower(): name for name in reader.fieldnames or []}
    keys = [spelling.get(name.replace("_", " ").lower()) for name in REGISTER]
    if None in keys:
        raise ParseError(f"the register has the columns {reader.fieldnames}, expected {', '.join(REGISTER)} among them")
    rows, quarantine, seen = [], [], set()
    for row in reader:
        number, cik, name, filed, form = ((row[key] or "").strip() if key else "" for key in keys)
        identifier = f"register:{year[1] if year else 'all'}:{cik.zfill(10)}:{number}"
        if not cik.isdecimal() or not name or row.get(None) or identifier in seen:
            reason = "the row stands twice" if identifier in seen else "the row has no CIK, no name or too many cells"
            quarantine.append((f"line {reader.line_num}", reason, str(row)[:500]))
            continue
        seen.add(identifier)
        rows.append(
            {
                "filing_id": identifier,
                "kind": "register",
                "filer": cik.zfill(10),
                "filer_name": name,
                "former_name": None,
                "file_number": number or None,
                "form": form or "unknown",
                "report_period": None,
                "filed_on": _day(filed),
                "document_url": None,
                "positions": None,
                "known_at": sighting.fetched_at,
                "known_at_basis": Basis.FIRST_SEEN.value,
                "flags": [],
            }
        )
    if not rows:
        raise ParseError("the register has no usable row")
    schema = pa.schema([field for field in FILING if field not in PROVENANCE])
    return Landed(filing=pa.Table.from_pylist(rows, schema=schema), quarantine=quarantine)


def _day(text: str) -> date | None:
    """Return a date in one of the two ways in which editions of the register write it."""
    for layout in ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y"):
        try:
            return datetime.strptime(text, layout).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


# --- facts ---------------------------------------------------------------------------------------------------------------


def _tags(catalogue: Mapping[str, Mapping[str, Sequence[str]]], *kinds: str) -> list[tuple[str, str, int]]:
    """Return the tags of the catalogue with their measure and their place in its list."""
    return [
        (tag, measure, place) for kind in kinds for measure, tags in catalogue[kind].items() for place, tag in enumerate(tags)
    ]


def _values(rows: Sequence[tuple[str, str, int]]) -> str:
    """Return tags, measures and places as an SQL table."""
    return "(VALUES " + ", ".join(f"({literal(tag)}, {literal(measure)}, {place})" for tag, measure, place in rows) + ")"


_FAR = 100_000  # more than there are units, in an order of choice
# What is told of a line is gathered by its accession and its axes, long texts which each stand in many rows: numbers stand for
# them, which takes half of the time and of the memory.
_ENCODED = """
    CREATE TYPE accession AS ENUM (SELECT adsh FROM num WHERE adsh IS NOT NULL UNION SELECT '' ORDER BY ALL);
    CREATE TYPE axis_set AS ENUM (SELECT segments FROM num WHERE segments IS NOT NULL UNION SELECT '' ORDER BY ALL);
    CREATE TYPE unit AS ENUM (SELECT uom FROM num WHERE uom IS NOT NULL UNION SELECT '' ORDER BY ALL);
    CREATE TABLE fact AS
    SELECT
        * REPLACE (CAST(adsh AS accession) AS adsh, CAST(segments AS axis_set) AS segments, CAST(uom AS unit) AS uom),
        coalesce(CAST(enum_code(CAST(uom AS unit)) AS INTEGER), {far}) AS unit_place
    FROM num;
    DROP TABLE num;
"""
# What is wrong with the facts of a filing at a date.
_MOMENT = """
    CREATE TABLE moment AS
    SELECT
        adsh, ddate,
        CASE
            WHEN filing_id IS NULL THEN 'the filing is not in sub.tsv'
            WHEN try_strptime(ddate, '%Y%m%d') IS NULL THEN 'the date is no date'
            WHEN strptime(ddate, '%Y%m%d') > report_period + INTERVAL 31 DAY THEN 'the date is after the period of the filing'
        END AS fault
    FROM (SELECT DISTINCT adsh, ddate FROM fact) AS told
    LEFT JOIN filing ON filing_id = adsh
"""


def _load_facts(
    connection: duckdb.DuckDBPyConnection, text: Text, rejects: Rejects, quarantine: Quarantine, catalogue: Mapping[str, Any]
) -> None:
    """Make the table ``fact`` from NUM: the numbers of positions and of the whole fund, at a date, as filed.

    Of the footnotes, most of the bytes, only what they say about accrual is kept.
    """
    if not text.columns:
        raise ParseError("num.tsv has not a byte, not even a header")
    known = {tag for tag, _, _ in (*_tags(catalogue, "tags"), *_tags(catalogue, "fund_tags"))}
    rows = read_tsv(text, "num.tsv", (*FACT, "uom"), rejects, ("qtrs", "footnote"))
    connection.execute(
        f"""
        CREATE TABLE num AS
        SELECT
            adsh, tag, ddate, uom, segments, value AS told, try_cast(value AS DOUBLE) AS value,
            tag IN ({", ".join(map(literal, sorted(known)))}) AS is_known,
            CASE  -- most footnotes are long and say nothing of it, which a plain search finds out fast
                WHEN NOT (contains(footnote, 'ccrual') OR contains(footnote, 'CCRUAL')) THEN NULL
                WHEN regexp_matches(footnote, '{_NEGATED}') THEN 'accruing'
                WHEN regexp_matches(footnote, '{_NOT_ACCRUING}') THEN 'non_accrual'
            END AS accrual,
            is_torn
        FROM {rows}
        WHERE
            is_torn
            OR (qtrs IS NULL OR qtrs = '0')
            AND (
                tag IN ({", ".join(map(literal, sorted(known)))})
                OR (
                    regexp_matches(tag, '(?i)(fairvalue|cost|principal|non_?accrual)')
                    AND contains(segments, 'InvestmentIdentifierAxis(')
                )
            )
            AND (
                segments IS NULL
                OR contains(segments, 'InvestmentIdentifierAxis(')
                OR contains(segments, 'InvestmentIssuerNameAxis(')
                OR regexp_full_match(segments, '{_LEVEL}')
            )
        """
    )
    quarantine += rejects.quarantine("num.tsv", "num")
    connection.execute(_ENCODED.format(far=_FAR))
    connection.execute(_MOMENT)
    faults = connection.execute(
        """
        SELECT
            fact.adsh, tag, fact.ddate, told,
            coalesce(
                moment.fault,
                CASE WHEN NOT isfinite(value) OR value IS NULL AND told IS NOT NULL THEN 'the value is no number' END
            ) AS fault,
            coalesce(segments, '')
        FROM fact
        INNER JOIN moment ON fact.adsh IS NOT DISTINCT FROM moment.adsh AND fact.ddate IS NOT DISTINCT FROM moment.ddate
        WHERE is_known AND (moment.fault IS NOT NULL OR NOT isfinite(value) OR value IS NULL AND told IS NOT NULL)
        ORDER BY ALL
        """
    ).fetchall()
    silent = connection.execute(
        """
        SELECT filing_id, form, report_period
        FROM filing
        WHERE filing_id NOT IN (SELECT DISTINCT CAST(adsh AS VARCHAR) FROM fact WHERE adsh IS NOT NULL)
        ORDER BY ALL
        """
    )
    quarantine += [
        (f"sub.tsv {adsh}", "num.tsv tells nothing of the filing", f"{form} {period}")
        for adsh, form, period in silent.fetchall()
    ]
    quarantine += [
        (f"num.tsv {adsh} {tag} {day}", fault, f"{told} {segments[:500]}") for adsh, tag, day, told, fault, segments in faults
    ]


def _load_dates(
    connection: duckdb.DuckDBPyConnection, text: Text, rejects: Rejects, quarantine: Quarantine, catalogue: Mapping[str, Any]
) -> None:
    """Make the table ``dated`` from TXT: maturity and day of purchase of a line."""
    tags = _tags(catalogue, "dates")
    connection.execute(
        f"""
        CREATE TABLE dated_text AS
        SELECT adsh, ddate, segments, measure, place, value AS told, try_cast(left(value, 10) AS DATE) AS day, tag, is_torn
        FROM {read_tsv(text, "txt.tsv", FACT, rejects)}
        LEFT JOIN {_values(tags)} AS known (tag, measure, place) USING (tag)
        WHERE is_torn OR (segments IS NOT NULL AND measure IS NOT NULL)
        """
    )
    quarantine += rejects.quarantine("txt.tsv", "dated_text")
    faults = connection.execute(
        "SELECT adsh, tag, ddate, told, segments FROM dated_text WHERE day IS NULL AND told IS NOT NULL ORDER BY ALL"
    )
    quarantine += [
        (f"txt.tsv {adsh} {tag} {ddate}", "the date is no date", f"{told} {segments[:500]}")
        for adsh, tag, ddate, told, segments in faults.fetchall()
    ]
    connection.execute(
        """
        CREATE TABLE dated AS
        SELECT
            adsh, ddate, segments,
            arg_min(day, place) FILTER (WHERE measure = 'maturity' AND day IS NOT NULL) AS maturity,
            arg_min(day, place) FILTER (WHERE measure = 'acquired_on' AND day IS NOT NULL) AS acquired_on
        FROM dated_text
        GROUP BY ALL;
        DROP TABLE dated_text
        """
    )


def _check_facts(connection: duckdb.DuckDBPyConnection, catalogue: Mapping[str, Any], quarantine: Quarantine) -> None:
    """Refuse a file whose positions have their values under names that we do not know; name filings of which this is true."""
    known = _tags(catalogue, "tags")
    value_tags = ", ".join(literal(tag) for tag, measure, _ in known if measure == "fair_value")
    amounts = ", ".join(literal(tag) for tag, measure, _ in known if measure in ("fair_value", "cost", "principal"))
    lines = connection.execute(
        f"""
        SELECT
            adsh,
            count(*) AS n,
            count(*) FILTER (WHERE NOT has_value) AS n_without,
            coalesce(string_agg(DISTINCT stranger, ', ') FILTER (WHERE NOT has_value), '')
        FROM (
            SELECT
                adsh, ddate, segments,
                coalesce(bool_or(tag IN ({value_tags})), false) AS has_value,
                min(tag) FILTER (WHERE NOT is_known AND contains(lower(tag), 'fairvalue')) AS stranger
            FROM fact
            WHERE contains(segments, 'InvestmentIdentifierAxis(')
            GROUP BY ALL
            HAVING bool_or(tag IN ({amounts}) OR NOT is_known AND contains(lower(tag), 'fairvalue'))
        )
        GROUP BY adsh
        ORDER BY adsh
        """
    ).fetchall()
    called = dict(
        connection.execute("SELECT tag, any_value(tlabel) FROM described_tag WHERE custom = '1' GROUP BY tag").fetchall()
    )
    total, without = sum(row[1] for row in lines), sum(row[2] for row in lines)
    if total and without > total / 2:
        names = sorted({name for row in lines for name in row[3].split(", ") if name})
        strangers = [f"{name} ({called[name]})" if called.get(name) else name for name in names]
        raise ParseError(
            f"{without} of {total} positions in num.tsv have no fair value under a tag that we know"
            + (f"; the values may be under {', '.join(strangers[:5])}" if strangers else "")
        )
    for adsh, n, n_without, strangers in lines:
        if strangers and n_without > n / 2:
            quarantine.append(
                (f"num.tsv {adsh}", f"{n_without} of {n} positions have no fair value under a known tag", strangers)
            )


_RATES = ("rate", "spread", "pik_rate", "cash_rate", "floor", "net_assets")

# One number for each line and measure, in the unit that its money is told in: dollars where there is a choice. Two different
# numbers for one measure are both kept from being read: the line says SUSPECT and has the one of the smaller size.
_LINE = """
    CREATE TABLE line AS
    WITH usable AS (
        SELECT fact.adsh, fact.ddate, fact.segments, measure, place, uom, unit_place, value, accrual
        FROM fact
        INNER JOIN {tags} AS known (tag, measure, place, is_fund) USING (tag)
        INNER JOIN moment ON fact.adsh = moment.adsh AND fact.ddate = moment.ddate
        WHERE
            isfinite(value)
            AND fault IS NULL
            AND is_fund = (segments IS NULL OR regexp_full_match(segments, '{level}'))
    ),

    said AS (
        SELECT
            adsh, ddate, segments, measure, uom, unit_place,
            coalesce({first}) AS value,
            min(value) <> max(value) AS is_contradicted,
            CASE max(CASE accrual WHEN 'non_accrual' THEN 2 WHEN 'accruing' THEN 1 END)
                WHEN 2 THEN 'non_accrual' WHEN 1 THEN 'accruing'
            END AS accrual
        FROM usable
        GROUP BY ALL
    ),

    money AS (
        SELECT
            adsh, ddate, segments,
            arg_min(uom, unit_place + {far} * CASE WHEN uom = 'USD' THEN 0 WHEN measure = 'fair_value' THEN 2 ELSE 3 END)
                AS currency
        FROM said
        WHERE measure IN ('fair_value', 'cost')
        GROUP BY adsh, ddate, segments
    )

    SELECT
        CAST(said.adsh AS VARCHAR) AS adsh, said.ddate, CAST(said.segments AS VARCHAR) AS segments,
        any_value(currency) AS currency,
        max(value) FILTER (WHERE measure = 'fair_value' AND uom = currency) AS fair_value,
        max(value) FILTER (WHERE measure = 'cost' AND uom = currency) AS cost,
        arg_min(value, {here}) FILTER (WHERE measure = 'principal') AS principal,
        arg_min(uom, {here}) FILTER (WHERE measure = 'principal') AS principal_currency,
        arg_min(value, unit_place) FILTER (WHERE measure = 'shares') AS shares,
        {measures},
        bool_or(is_contradicted) AS is_contradicted,
        max(accrual) AS accrual
    FROM said
    LEFT JOIN money
        ON said.adsh = money.adsh AND said.ddate = money.ddate AND said.segments IS NOT DISTINCT FROM money.segments
    GROUP BY said.adsh, said.ddate, said.segments
"""

# The axes of a line. Issuer axes stand in for the identifier where a filer has none.
_LINE_AXES = f"""
    CREATE TABLE axes AS
    SELECT
        segments,
        regexp_extract(segments, '{_IDENTIFIER}', 1) AS identifier,
        list_sort(list_transform(
            list_zip(regexp_extract_all(segments, '{_MEMBER}', 1), regexp_extract_all(segments, '{_MEMBER}', 2)),
            lambda pair: pair[1] || '=' || pair[2]
        )) AS members
    FROM (SELECT DISTINCT segments FROM line)
"""

# A filer writes rates as fractions or as percent: which, is told by the middle of all that it wrote.
_SCALES = ", ".join(f"coalesce(median(abs({one})) FILTER (WHERE {one} <> 0) < 0.5, true) AS {one}_is_share" for one in _RATES)

# Some filers say by a tag of their own which positions do not accrue; TAG has what they call it.
_OWN_ACCRUAL = f"""
    CREATE TABLE own_accrual AS
    SELECT DISTINCT CAST(fact.adsh AS VARCHAR) AS adsh, ddate, CAST(segments AS VARCHAR) AS segments
    FROM fact
    LEFT JOIN described_tag AS own ON fact.tag = own.tag AND CAST(fact.adsh AS VARCHAR) = own.version
    WHERE
        NOT is_known
        AND value > 0
        AND regexp_matches(fact.tag, '(?i)non_?accrual')
        AND NOT regexp_matches(fact.tag, '(?i)(exclud|except|without)')
        AND NOT coalesce(regexp_matches(tlabel, '{_NEGATED}'), false)
"""

_HOLDING = f"""
    CREATE TABLE holding AS
    WITH told AS (
        SELECT
            line.*,
            filing.*,
            last_day(strptime(ddate, '%Y%m%d')::DATE) AS day,
            trim(coalesce(identifier, '')) AS identifier_text,
            coalesce(members, []) AS all_members
        FROM line
        INNER JOIN filing ON filing_id = adsh
        LEFT JOIN axes ON line.segments = axes.segments
    ),

    scale AS (
        SELECT
            adsh,
            {_SCALES}
        FROM line
        GROUP BY adsh
    ),

    grid AS (
        SELECT adsh, ddate, CASE {" ".join(f"WHEN bool_and(fair_value % 1e{n} = 0) THEN 1e{n}" for n in _GRIDS)} END AS step
        FROM line
        WHERE fair_value <> 0 AND segments IS NOT NULL AND NOT regexp_full_match(segments, '{_LEVEL}')
        GROUP BY ALL
        HAVING count(*) >= 3
    )

    SELECT
        adsh || ':' || ddate || ':' || CASE
            WHEN told.segments IS NULL THEN 'total' ELSE left(md5(told.segments), 16)
        END AS holding_id,
        CASE
            WHEN told.segments IS NULL THEN 'total'
            WHEN regexp_full_match(told.segments, '{_LEVEL}')
                THEN 'level_' || regexp_extract(told.segments, '{_LEVEL}', 1)
            ELSE 'position'
        END AS line_kind,
        filer,
        filer AS fund,
        CAST(NULL AS VARCHAR) AS manager,
        form,
        report_period,
        day AS period_start,
        day AS period_end,
        CASE
            WHEN identifier_text <> '' THEN identifier_text
            ELSE array_to_string(
                list_transform(all_members, lambda one: regexp_replace(split_part(one, '=', 2), 'Member$', '')), ', '
            )
        END AS raw_identifier,
        CASE
            WHEN line_kind <> 'position' THEN 'none' WHEN identifier_text <> '' THEN 'axis' ELSE 'member'
        END AS identifier_basis,
        all_members AS axes,
        CAST(NULL AS VARCHAR) AS asset_category,
        CAST(NULL AS VARCHAR) AS issuer_name,
        CAST(NULL AS VARCHAR) AS issuer_lei,
        CAST(NULL AS VARCHAR) AS cusip,
        CAST(NULL AS VARCHAR) AS issuer_key,
        CAST(NULL AS VARCHAR) AS instrument_key,
        principal,
        principal_currency,
        shares,
        cost,
        fair_value,
        currency,
        step AS value_grid,
        CAST(NULL AS DOUBLE) AS exchange_rate,
        net_assets * CASE WHEN net_assets_is_share THEN 100 ELSE 1 END AS net_assets_pct,
        spread * CASE WHEN spread_is_share AND abs(spread) < 1 THEN 10000 ELSE 100 END AS spread_bp,
        rate * CASE WHEN rate_is_share AND abs(rate) < 1 THEN 100 ELSE 1 END AS rate_pct,
        cash_rate * CASE WHEN cash_rate_is_share AND abs(cash_rate) < 1 THEN 100 ELSE 1 END AS cash_rate_pct,
        floor * CASE WHEN floor_is_share AND abs(floor) < 1 THEN 100 ELSE 1 END AS floor_pct,
        maturity,
        acquired_on,
        pik_rate * CASE WHEN pik_rate_is_share AND abs(pik_rate) < 1 THEN 100 ELSE 1 END AS pik_rate_pct,
        CASE WHEN pik_rate > 0 THEN true END AS is_paid_in_kind,
        CASE
            WHEN regexp_matches(array_to_string(all_members, ' '), '(?i)PerformanceStatusAxis=nonaccrual') THEN 'non_accrual'
            WHEN own_accrual.adsh IS NOT NULL THEN 'non_accrual'
            ELSE accrual
        END AS accrual_status,
        TRY_CAST(CASE WHEN line_kind LIKE 'level%' THEN right(line_kind, 1) END AS INTEGER) AS fair_value_level,
        known_at,
        known_at_basis,
        adsh AS accession,
        CASE WHEN fair_value IS NULL THEN 'O' ELSE 'A' END AS obs_status,
        CASE
            WHEN is_contradicted OR abs(spread) >= 1 AND spread_is_share OR abs(rate) >= 1 AND rate_is_share
                THEN list_append(flags, '{Flag.SUSPECT.value}')
            ELSE flags
        END AS flags
    FROM told
    INNER JOIN scale USING (adsh)
    LEFT JOIN grid USING (adsh, ddate)
    LEFT JOIN dated ON told.adsh = dated.adsh AND told.ddate = dated.ddate AND told.segments = dated.segments
    LEFT JOIN own_accrual
        ON told.adsh = own_accrual.adsh AND told.ddate = own_accrual.ddate AND told.segments = own_accrual.segments
"""


def _assemble(connection: duckdb.DuckDBPyConnection, catalogue: Mapping[str, Any]) -> None:
    """Make the table ``holding`` from facts, dates and filings."""
    known = [(*row, False) for row in _tags(catalogue, "tags")] + [(*row, True) for row in _tags(catalogue, "fund_tags")]
    tags = (
        "(VALUES " + ", ".join(f"({literal(tag)}, {literal(name)}, {place}, {fund})" for tag, name, place, fund in known) + ")"
    )
    measures = ", ".join(f"arg_min(value, unit_place) FILTER (WHERE measure = '{name}') AS {name}" for name in _RATES)
    places = range(max(place for _, _, place, _ in known) + 1)
    first = ", ".join(f"arg_min(value, abs(value)) FILTER (WHERE place = {place})" for place in places)
    here = f"unit_place + {_FAR} * coalesce((uom <> currency)::INTEGER, 1)"  # the unit of the line's money before others
    connection.execute(_LINE.format(tags=tags, level=_LEVEL, measures=measures, first=first, here=here, far=_FAR))
    connection.execute(_OWN_ACCRUAL)
    connection.execute("DROP TABLE fact; DROP TYPE axis_set")
    connection.execute(_LINE_AXES)
    connection.execute(_HOLDING)
    connection.execute("DROP TABLE line; DROP TABLE axes; DROP TABLE dated; DROP TABLE own_accrual")


def _compare(
    connection: duckdb.DuckDBPyConnection, text: Text, rejects: Rejects, quarantine: Quarantine, catalogue: Mapping[str, Any]
) -> None:
    """Hold the positions against the wide table; say where they differ, and refuse values under a label that we do not know."""
    names = text.columns
    if not names:  # the provider's way to say that nothing was filed
        return
    position = identifier(catalogue["identifier_label"])
    known = {label for labels in catalogue["labels"].values() for label in labels}
    values = [label for label in catalogue["labels"]["fair_value"] if label in names]
    looks = re.compile(catalogue["value_label"])
    strangers = [name for name in names if looks.search(name) and name not in known and not name.endswith("Axis")]
    rows = read_tsv(text, "soi.tsv", ("adsh", "ddate", catalogue["identifier_label"]), rejects, (*values, *strangers))
    connection.execute(f"CREATE TABLE soi AS SELECT * FROM {rows}")
    quarantine += rejects.quarantine("soi.tsv", "soi")
    told = ", ".join(f"try_cast({identifier(label)} AS DOUBLE)" for label in values) or "CAST(NULL AS DOUBLE)"
    counts = ", ".join(f"count({identifier(name)}) FILTER (WHERE value IS NULL)" for name in strangers)
    found = connection.execute(
        f"""
        SELECT count(*), count(*) FILTER (WHERE {position} IS NOT NULL),
            count(value) FILTER (WHERE {position} IS NOT NULL){", " + counts if counts else ""}
        FROM (SELECT *, coalesce({told}, NULL) AS value FROM soi)
        """
    ).fetchall()[0]
    positions, filled = found[1], found[2]
    if positions and filled < positions / 2:
        suspects = sorted(name for name, n in zip(strangers, found[3:], strict=True) if n > (positions - filled) / 2)
        if suspects:
            raise ParseError(
                f"soi.tsv has a fair value under a known label in {filled} of {positions} positions; "
                f"the label {suspects[0]!r} is not in assets/sec_bdc/series.yml"
            )
        if not filled:
            quarantine.append(("soi.tsv", "no column of a known label holds a fair value, so nothing was compared", ""))
    differing = connection.execute(
        f"""
        WITH wide AS (
            SELECT adsh, strptime(ddate, '%Y-%m-%d')::DATE AS day, trim({position}) AS name, coalesce({told}, NULL) AS value
            FROM soi
            WHERE {position} IS NOT NULL AND try_strptime(ddate, '%Y-%m-%d') IS NOT NULL AND value IS NOT NULL
        ),

        long AS (
            SELECT accession AS adsh, period_end AS day, raw_identifier AS name, list(fair_value) AS fair_values
            FROM holding
            WHERE line_kind = 'position' AND fair_value IS NOT NULL
            GROUP BY ALL
        )

        SELECT
            adsh, count(*),
            count(*) FILTER (WHERE NOT coalesce(list_contains(fair_values, value), false)) AS n_other,
            min(name || ' on ' || day || ': ' || value || ', and in num.tsv ' || coalesce(fair_values::VARCHAR, 'nothing'))
                FILTER (WHERE NOT coalesce(list_contains(fair_values, value), false))
        FROM wide
        LEFT JOIN long USING (adsh, day, name)
        GROUP BY adsh
        HAVING n_other > 0
        ORDER BY adsh
        """
    ).fetchall()
    quarantine += [
        (f"soi.tsv {adsh}", f"{n_other} of {n} fair values are not those of num.tsv", example[:500])
        for adsh, n, n_other, example in differing
    ]
