"""Small quarters of N-PORT, as the SEC serves them: the page that links them, and their zip files."""

import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from assets.sec_nport import INDEX_URL, SITE
from assets.sec_nport.sample import write_zip
from tests.provider.server import File, Provider
from undertow.loans.universe import universe

__all__ = ["ALL", "QUARTERS", "made", "place", "serve"]

ALL = {  # quarters of filing, and the day whose positions each tells
    "2024q2": date(2024, 3, 31), "2024q3": date(2024, 6, 30), "2024q4": date(2024, 9, 30), "2025q1": date(2024, 12, 31),
    "2025q2": date(2025, 3, 31), "2025q3": date(2025, 6, 30), "2025q4": date(2025, 9, 30),
}  # fmt: skip
QUARTERS = dict(list(ALL.items())[-3:])
FOLDER = "/files/dera/data/form-n-port-data-sets"


@cache
def made() -> dict[str, bytes]:
    """The data set of each quarter."""
    world = universe(borrowers=14, managers=4, quarters=tuple(ALL.values()))
    contents = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, day in ALL.items():
            write_zip(world, Path(folder) / f"{name}.zip", day=day, filler=60)
            contents[name] = (Path(folder) / f"{name}.zip").read_bytes()
    return contents


def place(name: str) -> str:
    """Where the provider has a quarter."""
    return f"{SITE}{FOLDER}/{name}_nport.zip".removeprefix("https://")


def serve(server: Provider) -> None:
    """Let the provider have the page and the quarters."""
    links = "".join(f'<a href="{FOLDER}/{name}_nport.zip">x</a>' for name in ALL)
    server.files[INDEX_URL.removeprefix("https://")] = File(f"<html><body>{links}</body></html>".encode(), "text/html")
    for name, content in made().items():
        server.files[place(name)] = File(content, "application/octet-stream")
