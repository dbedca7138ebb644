"""Observations and signals of a build as SDMX: data as SDMX-CSV 2.0, the structure as SDMX-ML 3.0.

Two data flows. Both have the dimensions FREQ, the id and TIME_PERIOD, the measure OBS_VALUE, and for each observation
OBS_STATUS, the instant at which its vintage became known, the number of the vintage, and the flags. What is written is the
panel as it stood at an instant: of each period the newest vintage that was known then. A missing number is a row: NaN, with
the status that says why.

Ids hold dots and colons, which no SDMX code may; they are texts, so the dimensions have no code list.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from undertow.atomic import write_text
from undertow.codegen import OBS_STATUS_MEANING
from undertow.errors import UsageError
from undertow.instants import format_instant

if TYPE_CHECKING:
    from undertow.store import FeatureStore

__all__ = ["export_sdmx", "time_period"]

AGENCY, VERSION = "UNDERTOW", "1.0.0"
_FREQUENCIES = {
    "A": "annual",
    "S": "half-yearly",
    "Q": "quarterly",
    "M": "monthly",
    "W": "weekly",
    "B": "business days",
    "D": "daily",
}


@dataclass(frozen=True)
class _Flow:
    """A data flow: its ids and the query that gives its rows."""

    flow: str
    structure: str
    title: str
    dimension: str
    dimension_title: str
    query: str


_OBSERVATIONS = _Flow(
    "OBSERVATIONS",
    "DSD_OBSERVATION",
    "Observations",
    "SERIES_ID",
    "Id of the series: its source, a dot, the provider's own id",
    """
    SELECT d.frequency, v.series_id AS id, v.period_start, v.period_end, v.value, v.obs_status, v.known_at, v.vintage_number,
        v.flags, NULL AS confidence, d.unit, v.origin
    FROM vintages_as_known(?) AS v JOIN marts.dim_series AS d ON d.series_id = v.series_id
    WHERE list_contains(?, v.series_id) ORDER BY v.series_id, v.period_start, v.period_end
    """,
)
_SIGNALS = _Flow(
    "SIGNALS",
    "DSD_SIGNAL",
    "Signals",
    "SIGNAL_ID",
    "Id of the signal: its domain, a dot, its name",
    """
    SELECT g.frequency, s.signal_id AS id, s.period_start, s.state.period_end AS period_end, s.state.value AS value,
        s.state.obs_status AS obs_status, s.state.known_at AS known_at, s.state.vintage_number AS vintage_number,
        s.state.flags AS flags, s.state.confidence AS confidence, g.unit, s.state.origin AS origin
    FROM (
        SELECT signal_id, period_start, arg_max(m, known_at) AS state FROM marts.mart_signal_long AS m
        WHERE known_at <= CAST(? AS TIMESTAMPTZ) AND list_contains(?, signal_id) GROUP BY signal_id, period_start
    ) AS s JOIN internal.signal AS g ON g.signal_id = s.signal_id ORDER BY s.signal_id, s.period_start
    """,
)
# Attributes of an observation: id, SDMX's name of its type, what it says.
_ATTRIBUTES = (
    ("OBS_STATUS", "", "Status of the observation"),
    ("KNOWN_AT", "DateTime", "Instant (UTC) at which this vintage became known"),
    ("VINTAGE", "Integer", "1 for the first state of the period, then counting up"),
    ("FLAGS", "String", "Quality flags"),
    ("CONFIDENCE", "Double", "How far a signal can be trusted, 0 to 1; observations have none"),
    ("UNIT", "String", "Unit of the value"),
    ("ORIGIN", "String", "Where the bytes came from: live, replay, packaged, file, synthetic or mixed"),
)


def export_sdmx(
    store: FeatureStore, folder: Path, as_of: datetime, series: Sequence[str] = (), signals: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the data of series and signals as known at an instant, and the structures that they follow, to a folder.

    The files are ``structure.xml`` and, of what was asked for, ``observations.csv`` and ``signals.csv``.

    Returns:
        What was written: ``folder``, ``build_id``, ``as_of``, ``observations``, ``signals`` (rows).

    Raises:
        UsageError: nothing was asked for, an id is unknown to the build, or the folder cannot be written.
    """
    if not series and not signals:
        raise UsageError("name series or signals: --series, --signal, or --all-signals")
    known = format_instant(as_of)
    summary: dict[str, Any] = {"folder": str(folder), "build_id": store.build.build_id, "as_of": known}
    store.require_known([*series, *signals])
    of_signals = {row["signal_id"] for row in store.rows("SELECT signal_id FROM internal.signal")}
    for wanted, what, should in ((series, "series", False), (signals, "signal", True)):
        if wrong := [id_ for id_ in wanted if (id_ in of_signals) is not should]:
            raise UsageError(f"{wrong[0]} is no {what}; name it with {'--series' if should else '--signal'}")
    try:
        for flow, ids, name in ((_OBSERVATIONS, series, "observations"), (_SIGNALS, signals, "signals")):
            rows = store.rows(flow.query, [known, sorted(set(ids))]) if ids else []
            if ids:
                write_text(folder / f"{name}.csv", _data(flow, rows))
            else:
                (folder / f"{name}.csv").unlink(missing_ok=True)  # of an earlier export
            summary[name] = len(rows)
        write_text(folder / "structure.xml", _structure(as_of))
    except OSError as error:
        raise UsageError(f"SDMX cannot be written to {folder}: {error.strerror or error}") from None
    return summary


