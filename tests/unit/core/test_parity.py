"""The comparison of two warehouses sees what differs, and nothing else."""

from pathlib import Path

import duckdb
import pytest

from orchestration.parity import compare, main

COLUMNS = "id VARCHAR, value DOUBLE, known_at TIMESTAMP, flags VARCHAR[]"
ROWS = (
    "('a', 1.0, TIMESTAMP '2025-01-01 12:30:00', ['REVISED']), ('a', NULL, TIMESTAMP '2025-01-02', []), "
    "('b', 2.5, TIMESTAMP '2025-01-01', ['STALE', 'PROXY'])"
)


def write(path: Path, rows: str = ROWS, columns: str = COLUMNS) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE SCHEMA marts; CREATE TABLE marts.t ({columns}); INSERT INTO marts.t VALUES {rows}")
    return path


@pytest.mark.parametrize(
    ("rows", "what", "count"),
    [
        (ROWS.replace("1.0,", "1.000000000001,"), None, 0),
        (ROWS.replace("1.0,", "1.00000001,"), "value differs", 1),
        (ROWS.replace("NULL,", "0.0,"), "value differs", 1),
        (ROWS.replace("12:30:00'", "12:30:00.000001'"), "only the first has", 1),
        (ROWS.replace("['STALE', 'PROXY']", "['PROXY', 'STALE']"), "only the first has", 1),
        (ROWS.replace("['REVISED']", "NULL"), "only the first has", 1),
        (f"{ROWS}, ('b', 2.5, TIMESTAMP '2025-01-01', ['STALE', 'PROXY'])", "only the second has", 1),
    ],
)
def test_rows_that_differ_are_told(tmp_path: Path, rows: str, what: str | None, count: int) -> None:
    names, found = compare(write(tmp_path / "a.duckdb"), write(tmp_path / "b.duckdb", rows))
    assert names == ["t"]
    if what is None:
        assert found == []
    else:
        assert (found[0].table, found[0].what, found[0].rows) == ("t", what, count)


def test_tables_and_types_that_differ_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write(tmp_path / "a.duckdb")
    second = write(tmp_path / "b.duckdb", columns=COLUMNS.replace("TIMESTAMP", "TIMESTAMPTZ"))
    with duckdb.connect(str(second)) as connection:
        connection.execute("CREATE TABLE marts.more (x INTEGER)")
    assert [(d.table, d.what.split(":")[0]) for d in compare(first, second)[1]] == [
        ("more", "only in the second"),
        ("t", "columns differ"),
    ]
    assert main([str(first), str(second)]) == 1
    assert "0 of 2 tables are equal" in capsys.readouterr().out
    assert main([str(first), str(first)]) == 0
