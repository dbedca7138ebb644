"""The room's Dagster assets: archived payloads and landed tables."""

from __future__ import annotations

from assets.factory import room_assets
from assets.sec_bdc import ROOM
from assets.sec_bdc.checks import SUITES

assets = room_assets(ROOM, SUITES)
