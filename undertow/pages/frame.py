"""The frame of a page: one HTML file with its style, its data and its script inside, and nothing from anywhere else.

A content security policy forbids the page to load anything, and lets no script run but the one that it was written with. Data
goes in as JSON, of which nothing can end the element that holds it; scripts set texts, never HTML.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["SAMPLE_DATA", "document", "filled", "flag_legend", "flag_link", "policy", "scripts", "site", "style", "styles"]

HERE = Path(__file__).parent
SAMPLE_DATA = '<p class="banner bad" role="note"><b>Sample data.</b> Values marked SYNTHETIC are generated, not real.</p>\n'

CURRENT = ' aria-current="page"'
# The pages of a build, in the order in which they are linked.
SITE = (
    ("index", "Dashboard"),
    ("signals", "Signals"),
    ("known", "What was known"),
    ("calendar", "Release calendar"),
    ("claims", "Claims audit"),
    ("quality", "Data quality"),
    ("radar", "Are reserves ample"),
    ("crossborder", "Money from abroad"),
    ("credit", "Private credit"),
)


def style() -> str:
    """Return the style that all pages share."""
    return (HERE / "style.css").read_text(encoding="utf-8")


def styles(*names: str) -> str:
    """Return style sheets of this folder, one after the other."""
    return "".join((HERE / name).read_text(encoding="utf-8") for name in names)


def scripts(*names: str) -> str:
    """Return scripts of this folder as one, so that a policy names one digest."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def site(current: str) -> str:
    """Return links to all pages of a build; they lie beside each other."""
    links = "".join(f'<li><a href="{name}.html"{CURRENT if name == current else ""}>{title}</a></li>' for name, title in SITE)
    return f'<nav class="site" aria-label="Pages of this build"><ul>{links}</ul></nav>\n'


def policy(*scripts: str) -> str:
    """Return the content security policy of a page with these scripts: nothing else runs, and nothing is loaded."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; form-action 'none'"


def document(title: str, body: str, *, css: str = "", script: str = "", data: Mapping[str, Any] | None = None) -> str:
    """Return a whole page.

    Args:
        title: of the page, plain text.
        body: what stands in ``<main>``, as HTML.
        css: style of this page alone, after the shared one.
        script: JavaScript of this page; it finds ``data`` in the element ``data``.
        data: what the script shows; JSON-ready.
    """
    code = f"\n{script}"
    tail = ""
    if data is not None:
        tail += f'<script type="application/json" id="data">{_embedded(data)}</script>\n'
    if script:
        tail += f"<script>{code}</script>\n"
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(code) if script else policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>\n{style()}{css}</style>\n"
        f"</head>\n<body>\n<main>\n{body}</main>\n{tail}</body>\n</html>\n"
    )


def filled(template: str, manifest: Mapping[str, Any], meanings: Mapping[str, str], parts: Mapping[str, str]) -> str:
    """Return a template of this folder with its parts in their places, the provenance of the build and the flags that it names.

    A page that names the flag SYNTHETIC says so at its top.

    Args:
        template: the name of the file; ``{name}`` in it stands for a part, ``{synthetic}``, ``{legend}``, ``{build}``,
            ``{published}`` or ``{origins}``.
        manifest: of the build.
        meanings: each flag with its one meaning.
        parts: HTML by name.
    """
    page = (HERE / template).read_text(encoding="utf-8")
    for name, part in parts.items():
        page = page.replace(f"{{{name}}}", part)
    named = {flag: says for flag, says in meanings.items() if f'"#flag-{flag}"' in page}
    ends = {
        "synthetic": SAMPLE_DATA if "SYNTHETIC" in named else "",
        "legend": flag_legend(named),
        "build": html.escape(manifest["build_id"]),
        "published": html.escape(manifest["published_at"]),
        "origins": html.escape(", ".join(manifest["origins"])),
    }
    for name, part in ends.items():
        page = page.replace(f"{{{name}}}", part)
    return page


def flag_link(flag: str) -> str:
    """Return a flag as a link to its meaning in the legend of the page."""
    return f'<a class="flag" href="#flag-{flag}">{flag}</a>'


def flag_legend(meanings: Mapping[str, str]) -> str:
    """Return the legend of the quality flags as HTML: each flag with its one meaning."""
    items = "".join(
        f'<div id="flag-{html.escape(flag)}"><dt><span class="flag">{html.escape(flag)}</span></dt>'
        f"<dd>{html.escape(says)}</dd></div>\n"
        for flag, says in meanings.items()
    )
    return f'<dl class="legend">\n{items}</dl>\n'


def _embedded(data: Mapping[str, Any]) -> str:
    """Return JSON that can stand inside an HTML element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
