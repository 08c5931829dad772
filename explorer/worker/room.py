"""What a device worker tells of the memory where models run."""

from __future__ import annotations

from typing import Any


def room_facts(loaded: dict[str, int], device: str) -> dict[str, Any]:
    """What is loaded, and the device with its free bytes once anything is; torch is not loaded for the answer."""
    if not loaded:
        return {"loaded": loaded}
    from explorer.diffusion.memory import free_bytes
    from explorer.diffusion.models import pick_device
    place = pick_device(device or "auto")
    return {"loaded": loaded, "device": place.type, "free_bytes": free_bytes(place)}
