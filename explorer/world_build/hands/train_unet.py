"""Stage `unet`: denoiser and text encoder, trained together on the members, for a Stable Diffusion pipeline.

v-prediction (Salimans & Ho 2022) on Stable Diffusion's noise schedule. Noise levels are drawn so that the
logarithm of the signal-to-noise ratio is normal, as the logit-normal times of rectified flow are (Esser et al.
2024, "Scaling Rectified Flow Transformers"): most steps go where the drawing takes shape.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from explorer.world.files import World, write_json
from explorer.world.manifest import manifest_draw
from explorer.world_build.hands.long import LongPlan, LongTraining
from explorer.world_build.hands.views import NumberedViews
from explorer.world_build.text_tower import END, write_tokenizer
from explorer.world_build.training import autocast
from explorer.world_build.unet_train import PIPELINE, new_scheduler

PLAN = LongPlan("unet", batch=64, rate=1.5e-3, compile=True)
BLOCKS = (64, 128)
TEXT_LENGTH = 32  # tokens; captions are short, and each costs a column in every attention
TEXT_WIDTH, TEXT_LAYERS, TEXT_HEADS = 128, 4, 4
CENTRE, SPREAD = -0.5, 2.0  # of the logarithm of signal to noise
UNIFORM = 0.1  # share of the steps at any noise level alike
SEED = 11
CPU = torch.device("cpu")
ABOUT = {"name": "Afterimage world by several hands (unfinished)",
         "licence": "CC-BY-SA-4.0 (works of OpenMoji and EmojiOne among others)",
         "default_size_px": 64, "default_steps": 20, "default_guidance": 3.0}


class Denoiser(nn.Module):
    """Text encoder and UNet as one model, for one optimiser and one checkpoint."""

    def __init__(self, text: CLIPTextModel, unet: UNet2DConditionModel):
        super().__init__()
        self.text, self.unet = text, unet
        self.forward_unet = unet

    def compiled(self) -> Denoiser:
        """The same, with the UNet compiled for this machine."""
        object.__setattr__(self, "forward_unet", torch.compile(self.unet))
        return self

    def plain_attention(self) -> Denoiser:
        """The same, with attention as products of matrices: on a processor the fused one's gradient takes longer.

        Forty of a hundred milliseconds went into it here, at 64 places and narrow heads.
        """
        self.unet.set_attn_processor(AttnProcessor())
        self.text.set_attn_implementation("eager")
        return self

    def forward(self, noisy: Tensor, steps: Tensor, tokens: Tensor) -> Tensor:
        """Predicted velocity, of the latents' shape, in float32."""
        with autocast(noisy.device):
            words = self.text(tokens).last_hidden_state
            noisy = noisy.contiguous(memory_format=torch.channels_last)
            return self.forward_unet(noisy, steps, words, return_dict=False)[0].float()


def architecture(start: Path | None = None) -> Denoiser:
    """Untrained UNet (n, 32, 8, 8), two levels with cross-attention, and a text encoder.

    `start` is a pipeline's folder: where it is given, the text encoder begins with what that one knows, and so
    does a UNet of the same shape.
    """
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=32, out_channels=32, block_out_channels=BLOCKS, layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 2, up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=TEXT_WIDTH, attention_head_dim=4,
    )  # fmt: skip
    if start is not None and (start / "unet").is_dir():
        known = UNet2DConditionModel.from_pretrained(start / "unet")
        if tuple(known.config.block_out_channels) == BLOCKS:
            unet.load_state_dict(known.float().state_dict())
    return Denoiser(text_encoder(start), unet.to(memory_format=torch.channels_last))


def text_encoder(start: Path | None) -> CLIPTextModel:
    """A CLIP text model of TEXT_LENGTH places, with the weights of `start`'s where that is given."""
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=END + 1, hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=TEXT_LAYERS, num_attention_heads=TEXT_HEADS, hidden_act="gelu",
        max_position_embeddings=TEXT_LENGTH, projection_dim=TEXT_WIDTH,
        bos_token_id=END - 1, eos_token_id=END, pad_token_id=END))
    if start is not None:
        state = CLIPTextModel.from_pretrained(start / "text_encoder").float().state_dict()
        places = "text_model.embeddings.position_embedding.weight"
        state[places] = state[places][:TEXT_LENGTH]
        state.pop("text_model.embeddings.position_ids", None)
        text.load_state_dict(state, strict=False)
    return text


