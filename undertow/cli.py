"""The command line ``undertow``. Every error is one sentence on standard error and a non-zero exit; no traceback.

Exit codes: 0 done, 1 failed, 2 wrong request, 3 published although a source failed, 4 another run holds the lock.
The commands are in ``undertow/commands``, one module each.
"""

from __future__ import annotations

import logging
import sys

import click

from undertow import __version__, logs
from undertow.commands.audit import audit
from undertow.commands.backfill import backfill
from undertow.commands.calendar import calendar
from undertow.commands.doctor import doctor
from undertow.commands.explain import explain
from undertow.commands.export import export
from undertow.commands.fragility import fragility
from undertow.commands.housekeeping import compact, tidy
from undertow.commands.known import known, signals
from undertow.commands.metrics import metrics
from undertow.commands.page import page
from undertow.commands.publish import publish
from undertow.commands.quality import quality
from undertow.commands.radar import radar
from undertow.commands.run import run
from undertow.commands.store import store
from undertow.errors import UndertowError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="undertow")
def cli() -> None:
    """Macro-financial stress signals with vintages, a release calendar and quality flags.

    \b
    Example:
      undertow run
      undertow known bls.CUUR0000SA0 --as-of 2025-11-15T00:00Z
      undertow signals --as-of "2025-12-10 14:00 America/New_York"
      undertow explain inflation.cpi_all_12m --as-of 2025-11-22
    """


COMMANDS = (
    run, known, signals, explain, calendar, radar, fragility, audit, page, quality, metrics, publish, store, export, backfill,
    compact, tidy,
    doctor,
)  # fmt: skip
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line and turn our own errors into one sentence and an exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("undertow: stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except UndertowError as error:
        if logs.is_json():
            logging.getLogger("undertow").error("%s", error, extra={"exit_code": error.exit_code})
        else:
            click.echo(f"undertow: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("undertow: stopped; the published build is as it was", err=True)
        sys.exit(130)
