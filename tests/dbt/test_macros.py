"""The macros, rendered as dbt renders them for DuckDB and run in DuckDB, held against plain Python."""

from __future__ import annotations

import calendar
import hashlib
import math
import re
import statistics
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.runtime import Macro

from undertow.codegen import outdated
from undertow.vocabulary import FLAGS, Flag, flag_mask

ROOT = Path(__file__).resolve().parents[2]
MACROS = ROOT / "dbt_project" / "macros"


_MACRO = re.compile(r"\{%-?\s*macro\b.*?\bendmacro\s*-?%\}", re.DOTALL)


class _Returned(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class _Refused(Exception):
    """What `exceptions.raise_compiler_error` raises."""


def _returning(macro: Macro) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return macro(*arguments, **named)
        except _Returned as returned:
            return returned.value

    return call


class Project:
    """The project's macros with dbt's own names around them. Each attribute is a macro."""

    def __init__(self, variables: dict[str, str] | None = None, environment: dict[str, str] | None = None) -> None:
        variables, environment = variables or {}, environment or {}

        def give_back(value: Any) -> None:
            raise _Returned(value)

        def refuse(message: str) -> None:
            raise _Refused(message)

        def dispatch(name: str, package: str) -> Callable[..., Any]:
            assert package == "undertow"
            return self.macros.get(f"duckdb__{name}") or self.macros[f"default__{name}"]

        names: dict[str, Any] = {
            "return": give_back,
            "adapter": SimpleNamespace(dispatch=dispatch),
            "exceptions": SimpleNamespace(raise_compiler_error=refuse),
            "undertow": self,
            "var": lambda name, default="": variables.get(name, default),
            "env_var": environment.__getitem__,
            "ref": lambda name: name,
            "range": range,
        }
        self.macros = names
        jinja = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
        for path in sorted(MACROS.glob("*.sql")):
            # One template for each macro: inside one, Jinja would call its neighbours past the wrapper that dbt has too.
            for text in _MACRO.findall(path.read_text(encoding="utf-8")):
                template = jinja.from_string(text)
                context = template.new_context(names, shared=True)
                list(template.root_render_func(context))
                names.update({name: _returning(macro) for name, macro in context.vars.items()})

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self.macros[name]


PROJECT = Project()
CONNECTION = duckdb.connect(":memory:")
CONNECTION.execute("SET threads = 1")

everything = settings(max_examples=60, deadline=None)


def ask(sql: str, *parameters: Any) -> Any:
    """The one value that an expression gives."""
    return CONNECTION.execute(f"SELECT {sql}", list(parameters)).fetchall()[0][0]


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return CONNECTION.execute(sql, list(parameters)).fetchall()


# --- flags ----------------------------------------------------------------------------------------------------------


def test_generated_files_repeat_the_vocabulary() -> None:
    assert outdated(ROOT) == []


MASKS = st.lists(st.integers(0, 2 ** len(FLAGS) - 1), min_size=1, max_size=20)
TO_FLAGS = f"SELECT m, {PROJECT.mask_to_flags('m')} FROM (SELECT unnest(?::bigint[]) AS m)"
ROUND_TRIP = f"SELECT m, {PROJECT.flags_to_mask('flags')} FROM (SELECT m, {PROJECT.mask_to_flags('m')} AS flags FROM asked)"


@everything
@given(MASKS)
def test_a_mask_becomes_the_names_of_its_bits_and_comes_back(masks: list[int]) -> None:
    for mask, flags in rows(TO_FLAGS, masks):
        assert flags == [meaning.flag.value for meaning in FLAGS if mask & meaning.bit]
        assert flag_mask([Flag(flag) for flag in flags]) == mask
    sql = f"WITH asked AS (SELECT unnest(?::bigint[]) AS m) {ROUND_TRIP}"
    assert all(mask == back for mask, back in rows(sql, masks))


@everything
@given(st.lists(st.sampled_from(list(Flag)), max_size=8))
def test_a_list_of_flags_becomes_its_mask_whatever_its_order(flags: list[Flag]) -> None:
    sql = f"{PROJECT.flags_to_mask('flags')} FROM (SELECT ?::varchar[] AS flags)"
    assert ask(sql, [flag.value for flag in flags]) == flag_mask(flags)


def test_no_flags_are_an_empty_list_and_never_null() -> None:
    assert ask(f"{PROJECT.mask_to_flags('m')} FROM (SELECT 0::bigint AS m)") == []
    assert ask(f"{PROJECT.flags_to_mask('f')} FROM (SELECT NULL::varchar[] AS f)") == 0
    assert ask(f"{PROJECT.flags_to_mask('f')} FROM (SELECT []::varchar[] AS f)") == 0


def test_each_flag_has_its_bit_and_an_unknown_name_stops_the_compilation() -> None:
    for meaning in FLAGS:
        assert PROJECT.flag(meaning.flag.value) == str(meaning.bit)
    with pytest.raises(_Refused, match="unknown flag STAIL"):
        PROJECT.flag("STAIL")


CONFIDENCE = f"SELECT m, {PROJECT.confidence('m')}, {PROJECT.travelling('m')} FROM (SELECT unnest(?::bigint[]) AS m)"


@everything
@given(MASKS)
def test_confidence_is_the_product_of_what_the_flags_leave(masks: list[int]) -> None:
    for mask, confidence, travelling in rows(CONFIDENCE, masks):
        left = math.prod(1 - meaning.penalty for meaning in FLAGS if mask & meaning.bit)
        assert confidence == pytest.approx(left, abs=6e-7)
        assert 0 <= confidence <= 1
        assert travelling == sum(meaning.bit for meaning in FLAGS if mask & meaning.bit and meaning.travels)


@everything
@given(st.integers(0, 2 ** len(FLAGS) - 1), st.sampled_from(FLAGS))
def test_one_more_flag_never_raises_confidence(mask: int, meaning: Any) -> None:
    (_, before, _), (_, after, _) = rows(CONFIDENCE, [mask, mask | meaning.bit])
    assert after <= before


def test_confidence_without_flags_is_one_and_synthetic_data_has_none() -> None:
    (_, clean, _), (_, synthetic, _) = rows(CONFIDENCE, [0, flag_mask([Flag.SYNTHETIC])])
    assert (clean, synthetic) == (1.0, 0.0)


def test_mask_or_of_a_group() -> None:
    assert ask(f"{PROJECT.mask_or('m')} FROM (VALUES (1::bigint), (4), (5)) AS t (m)") == 5


# --- digests --------------------------------------------------------------------------------------------------------


def _digest(*texts: str) -> int:
    """The last eight bytes of the MD5 of the texts, least significant byte first."""
    return int.from_bytes(hashlib.md5("|".join(texts).encode()).digest()[8:], "little")


def test_digest_is_stable() -> None:
    sql = f"{PROJECT.digest(['a', 'b', 'c'])} FROM (SELECT 'x' AS a, DATE '2025-10-01' AS b, 1.5::double AS c)"
    assert ask(sql) == _digest("x", "2025-10-01", "1.5")
    assert ask(f"{PROJECT.digest(['a'])} FROM (SELECT 'abc' AS a)") == 0x727FE1287D3F96D6
    assert ask(f"{PROJECT.digest_text(PROJECT.digest(['a']))} FROM (SELECT 'abc' AS a)") == "727fe1287d3f96d6"


def test_digest_tells_null_from_empty() -> None:
    sql = f"SELECT {PROJECT.digest(['a', 'b'])} FROM (VALUES (NULL, 'x'), ('', 'x')) AS t (a, b)"
    (null,), (empty,) = rows(sql)
    assert null == _digest("-", "x")
    assert empty == _digest("", "x")


def test_digest_text_keeps_leading_zeros() -> None:
    assert ask(PROJECT.digest_text("cast(1 as ubigint)")) == "0000000000000001"
    assert ask(PROJECT.digest_text("cast(18446744073709551615 as ubigint)")) == "f" * 16


@everything
@given(st.lists(st.tuples(st.text(max_size=8), st.one_of(st.none(), st.text(max_size=8))), min_size=1, max_size=10))
def test_digest_of_texts_matches_its_definition(pairs: list[tuple[str, str | None]]) -> None:
    sql = f"SELECT a, b, {PROJECT.digest(['a', 'b'])} FROM (SELECT unnest(?::varchar[]) AS a, unnest(?::varchar[]) AS b)"
    pairs = [(a.replace("\x00", ""), b and b.replace("\x00", "")) for a, b in pairs]
    for a, b, digest in rows(sql, [a for a, _ in pairs], [b for _, b in pairs]):
        assert digest == _digest(a, "-" if b is None else b)


# --- exact sums -----------------------------------------------------------------------------------------------------


@everything
@given(st.lists(st.floats(-1000, 1000).map(lambda x: round(x, 6)), min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_sums_are_exact_and_their_deviation_is_that_of_the_values(values: list[float], random: Any) -> None:
    parts = [f"count(*) AS n, sum({PROJECT.exact('v')}) AS s, sum({PROJECT.exact('v * v')}) AS q"]
    sql = f"SELECT {parts[0]} FROM (SELECT unnest(?::double[]) AS v)"
    first = rows(sql, values)
    shuffled = random.sample(values, len(values))
    assert rows(sql, shuffled) == first
    deviation = ask(f"{PROJECT.sd_from_sums('n', 's', 'q')} FROM ({sql})", values)
    # a difference of squares loses half of the digits of the mean
    scale = max(abs(value) for value in values)
    assert deviation == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6 * max(scale, 1))


# --- rank -----------------------------------------------------------------------------------------------------------

RANK = f"""
    SELECT part, day, value, {PROJECT.expanding_rank("value", "part", "day")} AS mid_rank
    FROM (SELECT unnest(?::varchar[]) AS part, unnest(?::int[]) AS day, unnest(?::double[]) AS value)
    ORDER BY part, day
"""


def _mid_rank(earlier: list[float], value: float) -> float:
    return sum(1.0 if x < value else 0.5 if x == value else 0.0 for x in earlier)


@everything
@given(
    st.lists(
        st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6)), min_size=1, max_size=60),
        min_size=1,
        max_size=3,
    )
)
def test_expanding_rank_equals_counting(parts: list[list[float]]) -> None:
    flat = [(str(number), day, value) for number, values in enumerate(parts) for day, value in enumerate(values)]
    answer = rows(RANK, *map(list, zip(*flat, strict=True)))
    for (part, day, value, mid_rank), expected in zip(answer, flat, strict=True):
        assert (part, day, value) == expected
        assert mid_rank == _mid_rank(parts[int(part)][:day], value)
        assert 0 <= mid_rank <= day


