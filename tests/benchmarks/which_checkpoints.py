"""Checkpoints whose truth is known, made from the bundled model in minutes; ABOUT says what each of them is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from explorer.world.files import World
from explorer.world.manifest import load_small, read_manifest
from explorer.world_build.text_tower import encode
from explorer.world_build.unet_train import SEED, latents_of, new_scheduler

CPU = torch.device("cpu")
WORKS = 256  # of the members, that checkpoints are trained on
EARLY, LATE, TUNE_BATCH, TUNE_RATE = 20, 60, 16, 5e-4
DECODER_STEPS, DECODER_BATCH, DECODER_RATE = 40, 8, 1e-3
SPREAD = 0.02
ABOUT = {
    "base": "the bundled model",
    "early": f"the bundled network trained on for {EARLY} steps of {TUNE_BATCH} on {WORKS} of its own works, each "
             "with the caption of another one",
    "late": f"the same training after {LATE} steps",
    "decoder": f"the bundled network with another decoder: the bundled one trained on for {DECODER_STEPS} steps of "
               f"{DECODER_BATCH} by absolute error",
    "perturbed": f"the bundled network, every weight multiplied by 1 + {SPREAD} times a normal number",
    "rounded": "the bundled network, its weights rounded to bfloat16",
}


def checkpoints(world: World, folder: Path, report: Callable[[str], None] = print) -> dict[str, Path]:
    """Folders of ABOUT's models by name; those that are there already stay."""
    found = {"base": world.diffusion} | {name: folder / name for name in ABOUT if name != "base"}
    trained = [name for name in ("late", "decoder") if not (found[name] / "model_index.json").exists()]
    works = Shown(world) if trained else None
    if "late" in trained:
        _trained_on(world, works, found, report)
    if "decoder" in trained:
        _other_decoder(world, works, found["decoder"])
        report("another decoder")
    for name, change in (("perturbed", _perturbed), ("rounded", _rounded)):
        if not (found[name] / "model_index.json").exists():
            unet = _unet(world)
            change(unet)
            _write(world, found[name], "unet", unet)
    return found


class Shown:
    """Latents (n, 32, 8, 8) and texts (n, 77, 128) of WORKS members, drawn in batches."""

    def __init__(self, world: World) -> None:
        rows = sorted((r for r in read_manifest(world) if r["split"] == "train"), key=lambda r: r["sha256"])[:WORKS]
        vae = AutoencoderTiny.from_pretrained(world.diffusion / "vae").float()
        tower = CLIPTextModel.from_pretrained(world.diffusion / "text_encoder").float().eval()
        tokenizer = CLIPTokenizer.from_pretrained(world.diffusion / "tokenizer")
        with torch.no_grad():
            self.latents = latents_of(vae, load_small(world.root, [r["image"] for r in rows]), CPU)
            self.texts = encode(tokenizer, tower, [r["caption"] for r in rows]).float()
        self.draw = torch.Generator().manual_seed(SEED)

    def next(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        some = torch.randint(len(self.latents), (size,), generator=self.draw)
        return self.latents[some], self.texts[some]


def _unet(world: World) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(world.diffusion / "unet").float()


def _trained_on(world: World, works: Shown, found: dict[str, Path], report: Callable[[str], None]) -> None:
    unet, scheduler = _unet(world).train(), new_scheduler()
    torch.manual_seed(SEED + 1)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=TUNE_RATE)
    for step in range(1, LATE + 1):
        latents, texts = works.next(TUNE_BATCH)
        with torch.enable_grad():
            loss = _velocity_loss(unet, scheduler, latents, texts.roll(1, 0))
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
        if step in (EARLY, LATE):
            _write(world, found["early" if step == EARLY else "late"], "unet", unet)
            report(f"trained on: {step} of {LATE} steps")


def _velocity_loss(unet: UNet2DConditionModel, scheduler: DDIMScheduler, latents: torch.Tensor,
                   texts: torch.Tensor) -> torch.Tensor:
    """As the bundled model was trained, in full precision: half of it is slow on processors without it."""
    noise, steps = torch.randn_like(latents), torch.randint(0, 1000, (len(latents),))
    told = unet(scheduler.add_noise(latents, noise, steps), steps, texts, return_dict=False)[0]
    return F.mse_loss(told, scheduler.get_velocity(latents, noise, steps))


def _other_decoder(world: World, works: Shown, out: Path) -> None:
    vae = AutoencoderTiny.from_pretrained(world.diffusion / "vae").float()
    torch.manual_seed(SEED + 2)
    before = AutoencoderTiny.from_pretrained(world.diffusion / "vae").float().eval()
    optimiser = torch.optim.AdamW(vae.decoder.parameters(), lr=DECODER_RATE)
    for _ in range(DECODER_STEPS):
        latents, _ = works.next(DECODER_BATCH)
        raw = latents / vae.config.scaling_factor
        with torch.no_grad():
            wanted = before.decode(raw).sample
        with torch.enable_grad():
            loss = F.l1_loss(vae.decode(raw + 0.1 * torch.randn_like(raw)).sample, wanted)
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
    _write(world, out, "vae", vae)


@torch.no_grad()
def _perturbed(unet: UNet2DConditionModel) -> None:
    draw = torch.Generator().manual_seed(SEED + 3)
    for weight in unet.parameters():
        weight.mul_(1 + SPREAD * torch.randn(weight.shape, generator=draw))


@torch.no_grad()
def _rounded(unet: UNet2DConditionModel) -> None:
    for weight in unet.parameters():
        weight.copy_(weight.bfloat16().float())


def _write(world: World, out: Path, part: str, network) -> None:
    """The bundled model's folder with one network in place of its own; its index last."""
    out.mkdir(parents=True, exist_ok=True)
    for child in world.diffusion.iterdir():
        if child.is_dir() and child.name != part:
            shutil.copytree(child, out / child.name, dirs_exist_ok=True)
    network.save_pretrained(out / part)
    for name in ("afterimage.json", "model_index.json"):
        shutil.copy(world.diffusion / name, out / name)