def time_period(frequency: str, start: date, end: date) -> str:
    """Return a period in SDMX's form for its frequency; one that is no calendar period as its first day and length.

    >>> time_period("M", date(2025, 9, 1), date(2025, 9, 30)), time_period("M", date(2024, 10, 1), date(2025, 9, 30))
    ('2025-09', '2024-10-01/P365D')
    """
    days = (end - start).days + 1
    following = end + timedelta(days=1)
    text = start.isoformat()
    if start.day == following.day == 1 and frequency in {"A", "S", "Q", "M"}:
        months = (following.year - start.year) * 12 + following.month - start.month
        place = start.month - 1
        if frequency == "A" and months == 12 and place == 0:
            return f"{start.year}"
        if frequency == "S" and months == 6 and place % 6 == 0:
            return f"{start.year}-S{place // 6 + 1}"
        if frequency == "Q" and months == 3 and place % 3 == 0:
            return f"{start.year}-Q{place // 3 + 1}"
        if frequency == "M" and months == 1:
            return text[:7]
    if frequency == "W" and days == 7 and start.isoweekday() == 1:
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02d}"
    return text if days == 1 else f"{text}/P{days}D"


def _data(flow: _Flow, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as an SDMX-CSV 2.0 message; flags are the parts of one field."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    attributes = [f"{id_}[]" if id_ == "FLAGS" else id_ for id_, _, _ in _ATTRIBUTES]
    writer.writerow(["STRUCTURE[;]", "STRUCTURE_ID", "ACTION", "FREQ", flow.dimension, "TIME_PERIOD", "OBS_VALUE", *attributes])
    structure_id = f"{AGENCY}:{flow.flow}({VERSION})"
    for row in rows:
        value, confidence = row["value"], row["confidence"]
        writer.writerow(
            [
                "dataflow",
                structure_id,
                "I",
                row["frequency"],
                row["id"],
                time_period(row["frequency"], row["period_start"], row["period_end"]),
                "NaN" if value is None else repr(value),
                row["obs_status"],
                format_instant(row["known_at"]),
                row["vintage_number"],
                ";".join(row["flags"]),
                "" if confidence is None else repr(confidence),
                row["unit"],
                row["origin"],
            ]
        )
    return sink.getvalue()


# --- the structure ---------------------------------------------------------------------------------------------------------

_SPACE = "http://www.sdmx.org/resources/sdmxml/schemas/v3_0/"
_PACKAGES = {"Concept": "conceptscheme", "Codelist": "codelist", "DataStructure": "datastructure", "Dataflow": "datastructure"}


def _urn(kind: str, id_: str, item: str = "") -> str:
    tail = f".{item}" if item else ""
    return f"urn:sdmx:org.sdmx.infomodel.{_PACKAGES[kind]}.{kind}={AGENCY}:{id_}({VERSION}){tail}"


def _structure(as_of: datetime) -> str:
    """Return the structure message: code lists, concepts, data structures and data flows."""
    for space in ("message", "structure", "common"):
        ElementTree.register_namespace(space[:3], f"{_SPACE}{space}")
    root = ElementTree.Element(_name("message", "Structure"))
    header = _below(root, "message", "Header")
    for name, text in (("ID", "UNDERTOW_STRUCTURE"), ("Test", "false"), ("Prepared", format_instant(as_of.astimezone(UTC)))):
        _below(header, "message", name, text)
    _below(header, "message", "Sender", id=AGENCY)
    structures = _below(root, "message", "Structures")
    lists = _below(structures, "structure", "Codelists")
    _items(lists, "Codelist", "CL_OBS_STATUS", "Observation status", "Code", OBS_STATUS_MEANING.items())
    _items(lists, "Codelist", "CL_FREQ", "Frequency", "Code", _FREQUENCIES.items())
    concepts = _below(structures, "structure", "ConceptSchemes")
    _items(concepts, "ConceptScheme", "CONCEPTS", "Concepts", "Concept", _concepts())
    flows = _below(structures, "structure", "Dataflows")
    for flow in (_OBSERVATIONS, _SIGNALS):
        told = _maintained(flows, "Dataflow", flow.flow, flow.title)
        _below(told, "structure", "Structure", _urn("DataStructure", flow.structure))
    data_structures = _below(structures, "structure", "DataStructures")
    for flow in (_OBSERVATIONS, _SIGNALS):
        _data_structure(data_structures, flow)
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _concepts() -> Iterator[tuple[str, str]]:
    yield from (("FREQ", "Frequency"), ("TIME_PERIOD", "Reference period"), ("OBS_VALUE", "Value of the observation"))
    yield from ((flow.dimension, flow.dimension_title) for flow in (_OBSERVATIONS, _SIGNALS))
    yield from ((id_, says) for id_, _, says in _ATTRIBUTES)


def _data_structure(parent: ElementTree.Element, flow: _Flow) -> None:
    told = _maintained(parent, "DataStructure", flow.structure, flow.title)
    components = _below(told, "structure", "DataStructureComponents")
    dimensions = _below(components, "structure", "DimensionList", id="DimensionDescriptor")
    _component(dimensions, "Dimension", "FREQ", codelist="CL_FREQ", position="1")
    _component(dimensions, "Dimension", flow.dimension, "String", position="2")
    _component(dimensions, "TimeDimension", "TIME_PERIOD", "ObservationalTimePeriod")
    attributes = _below(components, "structure", "AttributeList", id="AttributeDescriptor")
    for id_, kind, _ in _ATTRIBUTES:
        usage = "optional" if id_ in {"FLAGS", "CONFIDENCE"} else "mandatory"
        attribute = _component(attributes, "Attribute", id_, kind, "" if kind else "CL_OBS_STATUS", usage=usage)
        _below(_below(attribute, "structure", "AttributeRelationship"), "structure", "Observation")
    measures = _below(components, "structure", "MeasureList", id="MeasureDescriptor")
    _component(measures, "Measure", "OBS_VALUE", "Double", usage="mandatory")


def _component(
    parent: ElementTree.Element, kind: str, id_: str, type_: str = "", codelist: str = "", **attributes: str
) -> ElementTree.Element:
    told = _below(parent, "structure", kind, id=id_, **attributes)
    _below(told, "structure", "ConceptIdentity", _urn("Concept", "CONCEPTS", id_))
    many = {"maxOccurs": "unbounded"} if id_ == "FLAGS" else {}
    local = _below(told, "structure", "LocalRepresentation", **many)
    if codelist:
        _below(local, "structure", "Enumeration", _urn("Codelist", codelist))
    else:
        _below(local, "structure", "TextFormat", textType=type_)
    return told


def _items(parent: ElementTree.Element, kind: str, id_: str, title: str, item: str, items: Any) -> None:
    told = _maintained(parent, kind, id_, title)
    for code, says in items:
        _below(_below(told, "structure", item, id=str(code)), "common", "Name", says)


def _maintained(parent: ElementTree.Element, kind: str, id_: str, title: str) -> ElementTree.Element:
    told = _below(parent, "structure", kind, id=id_, agencyID=AGENCY, version=VERSION)
    _below(told, "common", "Name", title)
    return told


def _below(
    parent: ElementTree.Element, space: str, name: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, _name(space, name), attributes)
    child.text = text
    return child


def _name(space: str, name: str) -> str:
    return f"{{{_SPACE}{space}}}{name}"
