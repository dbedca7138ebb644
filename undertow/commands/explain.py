"""``undertow explain``: why a number is what it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from undertow.cells import period_text
from undertow.commands.options import PAGE_FORMATS, now, reading_options
from undertow.render import instant_text, number_text, text_table, write_json, write_page

if TYPE_CHECKING:
    from undertow.explain import Explanation

__all__ = ["explain"]

INPUT_COLUMNS = (
    ("input", "left"),
    ("period", "left"),
    ("role", "left"),
    ("value", "right"),
    ("known at", "left"),
    ("basis", "left"),
    ("vintage", "right"),
    ("status", "left"),
    ("flags", "left"),
    ("payload", "left"),
)
INDICATOR_COLUMNS = (
    ("pillar", "left"),
    ("indicator", "left"),
    ("state", "left"),
    ("rank", "right"),
    ("value", "right"),
    ("period", "left"),
    ("known at", "left"),
    ("confidence", "right"),
    ("flags", "left"),
)


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--period", default=None, help="2025-09, 2025Q3, 2025 or a day [default: the newest that had a value].")
@click.option(
    "--inputs", type=click.IntRange(min=1), default=12, show_default=True, help="Input rows to list; all are counted."
)
@reading_options(PAGE_FORMATS)
def explain(
    id_: str,
    period: str | None,
    inputs: int,
    as_of: datetime | None,
    form: str,
    output: Path | None,
    build: str | None,
) -> None:
    """Explain a number of the signal or series ID: formula, flags, inputs down to the archived bytes, and what changed.

    \b
    Example:
      undertow explain inflation.cpi_all_12m --as-of 2025-12-20
      undertow explain inflation.cpi_all_12m --as-of 2025-11-22 --period 2025-10
      undertow explain composite.fragility_ciss --as-of 2025-04-12
      undertow explain ecb.EXR.D.USD.EUR.SP00.A --as-of "2025-04-22 16:00 Europe/Berlin" --format json
    """
    from undertow.explain import explain as explained
    from undertow.remote import open_archive
    from undertow.store import FeatureStore

    with FeatureStore(build, frame="arrow") as store:
        archive = open_archive(store.home)
        explanation = explained(store, id_, as_of or now(), period, archive=archive, inputs=inputs)
    if form == "json":
        write_json(explanation.as_dict(), output)
    else:
        write_page(lambda screen: _draw(screen, explanation), output)


def _draw(page: Console, told: Explanation) -> None:
    screen = _Screen(page)
    row, about = told.row, told.about
    period = period_text(row["period_start"], row["period_end"])
    value = number_text(row["value"])
    screen.print(f"[bold]{told.id}[/]  {escape(told.title)}")
    screen.print(
        f"[bold]{period}: {value} {told.unit if row['value'] is not None else ''}[/]  as known {instant_text(told.as_of)}"
    )
    if told.kind == "signal":
        screen.print(f"  formula    {escape(about['formula'])}  (method {about['method_version']})")
        z, rank = number_text(row["z_exp"], 2), number_text(row["rank_exp"], 2)
        screen.print(f"  standing   z {z}, rank {rank} of its own history; confidence {number_text(row['confidence'], 2)}")
    else:
        release = f", release {about['release_id']}" if about["release_id"] else ""
        screen.print(f"  source     {escape(about['agency'])}{release}, {about['revision_policy']}, {escape(about['licence'])}")
        screen.print(f"             {escape(about['source_url'])}")
    screen.print(f"  status     {row['obs_status']}: {told.status}; origin {row['origin']}")
    for note in row.get("footnotes") or []:
        screen.print(f"  footnote   {escape(note)}")
    screen.print(f"  known at   {instant_text(row['known_at'])}: {escape(told.known_at_because)}")
    for item in told.newer:
        why = f": {escape('; '.join(item['footnotes']))}" if item["footnotes"] else ""
        later = period_text(item["period_start"], item["period_end"])
        screen.print(f"  later      {later} has no value ({item['obs_status']}), known {instant_text(item['known_at'])}{why}")
    _draw_flags(screen, told)
    _draw_change(screen, told)
    if told.kind == "signal":
        _draw_inputs(screen, told)
    _draw_payloads(screen, told)


class _Screen:
    """A console that leaves long lines whole; the terminal wraps them."""

    def __init__(self, page: Console) -> None:
        self.page = page

    def print(self, what: Any) -> None:
        self.page.print(what, soft_wrap=isinstance(what, str))


def _draw_flags(screen: _Screen, told: Explanation) -> None:
    screen.print("\n[bold]Flags[/]" + ("" if told.flags else "  none"))
    for item in told.flags:
        carried = f"; {item['n_inputs']} of the input rows" if item["n_inputs"] else ""
        cost = f"; costs {item['penalty']:.0%} of confidence" if told.kind == "signal" and item["penalty"] else ""
        screen.print(f"  {item['flag']}: {escape(item['meaning'])}{carried}{cost}")


def _draw_change(screen: _Screen, told: Explanation) -> None:
    screen.print(f"\n[bold]What changed[/]  {escape(told.change['says'])}")
    for event in told.releases:
        part = "" if event["component"] == "all" else f" ({event['component']})"
        reason = f" ({event['reason']})" if event["reason"] else ""
        happened = f"{event['event']} {instant_text(event['event_at'] or event['announced_at'])}"
        screen.print(f"  because of {event['release_id']} {event['reference_period']}{part}: {happened}{escape(reason)}")
    if not told.releases:
        screen.print("  no event of the release calendar lies at that instant")
    if len(told.vintages) > 1:
        for state in told.vintages:
            flags = " ".join(state["flags"])
            screen.print(
                f"  vintage {state['vintage_number']}  {instant_text(state['known_at'])}  {number_text(state['value'])}  "
                f"{state['obs_status']}  {flags}"
            )


def _draw_inputs(screen: _Screen, told: Explanation) -> None:
    match = {
        True: "they give this row's inputs_hash",
        False: "[red]they do not give this row's inputs_hash: the pipeline used others[/]",
        None: "its inputs_hash covers more than published rows say, and is not recomputed here",
    }
    if told.inputs and "rank" in told.inputs[0]:
        n_used = sum(item["state"] == "used" for item in told.inputs)
        screen.print(f"\n[bold]Indicators[/]  {n_used} of {told.n_inputs} have a rank; `undertow explain` tells of each")
        screen.print(text_table(INDICATOR_COLUMNS, [_indicator_cells(item) for item in told.inputs]))
        return
    screen.print(f"\n[bold]Inputs[/]  {told.n_inputs:,} rows; {match[told.inputs_match]}")
    if told.inputs:
        screen.print(text_table(INPUT_COLUMNS, [_input_cells(item) for item in told.inputs]))
    if told.n_inputs_not_listed:
        screen.print(f"  and {told.n_inputs_not_listed:,} older rows (--inputs lists more)")


def _indicator_cells(item: dict[str, Any]) -> list[str]:
    there = item["value"] is not None
    return [
        item["role"],
        item["series_id"],
        item["state"],
        number_text(item["rank"], 3),
        number_text(item["value"]),
        period_text(item["period_start"], item["period_end"]) if there else "-",
        instant_text(item["known_at"]) + (" *" if item["is_new"] else "") if there else "-",
        number_text(item["confidence"], 2),
        " ".join(item["flags"]) or "-",
    ]


def _input_cells(item: dict[str, Any]) -> list[str]:
    return [
        item["series_id"],
        period_text(item["period_start"], item["period_end"]),
        item["role"],
        number_text(item["value"]),
        instant_text(item["known_at"]) + (" *" if item["is_new"] else ""),
        item["known_at_basis"],
        str(item["vintage_number"]),
        item["obs_status"],
        " ".join(item["flags"]) or "-",
        item["payload_sha256"][:12] if ":" not in item["payload_sha256"] else item["payload_sha256"],
    ]


def _draw_payloads(screen: _Screen, told: Explanation) -> None:
    screen.print("\n[bold]Bytes[/]")
    for item in told.payloads:
        if "dataset" not in item:
            screen.print(f"  {item['payload_sha256']}: {escape(item['note'])}")
            continue
        fetched = item["fetched_at"]
        when = instant_text(fetched) if isinstance(fetched, datetime) else fetched
        rows = f"{item['n_rows']:,} rows of the window" if told.kind == "signal" else "this row"
        screen.print(f"  {item['payload_sha256']}  {rows}")
        screen.print(f"    {item['source']}/{item['dataset']}, fetched {when}, {item['origin']}" + _note(item))
        if item.get("url"):
            screen.print(f"    {escape(item['url'])}  {item['bytes']:,} bytes")
        screen.print(f"    {item['file']}" if item.get("file") else "    the bytes are not in this archive")


def _note(item: dict[str, Any]) -> str:
    return f", {escape(item['note'])}" if item.get("note") else ""
