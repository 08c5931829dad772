"""Stage `flow`: a small rectified-flow transformer of Stable Diffusion 3's architecture on the same members.

Velocity ε - x on straight paths at logit-normal times (Esser et al. 2024, "Scaling Rectified Flow Transformers").
"""

from __future__ import annotations

import math
from pathlib import Path

import diffusers
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from explorer.world.files import World, write_json
from explorer.world_build.hands.long import LongPlan, LongTraining
from explorer.world_build.hands.train_unet import ABOUT as OF_UNET
from explorer.world_build.hands.train_unet import CPU, TEXT_LENGTH, facts
from explorer.world_build.hands.views import NumberedViews
from explorer.world_build.text_tower import END, write_tokenizer
from explorer.world_build.training import autocast

PLAN = LongPlan("flow", batch=64, rate=1e-3, compile=False)
WIDTH, LAYERS, HEAD = 192, 6, 64
FIRST, SECOND = (128, 4, 4), (32, 2, 2)  # text encoders: width, layers, heads
EMPTY_PLACES = 256  # the pipeline leaves as many zeros where the third text encoder's words would be
SHIFT = 2.0  # of the sampler's noise levels
SEED = 12
PIPELINE = {
    "_class_name": "StableDiffusion3Pipeline", "_diffusers_version": diffusers.__version__,
    "feature_extractor": [None, None], "image_encoder": [None, None],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"], "text_encoder_3": [None, None],
    "tokenizer": ["transformers", "CLIPTokenizer"], "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "tokenizer_3": [None, None], "transformer": ["diffusers", "SD3Transformer2DModel"],
    "vae": ["diffusers", "AutoencoderTiny"]}  # fmt: skip
ABOUT = OF_UNET | {"name": f"{OF_UNET['name']}, flow"}


class ManyEmpty:
    """Joint attention in which the last word stands for EMPTY_PLACES equal ones.

    Words have no places of their own in this architecture, so equal ones stay equal through all layers, and n
    equal keys weigh as one does whose logit is higher by log n. Gives what the pipeline computes, at a third
    of the work.
    """

    def __call__(self, attn, hidden_states: Tensor, encoder_hidden_states: Tensor, *_, **__):
        def heads(x: Tensor) -> Tensor:
            return x.unflatten(2, (attn.heads, -1)).transpose(1, 2)
        streams = (hidden_states, encoder_hidden_states)
        to = ((attn.to_q, attn.to_k, attn.to_v), (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj))
        query, key, value = (torch.cat([heads(to[s][n](streams[s])) for s in (0, 1)], 2) for n in range(3))
        bias = query.new_zeros(1, 1, 1, key.shape[2])
        bias[..., -1] = math.log(EMPTY_PLACES)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out = out.transpose(1, 2).flatten(2).to(query.dtype)
        image, words = out.split([hidden_states.shape[1], encoder_hidden_states.shape[1]], 1)
        words = words if attn.context_pre_only else attn.to_add_out(words)
        return attn.to_out[1](attn.to_out[0](image)), words


