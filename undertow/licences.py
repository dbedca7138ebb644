"""The licences of all packages that are locked, as ``docs/licences.md``. ``make licences`` writes it.

A licence is what the metadata of the installed package says: its SPDX expression, else its classifiers, else the first words of
the field. A package that is locked and not installed here, because it is for another system or has an environment of its own
that was not made, keeps the line that it has; the test of the repository wants a line for each.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

__all__ = ["PAGE", "installed", "licence_of", "listed", "locked", "page", "problem"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/licences.md"
UNKNOWN = "unknown"
# What the metadata leaves open, with where it was read.
READ: Mapping[str, str] = {
    "currencyconverter": "Apache-2.0",  # its LICENSE
    "text-unidecode": "Artistic-1.0-Perl OR GPL-2.0-or-later",  # its DESCRIPTION.rst: "under the terms of either"
}
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==", re.MULTILINE)
_FORBIDDEN = re.compile(
    r"AGPL|Affero|SSPL|BUSL|Business Source|Commons Clause|Elastic License|PolyForm|non-?commercial|CC-BY-NC|proprietary"
    r"|evaluation",
    re.IGNORECASE,
)
_STRONG = re.compile(r"(?<!L)GPL|General Public License", re.IGNORECASE)
_WEAK = re.compile(r"LGPL|Lesser General Public|Library General Public|GCC-exception|Classpath", re.IGNORECASE)


def normal(name: str) -> str:
    """Return a package's name in its one spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(root: Path = ROOT) -> dict[str, set[str]]:
    """Return every locked package with the lock files that name it."""
    found: dict[str, set[str]] = {}
    for lock in sorted(root.glob("requirements*.lock")):
        for name in _PIN.findall(lock.read_text(encoding="utf-8")):
            found.setdefault(normal(name), set()).add(lock.name)
    return found


def licence_of(package: metadata.Distribution) -> str:
    """Return the licence that a package's metadata names, in one short line."""
    about = package.metadata
    name = normal(about["Name"])
    if name in READ:
        return READ[name]
    if "License-Expression" in about:
        return " ".join(about["License-Expression"].split())
    classifiers = [one.split(" :: ")[-1] for one in about.get_all("Classifier") or [] if one.startswith("License ::")]
    named = [one for one in classifiers if one != "OSI Approved"]
    if named:
        return "; ".join(sorted(named))
    words = " ".join((about.get_all("License") or [""])[0].strip().split("\n")[0].split())
    return words if 0 < len(words) <= 60 else UNKNOWN


def installed(folders: Iterable[Path] = ()) -> dict[str, str]:
    """Return the licences of the packages of this environment, and of others whose site-packages are given."""
    found: dict[str, str] = {}
    for package in [*metadata.distributions(path=[str(folder) for folder in folders]), *metadata.distributions()]:
        if package.metadata["Name"]:
            found[normal(package.metadata["Name"])] = licence_of(package)
    return found


def problem(licence: str) -> str | None:
    """Say what is wrong with a licence for a project under Apache-2.0, as a library and as a service; None: nothing.

    Weak copyleft (LGPL, MPL) is no obstacle for a package that is used as it is. Where an alternative is offered (``A OR B``),
    one that fits is enough.
    """
    if licence == UNKNOWN or not licence.strip():
        return "its licence is unknown"
    if any(_fits(part) for part in re.split(r"\s+OR\s+", licence)):
        return None
    return f"its licence {licence} does not fit"


def _fits(licence: str) -> bool:
    return not _FORBIDDEN.search(licence) and (not _STRONG.search(licence) or _WEAK.search(licence) is not None)


def listed(text: str) -> dict[str, str]:
    """Return the packages and licences of the page."""
    rows = re.findall(r"^\| ([\w-]+) \| (.+?) \| [\w., -]+ \|$", text, re.MULTILINE)
    return {name: licence for name, licence in rows if name not in {"package", "---"}}


def page(root: Path = ROOT, folders: Iterable[Path] = ()) -> str:
    """Return the page anew."""
    here = installed(folders)
    before = listed(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    lines = [
        "# Licences of packages",
        "",
        "Every package that a lock file names, with the licence of its metadata; `make licences` writes this page. Licences of",
        "data are in the rooms. What may enter: `undertow.licences`.",
        "",
        "| package | licence | locked in |",
        "| --- | --- | --- |",
    ]
    for name, locks in sorted(locked(root).items()):
        licence = here.get(name) or before.get(name, UNKNOWN)
        where = ", ".join(
            sorted(lock.removeprefix("requirements").removesuffix(".lock").strip("-") or "runtime" for lock in locks)
        )
        lines.append(f"| {name} | {licence.replace('|', '/')} | {where} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    folders = [path for path in ROOT.glob(".venv*/lib/python*/site-packages")]
    folders += [Path(argument) for argument in sys.argv[1:]]
    PAGE.write_text(page(folders=folders), encoding="utf-8")
    wrong = {name: says for name, licence in listed(PAGE.read_text(encoding="utf-8")).items() if (says := problem(licence))}
    for name, says in wrong.items():
        sys.stdout.write(f"{name}: {says}\n")
    sys.exit(1 if wrong else 0)
