"""OpenLineage events held against the client's own classes: every facet has the fields that its class has, and those it needs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import attr
import openlineage.client.generated as generated
from openlineage.client import event_v2
from openlineage.client.generated import base

__all__ = ["validate"]


def _classes() -> dict[str, type]:
    """Return the facets of the client by the address of their schema."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(generated.__path__, f"{generated.__name__}."):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and issubclass(one, base.BaseFacet) and one is not base.BaseFacet:
                found[one._get_schema()] = one
    return found


def _facets(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from event["run"]["facets"].items()
    yield from event["job"]["facets"].items()
    for dataset in (*event["inputs"], *event["outputs"]):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from dataset.get(kind, {}).items()


def validate(event: dict[str, Any]) -> int:
    """Make an event anew from its JSON by the client's classes, which check what they are given; return its facets."""
    classes = _classes()
    n = 0
    for name, facet in _facets(event):
        kind = classes[facet["_schemaURL"]]
        said = {key: value for key, value in facet.items() if not key.startswith("_")}
        fields = {one.name: one for one in attr.fields(kind)}
        assert set(said) <= set(fields), name
        kind(**said)  # a field that it needs and that is not there is an error
        n += 1
    run = event_v2.Run(event["run"]["runId"], {})
    UUID(run.runId)
    made = event_v2.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=event_v2.RunState(event["eventType"]),
        run=run,
        job=event_v2.Job(event["job"]["namespace"], event["job"]["name"], {}),
        inputs=[event_v2.InputDataset(one["namespace"], one["name"]) for one in event["inputs"]],
        outputs=[event_v2.OutputDataset(one["namespace"], one["name"]) for one in event["outputs"]],
    )
    assert event["schemaURL"] == made.schemaURL
    return n
