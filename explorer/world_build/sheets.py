"""Contact sheets: subject, autoencoder floor, best replay, a column a work."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from explorer.world.files import World, write_atomically

CELL_PX = 96
GAP_PX = 4
NAMES_PX = 120


def contact_sheet(world: World, name: str, strips: dict[str, np.ndarray]) -> None:
    """Write `contact_<name>.png`; each strip is a row of (n, 64, 64, 3) float32 on [0, 1]."""
    columns = max(len(images) for images in strips.values())
    size = (NAMES_PX + columns * (CELL_PX + GAP_PX), len(strips) * (CELL_PX + GAP_PX) + GAP_PX)
    sheet = Image.new("RGB", size, (225, 225, 225))
    text = ImageDraw.Draw(sheet)
    for row, (label, images) in enumerate(strips.items()):
        top = GAP_PX + row * (CELL_PX + GAP_PX)
        text.text((6, top + CELL_PX // 2 - 6), label, fill=(30, 30, 30))
        for column, pixels in enumerate(images):
            cell = Image.fromarray((pixels * 255).round().astype(np.uint8))
            cell = cell.resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
            sheet.paste(cell, (NAMES_PX + column * (CELL_PX + GAP_PX), top))
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    write_atomically(world.root / f"contact_{name}.png", out.getvalue())
