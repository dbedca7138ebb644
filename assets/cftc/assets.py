"""The room's Dagster assets: archived payloads and landed tables."""

from __future__ import annotations

from assets.cftc import ROOM
from assets.cftc.checks import SUITES
from assets.factory import room_assets

assets = room_assets(ROOM, SUITES)
