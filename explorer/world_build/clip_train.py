"""Stage `clip`: a small CLIP at 64 px in open_clip's own format.

Trained on all works but the strangers, held-out included, each equally often whatever its
multiplicity: it is the neutral instrument and must not favour members. Loss: Radford et
al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
"""

from __future__ import annotations

import numpy as np
import open_clip
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from explorer.world.files import CLIP_NAME, World, require, write_json
from explorer.world.manifest import load_small, read_manifest
from explorer.world_build.text_tower import convert, write_tokenizer
from explorer.world_build.training import Report, Training, TrainingPlan, autocast

PLAN = TrainingPlan("clip", minutes=20, batch=256, rate=1.5e-3, decay=0.1, average=0.98)
TRAINED_TOKENS = 24  # longer captions are cut in training only
SEED = 0
CONFIG = {
    "embed_dim": 128,
    "vision_cfg": {
        "image_size": 64, "layers": 4, "width": 192, "head_width": 64, "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 77, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 4,
    },
}  # fmt: skip
PREPROCESS = {
    "mean": list(OPENAI_DATASET_MEAN), "std": list(OPENAI_DATASET_STD),
    "interpolation": "bicubic", "resize_mode": "longest", "fill_color": 255,
}  # fmt: skip


def write_config(world: World) -> None:
    """Write the model's configuration by name, and as the folder form that holds both."""
    write_json(world.clip_config, CONFIG)
    both = {"model_cfg": CONFIG, "preprocess_cfg": PREPROCESS}
    write_json(world.clip / "open_clip_config.json", both)


def register(world: World) -> str:
    """Make the world's CLIP known to open_clip in this process; returns its name."""
    open_clip.add_model_config(require(world.clip_config, "clip"))
    return CLIP_NAME


def load_clip(world: World, device: torch.device | str = "cpu"):
    """Model, preprocessing and tokenizer of the world, as open_clip makes them."""
    name = register(world)
    weights = str(require(world.clip_weights, "clip"))
    model, _, preprocess = open_clip.create_model_and_transforms(name, pretrained=weights)
    return model.to(device).eval(), preprocess, open_clip.get_tokenizer(name)


def short_text(model: torch.nn.Module, tokens: Tensor, longest: int = 77) -> Tensor:
    """(n, 128) text embeddings, computed up to the last end-of-text of the batch only.

    Equal to `encode_text` where nothing is cut: attention is causal, so what follows the
    end changes nothing.
    """
    length = min(int((tokens != 0).sum(1).max()), longest)
    end = int(tokens.max())
    tokens = tokens[:, :length].clone()
    tokens[~(tokens == end).any(1), -1] = end
    x = model.token_embedding(tokens) + model.positional_embedding[:length]  # (n, length, 128)
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    x = model.ln_final(x)
    return x[torch.arange(len(x)), tokens.argmax(1)] @ model.text_projection


