"""The results as a picture: CPU seconds of each engine, one panel a group. It runs where matplotlib is, with the peers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter

INK, PAGE, EDGE = "#33414f", "#ffffff", "#d0d7de"
OURS, LIMIT, PEER = "#3b78b8", "#8c959f", "#b8802a"
# What a reader in the dark sees; without style sheets the light colours stand.
DARK = f"""<style>
@media (prefers-color-scheme: dark) {{
  text {{ fill: #d6dee7 !important; }}
  #page path {{ fill: #0d1117 !important; }}
  [style*="{EDGE}"] {{ stroke: #30363d !important; }}
}}
</style>"""


def main(numbers: Path, target: Path) -> None:
    """Draw the picture of one file of results."""
    groups = [group for group in json.loads(numbers.read_text(encoding="utf-8"))["groups"].values() if group.get("cases")]
    mpl.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "undertow",
            "font.family": "sans-serif",
            "font.size": 10,
            "text.parse_math": False,
        }
    )
    heights = [len(group["cases"]) + 1.6 for group in groups]
    figure = Figure(figsize=(9.2, 0.3 * sum(heights) + 0.4), facecolor=PAGE)
    figure.patch.set_gid("page")
    panels = figure.subplots(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for panel, group in zip(panels, groups, strict=True):
        _draw(panel, group)
    figure.suptitle("CPU seconds (logarithmic) and peak memory", color=INK, fontsize=12)
    figure.tight_layout()
    figure.savefig(target, format="svg", metadata={"Date": None, "Title": "CPU seconds of Undertow and of other tools"})
    text = target.read_text(encoding="utf-8")
    target.write_text(text.replace("<defs>", f"{DARK}\n <defs>", 1), encoding="utf-8")


def _draw(panel: Any, group: dict[str, Any]) -> None:
    """Draw one group: a bar an engine, on a logarithmic scale, with the number beside it."""
    cases = group["cases"][::-1]
    seconds = [case.get("cpu_seconds") for case in cases]
    known = [value for value in seconds if value]
    lowest = min(known) / 3
    for place, (case, value) in enumerate(zip(cases, seconds, strict=True)):
        ours, limit = case["engine"].startswith("Undertow"), "limit" in case["engine"]
        if value:
            panel.barh(place, value - lowest, left=lowest, height=0.66, color=OURS if ours else LIMIT if limit else PEER)
        words = f"{value:.2f} s, {case['peak_bytes'] / 1e9:.2f} GB" if value else case["failure"]
        panel.annotate(words, (value or lowest, place), (4, 0), textcoords="offset points", va="center", color=INK)
    panel.set_xscale("log")
    panel.set_xlim(lowest, max(known) * 6)
    panel.xaxis.set_major_formatter(FormatStrFormatter("%g s"))
    panel.set_ylim(-0.6, len(cases) - 0.4)
    panel.set_yticks(range(len(cases)), [case["engine"] for case in cases])
    panel.set_title(f"{group['title'].replace('`', '')}", loc="left", fontsize=11, color=INK)
    panel.tick_params(colors=INK, which="both", length=0)
    panel.set_facecolor("none")
    panel.grid(axis="x", color=EDGE, linewidth=0.6)
    panel.set_axisbelow(True)
    for spine in panel.spines.values():
        spine.set_visible(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
