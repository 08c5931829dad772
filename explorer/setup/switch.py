"""Another model under test, with the CLIP that belongs to it: one without the other waits for an error."""

from __future__ import annotations

from dataclasses import replace

from explorer.clip.known_clips import belongs_to, is_clip
from explorer.settings import Settings, save_settings

WORLD = "world"


def switch_to(model: str, settings: Settings, *, family: str = "") -> Settings:
    """Saves and returns the settings with this model.

    The bundled model comes with its CLIP and its collection. Another one gets the CLIP of its `family` where that
    is on this computer, else it keeps what is set.
    """
    if model == WORLD:
        chosen = replace(settings, model=WORLD, clip=WORLD, collection=WORLD)
    else:
        folder = belongs_to(family).folder(settings.home)
        chosen = replace(settings, model=model, clip=str(folder) if is_clip(folder) else settings.clip)
    save_settings(chosen)
    return chosen
