"""The room's Dagster assets: archived payloads and landed tables."""

from __future__ import annotations

from assets.bis import ROOM
from assets.bis.checks import SUITES
from assets.factory import room_assets

assets = room_assets(ROOM, SUITES)
