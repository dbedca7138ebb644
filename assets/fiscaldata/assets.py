"""The room's Dagster assets: archived payloads and landed tables."""

from __future__ import annotations

from assets.factory import room_assets
from assets.fiscaldata import ROOM
from assets.fiscaldata.checks import SUITES

assets = room_assets(ROOM, SUITES)
