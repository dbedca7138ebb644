"""The room's Dagster assets: archived payloads and landed tables."""

from __future__ import annotations

from assets.factory import room_assets
from assets.ofr import ROOM
from assets.ofr.checks import SUITES

assets = room_assets(ROOM, SUITES)
