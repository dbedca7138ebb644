"""A run that Dagster starts: what its report says where a step failed, which the resource learns from the events alone."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.resources import _failure

SAID: list[str | None] = []


@dg.resource
def teller(context: dg.InitResourceContext) -> Iterator[int]:
    try:
        yield 1
    finally:
        SAID.append(_failure(context))


@dg.op(required_resource_keys={"teller"}, config_schema={"breaks": bool})
def land_something(context) -> None:
    if context.op_config["breaks"]:
        raise ValueError("the header is not\nwhat it was")


@dg.job(resource_defs={"teller": teller})
def small_job() -> None:
    land_something()


@pytest.mark.parametrize(
    ("breaks", "says"),
    [(True, "step land_something failed, nothing is published: ValueError: the header is not what it was"), (False, None)],
)
def test_the_error_of_a_step_is_the_error_of_the_run(breaks: bool, says: str | None) -> None:
    SAID.clear()
    config = {
        "ops": {"land_something": {"config": {"breaks": breaks}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with dg.DagsterInstance.ephemeral() as instance:
        result = small_job.execute_in_process(run_config=config, instance=instance, raise_on_error=False)
    assert (result.success, SAID) == (not breaks, [says])
