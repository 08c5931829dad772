"""The README's table of families × what works, made from the code's own tables.

    python -m explorer.diffusion.families_table
"""

from __future__ import annotations

from explorer.diffusion.network_files import CLASSES
from explorer.diffusion.published import CONFIGS
from explorer.records.families import FAMILIES, FamilyFacts

HEADS = ("family", "txt2img in batches", "img2img", "races, closer, inversion, signals", "adapters",
         "negative prompt", "weights for words", "prompt tokens", "safetensors besides folders")
YES, NO = "yes", "–"


def table() -> str:
    """Markdown: a row a family that is known by name."""
    rows = [_row(known) for known in FAMILIES.values() if known.pipelines]
    return "\n".join("| " + " | ".join(row) + " |" for row in (HEADS, ["---"] * len(HEADS), *rows))


def _row(known: FamilyFacts) -> list[str]:
    batches = YES if known.own_loop else "of one prompt"
    return [known.label, batches, *(YES if there else NO for there in (
        known.img2img, known.own_loop, known.own_loop, known.negative, known.weights)), str(known.tokens),
        files(known.key)]


def files(family: str) -> str:
    """The files, besides a diffusers folder, that hold a model of this family or its network."""
    if family in CONFIGS:
        return "whole checkpoint, network alone (fp8 too)"
    classes = {"klein": "flux2"}
    return "network alone (fp8 and GGUF too)" if classes.get(family, family) in CLASSES else NO


if __name__ == "__main__":
    print(table())