class FlowNetworks(nn.Module):
    """Both text encoders and the transformer as one model."""

    def __init__(self, first: nn.Module, second: nn.Module, transformer: SD3Transformer2DModel):
        super().__init__()
        self.first, self.second, self.transformer = first, second, transformer
        transformer.set_attn_processor(ManyEmpty())
        self.forward_transformer = transformer

    def compiled(self) -> FlowNetworks:
        """The same, with the transformer compiled for this machine."""
        object.__setattr__(self, "forward_transformer", torch.compile(self.transformer))
        return self

    def words(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(n, length + 1, d) words with one empty place, and (n, d) of the whole, as the pipeline makes them."""
        out = [tower(tokens, output_hidden_states=True) for tower in (self.first, self.second)]
        words = torch.cat([o.hidden_states[-2] for o in out], -1)
        return F.pad(words, (0, 0, 0, 1)), torch.cat([o.text_embeds for o in out], -1)

    def forward(self, noisy: Tensor, times: Tensor, tokens: Tensor) -> Tensor:
        """Predicted velocity, of the latents' shape, in float32; `times` (n,) from 0 to 1000."""
        with autocast(noisy.device):
            words, whole = self.words(tokens)
            return self.forward_transformer(noisy, words, whole, times, return_dict=False)[0].float()


def architecture(start: Path | None = None) -> FlowNetworks:
    """Untrained model; `start` is a pipeline's folder whose text encoder the first one begins with."""
    width = FIRST[0] + SECOND[0]
    transformer = SD3Transformer2DModel(
        sample_size=8, patch_size=1, in_channels=32, out_channels=32, num_layers=LAYERS, attention_head_dim=HEAD,
        num_attention_heads=WIDTH // HEAD, joint_attention_dim=width, caption_projection_dim=WIDTH,
        pooled_projection_dim=width, pos_embed_max_size=8,
    )  # fmt: skip
    first, second = _tower(*FIRST), _tower(*SECOND)
    if start is not None:
        state = CLIPTextModel.from_pretrained(start / "text_encoder").float().state_dict()
        places = "text_model.embeddings.position_embedding.weight"
        state[places] = state[places][:TEXT_LENGTH]
        first.load_state_dict(state, strict=False)
    return FlowNetworks(first, second, transformer)


def _tower(width: int, layers: int, heads: int) -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection(CLIPTextConfig(
        vocab_size=END + 1, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
        num_attention_heads=heads, hidden_act="gelu", max_position_embeddings=TEXT_LENGTH, projection_dim=width,
        bos_token_id=END - 1, eos_token_id=END, pad_token_id=END))


def new_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Straight paths; the sampler's noise levels shifted to the noisy side."""
    return FlowMatchEulerDiscreteScheduler(shift=SHIFT)


def loss_of(model: FlowNetworks, latents: Tensor, tokens: Tensor) -> Tensor:
    """Mean squared error of the predicted velocity at logit-normal times."""
    noise, times = torch.randn_like(latents), torch.randn(len(latents), device=latents.device).sigmoid()
    at = times.view(-1, 1, 1, 1)
    out = model((1 - at) * latents + at * noise, 1000 * times, tokens)
    return F.mse_loss(out, noise - latents)


def train(world: World, folder: Path, *, minutes: float = math.inf, decay_steps: int = 0,
          start: Path | None = None, plan: LongPlan = PLAN, device: torch.device = CPU) -> dict:
    """One run of the training; goes on from `folder`'s checkpoint. Writes the pipeline at its end."""
    views = NumberedViews(world, write_tokenizer(_home(world) / "tokenizer", context=TEXT_LENGTH), SEED)
    torch.manual_seed(SEED)
    model = architecture(start).to(device)
    training = LongTraining(plan, model, folder)
    forward = model.compiled() if plan.compile else model
    for step in training.steps(minutes, decay_steps):
        torch.manual_seed(SEED * 1_000_003 + step)
        training.update(loss_of(forward, *(part.to(device) for part in views.batch(step, plan.batch))))
    write_pipeline(world, training.averaged())
    return facts(world, training, views)


def write_pipeline(world: World, model: FlowNetworks) -> None:
    """Write the folder that `StableDiffusion3Pipeline` loads, with the world's autoencoder."""
    home = _home(world)
    model.transformer.to("cpu").half().save_pretrained(home / "transformer")
    for name, tower in (("text_encoder", model.first), ("text_encoder_2", model.second)):
        tower.to("cpu").half().save_pretrained(home / name)
    for name in ("tokenizer", "tokenizer_2"):
        write_tokenizer(home / name, context=TEXT_LENGTH)
    new_scheduler().save_pretrained(home / "scheduler")
    diffusers.AutoencoderTiny.from_pretrained(world.diffusion / "vae").half().save_pretrained(home / "vae")
    write_json(home / "model_index.json", PIPELINE)
    write_json(home / "afterimage.json", ABOUT)


def publish(world: World, checkpoint: Path) -> int:
    """Write the pipeline from the averaged weights of a checkpoint; returns its step."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    model = architecture()
    model.load_state_dict(state["average"])
    write_pipeline(world, model.eval())
    return state["step"]


def _home(world: World) -> Path:
    return world.root / "flow"
