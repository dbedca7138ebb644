"""Lateness as checks: is the newest period of each headline release the one that the calendar says it should be?

Judged by reference periods against the calendar, never by the age of a file or by an answer's status (``undertow.expected``).
In live mode the instant of judgement is now. In the other modes nobody was asked now: a release is judged at the instant of the
newest payload of the rooms that bring it, and data of a generated sample is not judged. A late release is a warning: it stops
nothing, for it is an event of the world.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import dagster as dg

from expectations.bridge import to_dagster
from orchestration.alerts import incident_log
from orchestration.resources import Pipeline
from orchestration.warehouse import PROJECT_DIR
from undertow import clock
from undertow.archive import Archive
from undertow.expected import Expected, Judgement, ended, incidents, judge, read, rooms_asked
from undertow.instants import format_instant
from undertow.report import CheckOutcome
from undertow.store import FeatureStore
from undertow.vocabulary import Origin

__all__ = ["build_lateness_checks", "headline_releases", "lateness"]

ASSET = ("marts", "mart_release_quality")
OTHERS, LAPSE = "other_releases_are_on_time", "no_lapse_holds_a_release_back"


def headline_releases() -> dict[str, str]:
    """Return the ids and titles of the headline releases, one for each family."""
    with (PROJECT_DIR / "seeds" / "seed_release.csv").open(encoding="utf-8", newline="") as file:
        return {row["release_id"]: row["title"] for row in csv.DictReader(file) if row["is_headline"] == "true"}


def build_lateness_checks() -> dg.AssetChecksDefinition:
    """Return the checks of lateness: one for each headline release, one for all others, one for lapses. None of them blocks."""
    headlines = headline_releases()
    specs = [
        dg.AssetCheckSpec(name=name, asset=dg.AssetKey(list(ASSET)), description=why, additional_deps=[["published", "build"]])
        for name, why in {
            **{
                _name(release): f"{title}: the newest period whose release is due is here."
                for release, title in headlines.items()
            },
            OTHERS: "The same holds for every other release that is asked for.",
            LAPSE: "No release that is due is held back by a lapse in appropriations; one warning for all that it holds back.",
        }.items()
    ]

    @dg.multi_asset_check(name="check_lateness", specs=specs, required_resource_keys={"pipeline"})
    def check_lateness(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        pipeline: Pipeline = context.resources.pipeline
        with pipeline.report.step("check lateness"):
            outcomes = lateness(pipeline, clock.now().replace(microsecond=0))
        pipeline.report.add_checks(outcomes)
        for outcome in outcomes:
            yield to_dagster(outcome)

    return check_lateness


def lateness(pipeline: Pipeline, now: datetime) -> list[CheckOutcome]:
    """Return the outcomes of the checks of lateness on the build that a run has published; in live mode, note incidents."""
    at = pipeline.cut_off or now
    asked = rooms_asked(pipeline.settings, at.date())
    is_live = pipeline.mode == "live" and pipeline.cut_off is None
    build = Path(pipeline.report.build["path"])
    with FeatureStore(build, home=build.parents[1], frame="arrow") as store:
        rows = read(store, at, asked)
        instants = dict.fromkeys({row.release_id for row in rows}, at)
        if pipeline.mode != "live":
            instants = _instants(rows, _newest_payloads(pipeline), at)
        panels = {at: rows} | {one: read(store, one, asked) for one in set(instants.values()) - {at}}
    if is_live:
        _note(rows, {outcome.source for outcome in pipeline.report.fetched}, now)
    judged = {release: judge(release, panels[one], one) for release, one in instants.items()}
    headlines = headline_releases()
    outcomes = []
    for release in headlines:
        one = judged.get(release) or judge(release, [], at)
        outcomes.append(_outcome(_name(release), not one.is_late, one, instants.get(release, at)))
    late = [one for release, one in sorted(judged.items()) if release not in headlines and one.is_late]
    others = Judgement(
        "others",
        "late" if late else "on time",
        "; ".join(one.says for one in late) or "none of them is late",
        {"late_releases": [one.release_id for one in late]},
    )
    held = [
        row
        for release, one in instants.items()
        for row in panels[one]
        if row.release_id == release and not row.is_generated and row.is_held_back and row.is_overdue(one)
    ]
    lapse = Judgement(
        "lapse",
        "held back" if held else "on time",
        "; ".join(incident.says for incident in incidents(held)) or "no lapse holds back what is due",
        {"held_back": [row.key for row in held]},
    )
    return [*outcomes, _outcome(OTHERS, not late, others, at), _outcome(LAPSE, not held, lapse, at)]


def _name(release: str) -> str:
    return f"{release}_is_on_time"


def _outcome(name: str, passed: bool, judgement: Judgement, at: datetime) -> CheckOutcome:
    """Return a judgement as the outcome of a check."""
    return CheckOutcome(
        asset="/".join(ASSET),
        name=name,
        passed=passed,
        severity="WARN",
        tool="calendar",
        details={
            "why": judgement.says,
            "release": judgement.release_id,
            "status": judgement.status,
            "judged_at": format_instant(at),
            **judgement.details,
        },
    )


def _newest_payloads(pipeline: Pipeline) -> dict[str, datetime]:
    """Return when each room's newest payload was fetched; generated ones do not count."""
    newest: dict[str, datetime] = {}
    for seen in Archive(pipeline.home.archive).first_sightings():
        if seen.origin != Origin.SYNTHETIC:
            newest[seen.source] = max(newest.get(seen.source, seen.fetched_at), seen.fetched_at)
    return newest


def _instants(rows: list[Expected], newest: Mapping[str, datetime], at: datetime) -> dict[str, datetime]:
    """Return for each release the instant at which its newest payload was fetched, or the given one if that is earlier."""
    rooms = {row.release_id: row.rooms for row in rows if not row.is_generated}
    instants = dict.fromkeys({row.release_id for row in rows}, at)
    for release, names in rooms.items():
        instants[release] = min(at, max((newest[name] for name in names if name in newest), default=at))
    return instants


def _note(rows: list[Expected], fetched: set[str], now: datetime) -> None:
    """Open incidents for what this run has asked for and not got, and close those that are over."""
    log = incident_log()
    overdue = [row for row in rows if row.is_overdue(now) and fetched & set(row.rooms)]
    log.update(now, incidents(overdue), ended(log.open(), rows, now))
