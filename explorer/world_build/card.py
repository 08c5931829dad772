"""The world's card: every figure of `world check`, with what was measured and how."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from explorer.settings import HANDS, WORLD
from explorer.world.files import World, require, size_mb
from explorer.world.manifest import manifest_draw
from explorer.world_build.build_world import training_facts

BY_HANDS = ("families.json", "recognised.json", "draws.json")
OWN = ("effort", "fair_draw", "weights", "manifest", "draw_numbers")  # of these either world has its own
PACKAGES = ("torch", "diffusers", "transformers", "open_clip_torch", "numpy", "pillow")


def stored_card(root: Path) -> dict:
    """The card as it was last measured; beside the bundled one what was measured of the world by several hands.

    What either world has is told apart: that by several hands has its own under "hands".
    """
    found = json.loads(require(root / "card.json", "check").read_text("utf-8"))
    theirs: dict = {}
    for name in BY_HANDS if root.resolve() == WORLD else ():
        if (HANDS / name).exists():
            theirs |= json.loads((HANDS / name).read_text("utf-8"))
    apart = {name: theirs.pop(name) for name in OWN if name in theirs}
    return found | theirs | ({"hands": apart} if apart else {})


def epochs(world: World) -> float:
    """Training epochs of the UNet: views of a work = multiplicity × epochs."""
    return float(training_facts(world).get("unet", {}).get("epochs", 0.0))


def assemble(world: World, rows: list[dict], found: dict, fingerprint: str) -> dict:
    """The card: the figures in the order that the README gives them."""
    rule = json.loads(world.near_copy.read_text("utf-8"))
    first = ("autoencoder", "clip", "dose_response")
    return {
        "assets_mb": round(size_mb(world.root.parent), 1),
        **{k: found[k] for k in first},
        "near_copy_rule": rule,
        "fingerprint": fingerprint,
        **{k: v for k, v in found.items() if k not in first},
        "draw": manifest_draw(world),
        "works": dict(Counter(r["split"] for r in rows)),
        "parameters": {name: parameters(path) for name, path in weights(world).items()},
        "training": training_facts(world),
        "source": "Open Clip Art Library 0.18, Debian packages openclipart-svg and openclipart-png",
        "versions": {name: version(name) for name in PACKAGES},
    }


def weights(world: World) -> dict[str, Path]:
    """Weight file of each model."""
    part = "diffusion_pytorch_model.safetensors"
    return {
        "clip": world.clip_weights,
        "autoencoder": world.diffusion / "vae" / part,
        "unet": world.diffusion / "unet" / part,
        "text_encoder": world.diffusion / "text_encoder" / "model.safetensors",
    }


def parameters(path: Path) -> int:
    """Number of parameters in a safetensors file, from its header."""
    with open(path, "rb") as handle:
        header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
    sizes = (v["shape"] for k, v in header.items() if k != "__metadata__")
    total = 0
    for shape in sizes:
        n = 1
        for side in shape:
            n *= side
        total += n
    return total


def line(card: dict) -> str:
    """The card on one line, as the command prints it last."""
    return json.dumps(card, ensure_ascii=False)


def table(card: dict) -> str:
    """The card as the README shows it (Markdown)."""
    vae, clip, effort = card["autoencoder"], card["clip"], card["effort"]
    lines = [
        f"Near copy: tiled distance below {card['near_copy_rule']['absolute']} (16 tiles of 16 × 16 px, the worst "
        f"one counts) and below {card['near_copy_rule']['margin']} times the distance to the nearest other work. "
        f"Effort: the work's own caption, {effort['seeds']} seeds, {effort['steps']} steps, "
        f"guidance {effort['guidance']:g}.",
        "",
        "| copies in training | views | works | came back as a near copy | 95% interval |",
        "|---|---|---|---|---|",
    ]
    for dose, row in card["dose_response"].items():
        lines.append(f"| {dose} | {row['views']} | {row['works']} | {100 * row['share']:.1f}% | "
                     f"{100 * row['low']:.1f}% to {100 * row['high']:.1f}% |")
    lines += [
        "",
        f"Autoencoder: median PSNR {vae['psnr_median']:.1f} dB (members minus held-out works "
        f"{vae['member_minus_held_out_db']:+.2f} dB). CLIP: own caption finds the image among the first five for "
        f"{100 * clip['r_at_5']:.1f}% of works (members minus held-out works "
        f"{100 * clip['member_minus_held_out']:+.1f} points). Fingerprint `{card['fingerprint'][:16]}`.",
    ]
    return "\n".join(lines)