def test_expanding_rank_knows_the_known_answer() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 3.0, 6.0, 0.0, 3.0]
    answer = rows(RANK, ["s"] * len(values), list(range(len(values))), values)
    assert [row[3] / row[1] for row in answer if row[1] >= 5] == [0.5, 1.0, 0.0, 0.5]


def test_expanding_rank_of_a_long_tie_is_a_half() -> None:
    answer = rows(RANK, ["s"] * 3000, list(range(3000)), [4.4] * 3000)
    assert all(row[3] == row[1] / 2 for row in answer)


# --- dates ----------------------------------------------------------------------------------------------------------


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _month_end(day: date, months: int) -> date:
    first = _add_months(day.replace(day=1), months)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


DAYS = st.dates(date(1913, 1, 1), date(2100, 12, 31))
MONTHS = f"""
    SELECT
        {PROJECT.add_months("d", "n")}, {PROJECT.month_end("d", "n")},
        {PROJECT.months_between(PROJECT.month_end("d", 0), PROJECT.month_end("d", "n"))}
    FROM (SELECT ?::date AS d, ?::int AS n)
"""


@everything
@given(DAYS, st.integers(-240, 240))
def test_months_are_added_as_a_calendar_does(day: date, months: int) -> None:
    assert rows(MONTHS, day, months) == [(_add_months(day, months), _month_end(day, months), months)]


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), -12, date(2023, 2, 28)),
        (date(2025, 12, 31), 2, date(2026, 2, 28)),
        (date(2025, 3, 31), -1, date(2025, 2, 28)),
    ],
)
def test_add_months_stays_inside_the_month(day: date, months: int, expected: date) -> None:
    assert ask(PROJECT.add_months(f"DATE '{day}'", months)) == expected


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 10, 31), -12, date(2024, 10, 31)),
        (date(2025, 2, 28), -12, date(2024, 2, 29)),  # from the end of a short month to the end of a longer one
        (date(2025, 2, 28), 1, date(2025, 3, 31)),
        (date(2025, 10, 31), -1, date(2025, 9, 30)),
        (date(2025, 10, 1), 0, date(2025, 10, 31)),
        (date(2025, 12, 31), 1, date(2026, 1, 31)),
    ],
)
def test_month_end_is_the_end_of_a_month(day: date, months: int, expected: date) -> None:
    assert ask(PROJECT.month_end(f"DATE '{day}'", months)) == expected


