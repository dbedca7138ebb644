"""The room's Dagster assets: archived payloads and landed tables."""

from __future__ import annotations

from assets.eurostat import ROOM
from assets.eurostat.checks import SUITES
from assets.factory import room_assets

assets = room_assets(ROOM, SUITES)
