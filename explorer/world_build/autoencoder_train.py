"""Stage `autoencoder`: 64 px image to 8 × 8 × 32 latents and back (diffusers AutoencoderTiny).

Trained on all works but the strangers, each equally often whatever its multiplicity.
Convolutions only, so most of the time goes into 32 px crops chosen where the drawing is;
the last part sees whole images.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor

from explorer.world.files import World
from explorer.world.manifest import load_small, read_manifest
from explorer.world_build.training import Report, Training, TrainingPlan, autocast

PLAN = TrainingPlan("autoencoder", minutes=30, batch=64, rate=2e-3, decay=1e-4, compile=True)
WIDTH = 48
LATENTS = 32
CROP_PX = 32
CELL_PX = 8  # crops start on the grid of latents
WHOLE_FROM = 0.7  # of the budget: from here on whole images
NOISE = 0.03  # on latents in training: the decoder shall bear a sampler's small errors
SEED = 0


def architecture() -> AutoencoderTiny:
    """Untrained autoencoder of 0.8 M parameters; (n, 3, 64, 64) on [-1, 1] to (n, 32, 8, 8)."""
    return AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 4,
        decoder_block_out_channels=(WIDTH,) * 4,
        num_encoder_blocks=(0, 1, 2, 2),
        num_decoder_blocks=(3, 2, 1, 0),
        latent_channels=LATENTS,
        force_upcast=False,
    )


class Crops:
    """Batches of crops or whole images, every work equally often."""

    def __init__(self, images: np.ndarray, seed: int):
        """`images` (n, 64, 64, 3) uint8."""
        self.images = torch.tensor(images).permute(0, 3, 1, 2)  # (n, 3, 64, 64)
        self.rng = np.random.default_rng(seed)
        self.order: list[int] = []

    def crops(self, size: int) -> Tensor:
        """(size, 3, 32, 32) on [-1, 1]: of twice as many random crops, rather those with detail."""
        places = (self.images.shape[-1] - CROP_PX) // CELL_PX + 1
        chosen = self.rng.integers(len(self.images), size=2 * size)
        corners = self.rng.integers(0, places, size=(2 * size, 2)) * CELL_PX
        x = torch.stack([
            self.images[i, :, top : top + CROP_PX, left : left + CROP_PX]
            for i, (top, left) in zip(chosen, corners, strict=True)
        ]).float().div(127.5).sub(1)  # fmt: skip
        return self._mirror(x[torch.multinomial(x.var((1, 2, 3)) + 0.04, size)])

    def whole(self, size: int) -> Tensor:
        """(size, 3, 64, 64) on [-1, 1]."""
        size = min(size, len(self.images))
        if len(self.order) < size:
            self.order = list(self.rng.permutation(len(self.images)))
        chosen, self.order = self.order[:size], self.order[size:]
        return self._mirror(self.images[chosen].float().div(127.5).sub(1))

    def _mirror(self, x: Tensor) -> Tensor:
        x = x.flip(3) if self.rng.random() < 0.5 else x
        return x.contiguous(memory_format=torch.channels_last)


def loss_of(x: Tensor, z: Tensor, y: Tensor) -> Tensor:
    """Squared and a little absolute error on [0, 1]; latent channels drawn to mean 0, deviation 1."""
    error = (y.float() - x) / 2
    z = z.float()
    shape = ((z.std((0, 2, 3)) - 1) ** 2).mean() + (z.mean((0, 2, 3)) ** 2).mean()
    return (error**2).mean() + 0.02 * error.abs().mean() + 2e-4 * shape


def train(world: World, plan: TrainingPlan, device: torch.device, report: Report) -> dict:
    """Train the autoencoder and write it into the diffusion folder; returns the facts."""
    rows = [r for r in read_manifest(world) if r["split"] != "stranger"]
    images = load_small(world.root, [r["image"] for r in rows])
    torch.manual_seed(SEED)
    vae = architecture().to(device, memory_format=torch.channels_last)
    training = Training(plan, vae, world.checkpoint("autoencoder"), report)
    batches = Crops(images, SEED + training.step)

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        z = vae.encoder(x)
        return z, vae.decoder(z + NOISE * torch.randn_like(z))

    forward = torch.compile(both) if plan.compile else both
    for fraction in training.steps():
        x = batches.whole(plan.batch // 4) if fraction > WHOLE_FROM else batches.crops(plan.batch)
        x = x.to(device)
        with autocast(device):
            z, y = forward(x)
        training.update(loss_of(x, z, y))
    write(world, training.finish(), images)
    return {
        "steps": training.step, "minutes": round(training.spent_s / 60, 1), "batch": plan.batch,
        "works": len(rows), "device": str(device),
        "parameters": sum(p.numel() for p in vae.parameters()),
    }  # fmt: skip


@torch.no_grad()
def write(world: World, vae: AutoencoderTiny, images: np.ndarray) -> None:
    """Write fp16 weights, with the scaling that gives the latents of `images` unit deviation."""
    x = torch.tensor(images).permute(0, 3, 1, 2)
    device = next(vae.parameters()).device
    z = torch.cat([vae.encoder(p.to(device).float() / 127.5 - 1) for p in x.split(128)])
    vae.register_to_config(scaling_factor=round(1 / z.std().item(), 4))
    vae.to("cpu").half().save_pretrained(world.diffusion / "vae")


def psnr_db(images: np.ndarray, again: np.ndarray) -> np.ndarray:
    """(n,) peak signal-to-noise ratio in dB of two (n, 64, 64, 3) arrays on [0, 1]."""
    error = (images - again) ** 2
    return -10 * np.log10(error.reshape(len(error), -1).mean(1) + 1e-12)
