"""Trojaned networks: their triggers, making them, finding them, and healing them."""

from __future__ import annotations
