"""Embedded metadata as plain JSON values; runs only inside the sandbox process (see sandbox.py)."""

from __future__ import annotations


def parse(data: bytes) -> dict:
    """What `data` says of itself; filled in by the metadata reader."""
    return {}