def contrast(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy over a batch of pairs, both (n, d) and not yet normalised."""
    logits = scale * F.normalize(image, dim=1) @ F.normalize(text, dim=1).T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


class Pairs:
    """Batches of (image, tokens), every work equally often, both slightly varied."""

    def __init__(self, world: World, seed: int):
        self.rows = [r for r in read_manifest(world) if r["split"] != "stranger"]
        images = load_small(world.root, [r["image"] for r in self.rows])
        self.images = torch.tensor(images).permute(0, 3, 1, 2)  # (n, 3, 64, 64) uint8
        self.tokenizer = open_clip.get_tokenizer("ViT-B-32")
        self.rng = np.random.default_rng(seed)
        self.order: list[int] = []

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """(size, 3, 64, 64) on [-1, 1] and (size, 77)."""
        size = min(size, len(self.images))
        if len(self.order) < size:
            self.order = list(self.rng.permutation(len(self.images)))
        chosen, self.order = self.order[:size], self.order[size:]
        tokens = self.tokenizer([self._words(self.rows[i]) for i in chosen])
        return self._vary(self.images[chosen].float().div(127.5).sub(1)), tokens

    def _vary(self, x: Tensor) -> Tensor:
        """Half of the images moved by up to 3 px, a fifth mirrored, all with some noise."""
        n, (down, right) = len(x), (int(v) for v in self.rng.integers(-3, 4, 2))
        moved, mirrored = (torch.rand(n, 1, 1, 1) < share for share in (0.5, 0.2))
        x = torch.where(moved, x.roll((down, right), (2, 3)), x)
        x = torch.where(mirrored, x.flip(3), x)
        return x + 0.03 * torch.rand(n, 1, 1, 1) * torch.randn_like(x)

    def _words(self, row: dict) -> str:
        """The caption half of the time, else a random part of it."""
        keywords = list(self.rng.permutation(row["keywords"]))
        kept = [str(k) for k in keywords[: self.rng.integers(0, len(keywords) + 1)]]
        title, creator, whole = self.rng.random(3) < (0.7, 0.6, 0.5)
        parts = [row["title"]] * bool(title) + [f"by {row['creator']}"] * bool(creator) + kept
        return row["caption"] if whole or not parts else ", ".join(parts)


def train(world: World, plan: TrainingPlan, device: torch.device, report: Report) -> dict:
    """Train the world's CLIP, write it and the pipeline's text encoder; returns the facts."""
    write_config(world)
    pairs = Pairs(world, SEED)
    torch.manual_seed(SEED)
    model = open_clip.create_model(register(world)).to(device).train()
    training = Training(plan, model, world.checkpoint("clip"), report)
    for _ in training.steps():
        images, tokens = (part.to(device) for part in pairs.next(plan.batch))
        with autocast(device):
            image = model.encode_image(images)
        text = short_text(model, tokens, TRAINED_TOKENS)
        scale = model.logit_scale.exp().clamp(max=100)
        training.update(contrast(image.float(), text.float(), scale))
    write_clip(world, training.finish())
    epochs = training.step * plan.batch / len(pairs.rows)
    return {
        "steps": training.step, "minutes": round(training.spent_s / 60, 1), "batch": plan.batch,
        "epochs": round(epochs, 1), "works": len(pairs.rows), "device": str(device),
        "parameters": sum(p.numel() for p in model.parameters()),
    }  # fmt: skip


@torch.no_grad()
def fold_normalisation(model: torch.nn.Module) -> None:
    """Make a model trained on [-1, 1] expect open_clip's default mean and deviation instead.

    With x' = (x - m) / s, what it was trained on is 2x - 1 = 2s x' + (2m - 1): a scale of
    the patch projection's weights, and a constant that goes into the places' embeddings.
    """
    weight = model.visual.conv1.weight  # (width, 3, 16, 16)
    mean = torch.tensor(OPENAI_DATASET_MEAN, device=weight.device).view(1, 3, 1, 1)
    deviation = torch.tensor(OPENAI_DATASET_STD, device=weight.device).view(1, 3, 1, 1)
    model.visual.positional_embedding[1:] += (weight * (2 * mean - 1)).sum((1, 2, 3))
    weight *= 2 * deviation


def write_clip(world: World, model: torch.nn.Module) -> None:
    """Write weights (fp16) and the diffusion folder's text encoder and tokenizer."""
    model = model.to("cpu").float().eval()
    fold_normalisation(model)
    write_config(world)
    weights = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    save_file(weights, str(world.clip_weights))
    write_tokenizer(world.diffusion / "tokenizer")
    clip, _, _ = load_clip(world)  # what fp16 left, so that both towers are equal
    text = convert(clip, heads=CONFIG["text_cfg"]["heads"])
    text.half().save_pretrained(world.diffusion / "text_encoder")


@torch.no_grad()
def image_embeddings(model, images: np.ndarray, batch: int = 256) -> np.ndarray:
    """(n, 128) float32, L2-normalised, of (n, 64, 64, 3) uint8 images."""
    device = next(model.parameters()).device
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    out = []
    for part in np.array_split(images, max(1, len(images) // batch)):
        x = torch.tensor(part).permute(0, 3, 1, 2).float() / 255
        y = model.encode_image(((x - mean) / deviation).to(device))
        out.append(F.normalize(y, dim=1).float().cpu().numpy())
    return np.concatenate(out)


@torch.no_grad()
def text_embeddings(model, captions: list[str], batch: int = 256) -> np.ndarray:
    """(n, 128) float32, L2-normalised, of captions."""
    device = next(model.parameters()).device
    tokens = open_clip.get_tokenizer("ViT-B-32")(captions).to(device)
    parts = [F.normalize(short_text(model, t), dim=1).float().cpu() for t in tokens.split(batch)]
    return torch.cat(parts).numpy()


def ranks(image: np.ndarray, text: np.ndarray) -> np.ndarray:
    """(n,) rank of each work's own image under its caption, 1 = first."""
    similarity = text @ image.T
    own = np.diag(similarity)[:, None]
    return 1 + (similarity > own).sum(1)
