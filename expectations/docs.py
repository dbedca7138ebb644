"""Data Docs: what the suites found, as static HTML under ``quality/data_docs``, one page a suite and an index.

The body of a page is Great Expectations' own rendering of its own validation result, which ``expectations.bridge`` keeps
beside the outcomes of the last run of each suite. The frame around it is ours (``expectations/data_docs``), because the
original one takes styles and scripts from the network and shows an empty index without them. No checks run here.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from expectations.bridge import quietly
from expectations.suite import Suite, suites
from undertow.atomic import is_temporary, write_text
from undertow.errors import UndertowError
from undertow.pages.frame import style

__all__ = ["DataDocsError", "build", "refresh"]

TEMPLATES = Path(__file__).with_name("data_docs")
MARK = "made_of.txt"


class DataDocsError(UndertowError):
    """The pages could not be made: this says nothing about the data, nor about the run."""


def refresh(memories: Sequence[Path], site: Path, chosen: Iterable[Suite] | None = None) -> Path | None:
    """Bring the site up to date and return its index; None where no suite has ever run.

    Where nothing has run since the site was made, nothing is imported and nothing is written.

    Args:
        memories: folders of remembered outcomes (``quality/checks``); of two that know a suite the later one counts.
        site: where the pages are.
        chosen: the suites; those of the project by default.

    Raises:
        DataDocsError: Great Expectations could not render a result, or a page could not be written.
    """
    known = list(suites() if chosen is None else chosen)
    texts = {}
    for suite in known:
        for folder in memories:
            path = folder / f"{suite.name}.json"
            if path.is_file():
                texts[suite.name] = path.read_text(encoding="utf-8")
    if not texts:
        return None
    digest = hashlib.sha256(json.dumps([[(s.name, s.stage, s.asset) for s in known], texts]).encode())
    for path in (Path(__file__), *sorted(TEMPLATES.iterdir())):
        digest.update(path.read_bytes())
    digest.update(style().encode())
    mark, index = site / MARK, site / "index.html"
    if not (index.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == digest.hexdigest()):
        try:
            build(known, {name: json.loads(text) for name, text in texts.items()}, site)
            write_text(mark, digest.hexdigest())
        except Exception as error:
            raise DataDocsError(f"the Data Docs in {site} could not be made: {error}") from error
    return index


def build(known: Sequence[Suite], remembered: dict[str, dict[str, Any]], site: Path) -> None:
    """Write one page for each suite that has run, and the index; pages of other suites go."""
    with quietly():
        from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResultSchema
        from great_expectations.render.renderer import ValidationResultsPageRenderer
        from great_expectations.render.view import DefaultJinjaPageView

        view = DefaultJinjaPageView(custom_views_directory=str(TEMPLATES))
        view.env.globals["style"] = style()  # ty: ignore[invalid-assignment]
        pages = {}
        rows = []
        for suite in known:
            memory = remembered.get(suite.name)
            row = _row(suite, memory)
            rows.append(row)
            if memory is None:
                continue
            if row["error"]:
                pages[suite.name] = view.env.get_template("tool_error.j2").render(suite=row)
                continue
            result = ExpectationSuiteValidationResultSchema().load(_escaped(memory["validation"]))
            document = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
            pages[suite.name] = view.render(
                document,
                template="suite.j2",  # without the first section and the last: the overview and the run, which the frame tells
                suite=row,
                outcomes=memory["outcomes"],
                version=result.meta["great_expectations_version"],
            )
        pages["index"] = view.env.get_template("index.j2").render(suites=rows)
    for name, page in pages.items():
        write_text(site / f"{name}.html", page)
    for path in site.iterdir():
        if (path.suffix == ".html" and path.stem not in pages) or is_temporary(path):
            path.unlink()


def _escaped(validation: dict[str, Any]) -> dict[str, Any]:
    """Return a validation result whose unexpected texts are safe in HTML: Great Expectations writes them as they are."""
    for entry in validation["results"]:
        for counted in entry["result"].get("partial_unexpected_counts") or ():
            counted["value"] = html.escape(counted["value"]) if isinstance(counted["value"], str) else counted["value"]
    return validation


def _row(suite: Suite, memory: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the index says of a suite."""
    outcomes = memory["outcomes"] if memory else []
    errors = [o for o in outcomes if not o["passed"] and o["severity"] == "ERROR"]
    warnings = [o for o in outcomes if not o["passed"] and o["severity"] == "WARN"]
    error = memory["error"] if memory else None
    if memory is None:
        status = "never ran"
    elif error:
        status = "tool error"
    else:
        status = "failed" if errors else "warning" if warnings else "passed"
    return {
        "name": suite.name,
        "stage": suite.stage,
        "asset": "/".join(suite.asset),
        "status": status,
        "n_checks": len(outcomes),
        "n_passed": len(outcomes) - len(errors) - len(warnings),
        "n_failed": len(errors),
        "n_warnings": len(warnings),
        "error": error,
        "checked_at": memory["checked_at"] if memory else None,
        "page": f"{suite.name}.html" if memory else None,
    }