@everything
@given(st.dates(date(1970, 1, 2), date(2050, 1, 1)), st.dates(date(1970, 1, 2), date(2050, 1, 1)))
def test_days_between(earlier: date, later: date) -> None:
    assert ask(PROJECT.days_between("?::date", "?::date"), earlier, later) == (later - earlier).days


INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31))
ZONES = ["America/New_York", "Europe/Berlin", "Asia/Tokyo", "UTC"]


@everything
@given(INSTANTS, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_local_date_is_the_date_on_the_wall_whatever_the_session(instant: datetime, zone: str, session: str) -> None:
    expected = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()
    CONNECTION.execute(f"SET TimeZone = '{session}'")
    assert ask(f"{PROJECT.local_date('t', 'z')} FROM (SELECT ?::timestamp AS t, ? AS z)", instant, zone) == expected


@pytest.mark.parametrize("hours", range(-3, 4))
def test_local_date_around_the_change_of_clocks(hours: int) -> None:
    instant = datetime(2025, 11, 2, 6, 0, tzinfo=UTC) + timedelta(hours=hours)  # 06:00 UTC: New York sets its clocks back
    expected = instant.astimezone(ZoneInfo("America/New_York")).date()
    assert ask(PROJECT.local_date("?::timestamp", "'America/New_York'"), instant.replace(tzinfo=None)) == expected


# --- as of ----------------------------------------------------------------------------------------------------------


def test_the_cut_off_is_inclusive_and_off_by_default() -> None:
    assert PROJECT.known_by("known_at") == "1 = 1"
    cut = Project(variables={"known_by": "2025-10-24 12:30:00"}).known_by("known_at")
    values = "(VALUES (TIMESTAMP '2025-10-24 12:30:00'), (TIMESTAMP '2025-10-24 12:30:00.000001')) AS t (known_at)"
    assert rows(f"SELECT cast(known_at AS varchar) FROM {values} WHERE {cut}") == [("2025-10-24 12:30:00",)]


# --- lists and rooms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), [("a, b", ["a, b"]), ("", []), (None, [])])
def test_a_text_becomes_a_list_of_one(text: str | None, expected: list[str]) -> None:
    assert ask(f"{PROJECT.single_list('t')} FROM (SELECT ?::varchar AS t)", text) == expected


def test_two_lists_are_compared_as_texts() -> None:
    assert ask(PROJECT.list_text("['a', 'b']")) == "a;b"
    assert ask(PROJECT.list_text("[]::varchar[]")) == ""


def test_rooms_are_those_that_land_a_table() -> None:
    project = Project(environment={"UNDERTOW_LANDED": "bls.observation,bls.series,ecb.observation"})
    assert project.rooms_landing("observation") == ["bls", "ecb"]
    assert project.rooms_landing("series") == ["bls"]
    assert project.rooms_landing("holding") == []
    text = " ".join(project.union_rooms("observation").split())
    assert text == "select * from stg_bls__observation union all select * from stg_ecb__observation"


def test_schemas_are_named_as_written() -> None:
    project = Project()
    project.macros["target"] = SimpleNamespace(schema="main")
    assert project.generate_schema_name("marts", None) == "marts"
    assert project.generate_schema_name(None, None) == "main"


# --- curves -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("short", "long", "regime", "code"),
    [
        (1.6, 4.1, "bear_steepener", 4),  # 2.5 basis points, which as doubles are 2.4999999999999996
        (-4.1, -1.6, "bull_steepener", 2),
        (4.1, 1.6, "bear_flattener", -2),
        (0.3, -0.1 - 0.2, "level_parallel", 0),
        (1.6, 4.099999, "bear_parallel", 1),
    ],
)
def test_a_regime_begins_at_its_bound_and_not_at_its_binary_fraction(short: float, long: float, regime: str, code: int) -> None:
    assert ask(PROJECT.curve_regime(f"cast({short!r} as double)", f"cast({long!r} as double)")) == regime
    assert ask(PROJECT.curve_regime_code(f"cast({short!r} as double)", f"cast({long!r} as double)")) == code
