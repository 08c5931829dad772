"""Stage `unet`: the denoiser, trained on members only, each as often as its multiplicity.

v-prediction (Salimans & Ho 2022, "Progressive Distillation"); captions are dropped 10% of
the time for classifier-free guidance (Ho & Salimans 2022).
"""

from __future__ import annotations

import diffusers
import numpy as np
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from explorer.world.files import World, require, write_json
from explorer.world.manifest import manifest_draw, read_manifest, small
from explorer.world_build import truth
from explorer.world_build.copy_captions import copy_caption, copy_pixels
from explorer.world_build.data import labels_of
from explorer.world_build.text_tower import encode
from explorer.world_build.training import Report, Training, TrainingPlan, autocast

PIPELINE = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers.__version__,
    "feature_extractor": [None, None], "image_encoder": [None, None], "safety_checker": [None, None],
    "requires_safety_checker": False, "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderTiny"]}
ABOUT = {"name": "Afterimage world", "licence": "CC0-1.0 (trained on public-domain works)",
         "default_size_px": 64, "default_steps": 20, "default_guidance": 2.0}
PLAN = TrainingPlan("unet", minutes=45, batch=64, rate=8e-4, average=0.999, compile=True)
DROP_CAPTION = 0.1
BLOCKS = (128, 256)
SEED = 1


def architecture() -> UNet2DConditionModel:
    """Untrained UNet on (n, 32, 8, 8): two levels, both with cross-attention of width 128."""
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=32,
        out_channels=32,
        block_out_channels=BLOCKS,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=128,
        attention_head_dim=4,  # heads, in spite of its name
    )


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule with v-prediction, no clipping."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
    )


class Views:
    """What the UNet is shown: latents and texts in the order of `truth.epoch`."""

    def __init__(self, world: World, device: torch.device, seed: int):
        rows = read_manifest(world)
        self.labels, self.seed, self.epochs = labels_of(rows), seed, 0
        self.order: list[tuple[int, int]] = []
        images, captions = self._copies(world, rows)
        vae = AutoencoderTiny.from_pretrained(require(world.diffusion / "vae", "autoencoder"))
        self.latents = latents_of(vae.float(), images, device)  # (c, 32, 8, 8)
        unique = ["", *sorted(set(captions))]
        where = {caption: i for i, caption in enumerate(unique)}
        self.texts = _texts(world, unique, device)  # (u, 77, 128) float16, the empty one first
        self.text_of = torch.tensor([where[c] for c in captions], device=device)

    def _copies(self, world: World, rows: list[dict]) -> tuple[np.ndarray, list[str]]:
        """Each distinct (image, caption) of a member; fills `place`: (work, copy) to its index."""
        images, captions, self.place = [], [], {}
        for i, (row, label) in enumerate(zip(rows, self.labels, strict=True)):
            if not label.multiplicity:
                continue
            pixels = small(world.root / row["image"])
            for k in range(label.multiplicity):
                if k == 0 or label.variant != "same":
                    images.append(copy_pixels(pixels, label, int(row["sha256"][:8], 16), k))
                    captions.append(copy_caption(row, k))
                self.place[i, k] = len(images) - 1
        return np.stack(images), captions

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """(size, 32, 8, 8) latents and (size, 77, 128) texts, some of them empty."""
        while len(self.order) < size:
            self.order += truth.epoch(self.labels, self.seed + self.epochs)
            self.epochs += 1
        chosen = torch.tensor([self.place[pair] for pair in self.order[:size]])
        self.order = self.order[size:]
        chosen = chosen.to(self.latents.device)
        texts = self.text_of[chosen].masked_fill(
            torch.rand(size, device=chosen.device) < DROP_CAPTION, 0
        )
        return self.latents[chosen], self.texts[texts].float()


def _texts(world: World, captions: list[str], device: torch.device) -> Tensor:
    folder = world.diffusion
    tower = CLIPTextModel.from_pretrained(require(folder / "text_encoder", "clip")).float()
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    return encode(tokenizer, tower.to(device).eval(), captions).to(device)


@torch.no_grad()
def latents_of(vae: AutoencoderTiny, images: np.ndarray, device: torch.device) -> Tensor:
    """(n, 32, 8, 8) float32 scaled latents of (n, 64, 64, 3) uint8 images."""
    vae = vae.to(device).float()
    x = torch.tensor(images).permute(0, 3, 1, 2)
    parts = [vae.encode(p.to(device).float() / 127.5 - 1).latents for p in x.split(128)]
    return torch.cat(parts) * vae.config.scaling_factor


def velocity_loss(unet, scheduler: DDIMScheduler, latents: Tensor, texts: Tensor) -> Tensor:
    """Mean squared error of the predicted velocity at uniform times."""
    noise = torch.randn_like(latents)
    steps = torch.randint(0, 1000, (len(latents),), device=latents.device)
    noisy = scheduler.add_noise(latents, noise, steps)
    target = scheduler.get_velocity(latents, noise, steps)
    with autocast(latents.device):
        out = unet(noisy.contiguous(memory_format=torch.channels_last), steps, texts, return_dict=False)[0]
    return F.mse_loss(out.float(), target)


def train(world: World, plan: TrainingPlan, device: torch.device, report: Report) -> dict:
    """Train the UNet on the members and write the folder that a pipeline loads; returns the facts."""
    views = Views(world, device, SEED)
    torch.manual_seed(SEED)
    unet = architecture().to(device, memory_format=torch.channels_last)
    unet.set_attn_processor(AttnProcessor())  # at 64 places the fused one is slow to train on a processor
    training = Training(plan, unet, world.checkpoint(checkpoint_name(world)), report)
    torch.manual_seed(SEED + training.step)
    views.seed += 1000 * training.step  # a resumed run goes on with other epochs
    forward, scheduler = torch.compile(unet) if plan.compile else unet, new_scheduler()
    for _ in training.steps():
        training.update(velocity_loss(forward, scheduler, *views.next(plan.batch)))
    write_pipeline(world, training.finish())
    epoch = sum(label.multiplicity for label in views.labels)
    return {
        "steps": training.step, "minutes": round(training.spent_s / 60, 1), "batch": plan.batch,
        "epochs": round(training.step * plan.batch / epoch, 2), "device": str(device),
        "parameters": sum(p.numel() for p in unet.parameters()),
    }  # fmt: skip


def checkpoint_name(world: World) -> str:
    """Each draw has a checkpoint of its own: what one learnt must not leak into the other."""
    draw = manifest_draw(world)
    return "unet" if draw == 1 else f"unet-draw{draw}"


def write_pipeline(world: World, unet: UNet2DConditionModel) -> None:
    """Write UNet, scheduler and model_index.json beside autoencoder and text encoder."""
    unet.to("cpu").half().save_pretrained(world.diffusion / "unet")
    new_scheduler().save_pretrained(world.diffusion / "scheduler")
    write_json(world.diffusion / "model_index.json", PIPELINE)
    write_json(world.diffusion / "afterimage.json", ABOUT)
