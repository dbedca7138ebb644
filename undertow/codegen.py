"""Writes the files that repeat the closed vocabularies in dbt's own languages: ``python -m undertow.codegen``.

The home of each word is ``undertow/vocabulary.py``; a test calls ``outdated`` and fails when a written file differs.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from undertow.vocabulary import FLAGS, ObsStatus

__all__ = ["OBS_STATUS_MEANING", "generated", "main", "outdated"]

OBS_STATUS_MEANING = {
    ObsStatus.NORMAL: "normal value",
    ObsStatus.BREAK: "time series break",
    ObsStatus.DIFFERENT_DEFINITION: "definition differs",
    ObsStatus.ESTIMATED: "estimated value",
    ObsStatus.FORECAST: "forecast value",
    ObsStatus.EXPERIMENTAL: "experimental value",
    ObsStatus.HOLIDAY: "missing value: holiday or weekend",
    ObsStatus.IMPUTED: "imputed value",
    ObsStatus.DEROGATION: "derogation",
    ObsStatus.NOT_COLLECTED: "missing value: data exist but were not collected",
    ObsStatus.CANNOT_EXIST: "missing value: data cannot exist",
    ObsStatus.NOT_SIGNIFICANT: "not significant",
    ObsStatus.MISSING: "missing value",
    ObsStatus.PROVISIONAL: "provisional value",
    ObsStatus.SUPPRESSED: "missing value: suppressed",
    ObsStatus.STRIKE: "strike and other special events",
    ObsStatus.LOW_RELIABILITY: "low reliability",
    ObsStatus.UNVALIDATED: "unvalidated value",
}


def _csv(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return sink.getvalue()


def generated() -> dict[str, str]:
    """Return the generated files: path below the project root -> content."""
    bits = ", ".join(f"'{m.flag.value}': {m.bit}" for m in FLAGS)
    penalties = ", ".join(f"'{m.flag.value}': {m.penalty}" for m in FLAGS)
    travelling = sum(m.bit for m in FLAGS if m.travels)
    macro = (
        "{#- Written by `python -m undertow.codegen` from undertow/vocabulary.py; edit there. -#}\n"
        f"{{% macro flag_bits() -%}}{{{{ return({{{bits}}}) }}}}{{%- endmacro %}}\n"
        f"{{% macro flag_penalties() -%}}{{{{ return({{{penalties}}}) }}}}{{%- endmacro %}}\n"
        f"{{% macro travelling_mask() -%}}{{{{ return({travelling}) }}}}{{%- endmacro %}}\n"
    )
    flags = _csv(
        ("flag", "bit", "meaning", "penalty", "travels"),
        [(m.flag.value, m.bit, m.meaning, m.penalty, str(m.travels).lower()) for m in FLAGS],
    )
    statuses = _csv(("obs_status", "meaning"), [(s.value, OBS_STATUS_MEANING[s]) for s in ObsStatus])
    return {
        "dbt_project/macros/flag_bits.sql": macro,
        "dbt_project/seeds/seed_flag.csv": flags,
        "dbt_project/seeds/seed_obs_status.csv": statuses,
    }


def outdated(root: Path) -> list[str]:
    """Return the generated files below ``root`` that are missing or differ from what would be written."""
    return [
        name
        for name, text in generated().items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    ]


def main() -> None:
    """Write the generated files into the project this package stands in."""
    root = Path(__file__).resolve().parent.parent
    for name, text in generated().items():
        (root / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
