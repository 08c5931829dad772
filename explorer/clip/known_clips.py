"""The CLIPs that belong to known families, and those that are in the workspace; looks at file names only.

A model's own text encoder reads prompts best, so it is its CLIP that finds the words. Sources: the models' cards;
open_clip's list of pretrained weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer.clip.weights_files import CONFIG, WEIGHTS
from explorer.errors import ExplorerError, shortened
from explorer.folders import is_plain, typed_path

FOLDER = "clips"  # of the workspace
L, H = "open_clip:ViT-L-14/openai", "open_clip:ViT-H-14/laion2b_s32b_b79k"
G = "open_clip:ViT-bigG-14/laion2b_s39b_b160k"


@dataclass(frozen=True)
class KnownClip:
    """A CLIP on the hub as a folder of open_clip's: `size_bytes` is about what its weights take."""

    spec: str
    repo: str
    name: str
    size_bytes: int
    quick_gelu: bool = False  # its weights were trained with it, whatever its config says

    def folder(self, home: Path) -> Path:
        """Where it is kept in the workspace `home`."""
        return home / FOLDER / self.repo.replace("/", "--")


KNOWN = {c.spec: c for c in (
    KnownClip(L, "timm/vit_large_patch14_clip_224.openai", "CLIP ViT-L/14 (OpenAI)", 1_710_000_000, True),
    KnownClip(H, "laion/CLIP-ViT-H-14-laion2B-s32B-b79K", "OpenCLIP ViT-H/14 (LAION-2B)", 3_940_000_000),
    KnownClip(G, "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k", "OpenCLIP ViT-bigG/14 (LAION-2B)", 10_160_000_000),
)}


def belongs_to(family: str) -> KnownClip:
    """The CLIP that finds words for a family: its own text encoder, the smaller of two, else the usual measure."""
    return KNOWN[H if family == "sd2" else L]


def is_clip(folder: Path) -> bool:
    """Whether a folder holds a CLIP as open_clip saves one."""
    return is_plain(folder / CONFIG, within=folder) and is_plain(folder / WEIGHTS, within=folder)


def clips_here(home: Path) -> dict[str, str]:
    """Every CLIP that can be chosen without fetching anything: how settings name it → its name."""
    known = {str(c.folder(home)): c.name for c in KNOWN.values()}
    folders = sorted(p for p in (home / FOLDER).glob("*") if is_clip(p))
    return {"world": "", **{str(p): known.get(str(p), p.name) for p in folders}}


def check_choice(spec: str, home: Path) -> str:
    """A CLIP as it goes into the settings; ExplorerError for one that is not on this computer.

    "world", a known name whose weights were fetched, or a folder with open_clip's config and safetensors.
    """
    wanted = spec.strip()
    if wanted in clips_here(home):
        return wanted
    if wanted in KNOWN:
        folder = KNOWN[wanted].folder(home)
        if is_clip(folder):
            return str(folder)
        raise ExplorerError("clip.known_not_here", name=KNOWN[wanted].name)
    if is_clip(typed_path(wanted)):
        return str(typed_path(wanted).resolve())
    raise ExplorerError("clip.known_no_clip", spec=shortened(wanted) or "–", config=CONFIG, weights=WEIGHTS)
