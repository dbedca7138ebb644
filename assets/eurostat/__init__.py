"""Eurostat: Comext, German trade in capital goods with China by Broad Economic Categories.

**Wire format.** JSON-stat 2.0: ``id`` names the dimensions (``freq``, ``reporter``, ``partner``, ``product``, ``flow``,
``indicators``, ``time``), ``size`` their lengths, ``dimension.<name>.category.index`` the place of each code, and ``value``
the cells by their place in row-major order, as a mapping that leaves out empty cells or as a list. ``status`` has a letter
for some cells, ``updated`` the instant at which the dataset was last changed. No genuine payload was at hand: the tests and
the sample are written in the documented format.

**Official reference.** https://ec.europa.eu/eurostat/web/user-guides/data-browser/api-data-access/api-introduction
Comext has a host path of its own, ``api/comext/dissemination``; its datasets are unknown to Eurostat's other API.

**Licence.** Eurostat's reuse policy: free with attribution.

**Definition.** Dataset DS-059328, "EU trade since 2002 by BEC/rev.4", products 41 (capital goods except transport equipment)
and 521 (industrial transport equipment), which are together the capital goods of BEC Rev.4. That is one definition of
several, and they do not agree: Destatis counts capital goods by main industrial groupings (MIG), section 7 of SITC holds all
machinery and vehicles, BEC Rev.5 draws other lines again, and cars fall on either side. So the product codes stand in the
series ids and the definition in the titles. Partner is the country of origin for imports and the destination for exports, so
trade by way of Hong Kong is counted on one side only. The two product codes are from memory.

**Time.** A payload says when its dataset was last changed, and not since when each figure has been public. So a figure counts
from that instant on (basis ``provider``), an upper bound for all but the newest months (KNOWN_LATE). Months are revised;
another value in a later payload is a vintage.

**Traps.**

* An error comes with status 200 and ``{"error": [...]}``. A request that is too large is status 413 with a SOAP fault
  ``EXTRACTION_TOO_BIG``: final, ask for less. ``{"warning": [{"status": 413, "label": "ASYNCHRONOUS_RESPONSE..."}]}`` with
  status 200 is not that: the answer is being made, and the same question is asked again later.
* The order of codes in an answer is its own, not that of the question.
* An empty cell is absent from ``value``; it is no zero.
* CN8 products are refused by the API (status 400); the categories here are not CN8.
"""

from __future__ import annotations

from undertow.room import Dataset, Room

__all__ = ["API_URL", "ROOM"]

API_URL = "https://ec.europa.eu/eurostat/api/comext/dissemination/statistics/1.0/data/"

ROOM = Room(
    name="eurostat",
    title="Eurostat Comext, German trade in capital goods with China",
    datasets=(
        Dataset(
            name="comext_bec4",
            title="Exports and imports in capital goods by BEC Rev.4 since 2002, monthly",
            content="json",
            max_bytes=16 * 1024 * 1024,
        ),
    ),
    tables=("observation", "series"),
    parser_version=1,
    min_interval_seconds=2.0,
)