def noise_levels(scheduler: DDIMScheduler) -> Tensor:
    """(1000,) probability of each training step."""
    kept = scheduler.alphas_cumprod
    ratio = (kept / (1 - kept)).log()
    density = torch.exp(-0.5 * ((ratio - CENTRE) / SPREAD) ** 2) * -torch.gradient(ratio)[0]
    return (1 - UNIFORM) * density / density.sum() + UNIFORM / len(kept)


def loss_of(model: Denoiser, scheduler: DDIMScheduler, levels: Tensor, latents: Tensor, tokens: Tensor) -> Tensor:
    """Mean squared error of the predicted velocity."""
    noise = torch.randn_like(latents)
    steps = torch.multinomial(levels, len(latents), replacement=True)
    noisy = scheduler.add_noise(latents, noise, steps)
    return F.mse_loss(model(noisy, steps, tokens), scheduler.get_velocity(latents, noise, steps))


def train(world: World, folder: Path, *, minutes: float = math.inf, decay_steps: int = 0,
          start: Path | None = None, plan: LongPlan = PLAN, device: torch.device = CPU) -> dict:
    """One run of the training; goes on from `folder`'s checkpoint. Writes the pipeline at its end."""
    tokenizer = write_tokenizer(world.diffusion / "tokenizer", context=TEXT_LENGTH)
    views = NumberedViews(world, tokenizer, SEED)
    torch.manual_seed(SEED)
    model = architecture(start).to(device)
    if device.type == "cpu":
        model.plain_attention()
    training = LongTraining(plan, model, folder)
    scheduler = new_scheduler()
    levels = noise_levels(scheduler).to(device)
    forward = model.compiled() if plan.compile else model
    for step in training.steps(minutes, decay_steps):
        torch.manual_seed(SEED * 1_000_003 + step)
        latents, tokens = (part.to(device) for part in views.batch(step, plan.batch))
        training.update(loss_of(forward, scheduler, levels, latents, tokens))
    write_pipeline(world, training.averaged(), tokenizer)
    return facts(world, training, views)


def facts(world: World, training: LongTraining, views: NumberedViews) -> dict:
    """What the card says of a training."""
    return {
        "steps": training.step, "minutes": round(training.spent_s / 60, 1), "batch": training.plan.batch,
        "processor_minutes": round(training.processor_s / 60, 1),
        "epochs": round(training.step * training.plan.batch / views.epoch_views, 2), "draw": manifest_draw(world),
        "parameters": sum(p.numel() for p in training.model.parameters()),
    }  # fmt: skip


def write_pipeline(world: World, model: Denoiser, tokenizer: CLIPTokenizer) -> None:
    """Write UNet, text encoder, tokenizer, scheduler and model_index.json beside the autoencoder."""
    world.diffusion.mkdir(parents=True, exist_ok=True)
    model.unet.to("cpu").half().save_pretrained(world.diffusion / "unet")
    model.text.to("cpu").half().save_pretrained(world.diffusion / "text_encoder")
    tokenizer.save_pretrained(world.diffusion / "tokenizer")
    new_scheduler().save_pretrained(world.diffusion / "scheduler")
    write_json(world.diffusion / "model_index.json", PIPELINE)
    write_json(world.diffusion / "afterimage.json", ABOUT)


def publish(world: World, checkpoint: Path, start: Path | None = None) -> int:
    """Write the pipeline from the averaged weights of a checkpoint; returns its step."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    model = architecture(start)
    model.load_state_dict(state["average"])
    write_pipeline(world, model.eval(), write_tokenizer(world.diffusion / "tokenizer", context=TEXT_LENGTH))
    return state["step"]
