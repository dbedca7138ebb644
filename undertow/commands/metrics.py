"""``undertow metrics``: the state of a home for Prometheus."""

from __future__ import annotations

import time
from pathlib import Path

import click

from undertow.errors import UsageError
from undertow.settings import Home, Settings, is_this_machine

__all__ = ["metrics"]


@click.command()
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write to this file, whole or not."
)
@click.option("--serve", is_flag=True, help="Answer scrapes until stopped.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9464, show_default=True, help="Port to serve on; 0 takes a free one."
)
@click.option("--seconds", type=click.FloatRange(min=0), default=None, help="Stop serving after so long.")
def metrics(output: Path | None, serve: bool, host: str, port: int, seconds: float | None) -> None:
    """Print the state of the pipeline in Prometheus' text format: runs, lateness, quarantine, rows, the composite, checks.

    Everything is read from the published build, the run reports and the incidents. UNDERTOW_METRICS_FILE has the same written
    after each run, for node-exporter. Whoever reaches the port may read them: it is on this machine alone, unless --host says
    otherwise.

    \b
    Example:
      undertow metrics
      undertow metrics --output /var/lib/node_exporter/undertow.prom
      undertow metrics --serve --port 9464
    """
    from undertow.prometheus import HomeCollector, exposition, write_textfile

    settings = Settings()
    home = Home(settings.home, settings.home_bits)
    if not serve:
        if output is None:
            click.echo(exposition(home, settings), nl=False)
            return
        try:
            write_textfile(output, home, settings)
        except OSError as error:
            raise UsageError(f"the metrics cannot be written to {output}: {error.strerror or error}") from None
        return
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry(auto_describe=False)
    registry.register(HomeCollector(home, settings))
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise UsageError(f"the metrics cannot be served on {host}:{port}: {error.strerror or error}") from None
    open_to = "" if is_this_machine(host) else "; other machines may read them"
    click.echo(f"metrics are served on http://{host}:{server.server_port}/metrics{open_to}", err=True)
    try:
        end = None if seconds is None else time.monotonic() + seconds
        while thread.is_alive() and (end is None or time.monotonic() < end):
            time.sleep(0.1 if end is not None else 1)
    finally:
        server.shutdown()
        server.server_close()
