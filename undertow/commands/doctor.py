"""``undertow doctor``: the machine, the settings and the published build."""

from __future__ import annotations

import click
from rich.markup import escape

from undertow.commands.options import PAGE_FORMATS, format_option
from undertow.render import console
from undertow.settings import Home, Settings

__all__ = ["doctor"]


@click.command()
@format_option(PAGE_FORMATS)
def doctor(form: str) -> None:
    """Check the machine, the settings and the published build; exit 1 when something is wrong.

    \b
    Example:
      undertow doctor
    """
    from undertow.doctor import examine

    settings = Settings()
    findings = examine(Home(settings.home, settings.home_bits), settings)
    if form == "json":
        import json

        click.echo(json.dumps([vars(finding) for finding in findings], indent=1))
    else:
        screen = console()
        for finding in findings:
            mark = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}[finding.level]
            screen.print(f"{mark}  {finding.what:<22} {escape(finding.says)}")
    if any(finding.level == "fail" for finding in findings):
        raise SystemExit(1)
