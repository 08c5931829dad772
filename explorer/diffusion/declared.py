"""What a single-file checkpoint declares of itself, by its tensors' names, its header and its own name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError
from explorer.foreign.reading import TensorTable

INPUT = "model.diffusion_model.input_blocks.0.0.weight"
_V_NAME = re.compile(r"(?<![a-z])v[-_ ]?pred(iction)?(?![a-z])", re.IGNORECASE)
_KINDS = {"v": "v_prediction", "v_prediction": "v_prediction", "v-prediction": "v_prediction", "epsilon": "epsilon",
          "eps": "epsilon", "sample": "sample"}


def check_checkpoint(table: TensorTable, path: Path) -> None:
    """ExplorerError for a file that is not a whole text-to-image model: a refiner, one for inpainting, one without
    an autoencoder, one that predicts in Karras' (EDM) form.
    """
    names = table.tensors
    if (
        "edm_mean" in names
        or "edm_vpred.sigma_max" in names
        or "edm" in table.texts.get("modelspec.architecture", "")
    ):
        raise ExplorerError("diffusion.declared_edm", name=path.name)
    if not any(name.startswith(("first_stage_model.", "vae.")) for name in names):
        raise ExplorerError("diffusion.declared_no_autoencoder", name=path.name)
    first = names.get(INPUT)
    if first is not None and len(first.shape) == 4 and first.shape[1] != 4:
        raise ExplorerError("diffusion.declared_takes_channels", name=path.name, takes=first.shape[1])


def is_refiner(names: set[str]) -> bool:
    """Whether the tensors are those of SDXL's refiner: OpenCLIP's big text encoder alone, in the first place."""
    return any(n.startswith("conditioner.embedders.0.model.") for n in names) and not any(
        n.startswith("conditioner.embedders.1.") for n in names)


def scheduler_of(table: TensorTable, path: Path) -> dict[str, Any]:
    """The parts of a scheduler's config that the file declares; nothing where it declares none.

    Trainers leave empty tensors called `v_pred` and `ztsnr`; others write the header's `modelspec.prediction_type`;
    the file's name counts where neither is there.
    """
    found: dict[str, Any] = {}
    told, _ = prediction_told(table, path)
    if told:
        found["prediction_type"] = told
    if "ztsnr" in table.tensors:
        found["rescale_betas_zero_snr"] = True
    return found


def prediction_told(table: TensorTable, path: Path) -> tuple[str, str]:
    """What the network predicts, and what says so: "tensor", "header" or "name"; both empty where nothing does."""
    if "v_pred" in table.tensors:
        return "v_prediction", "tensor"
    if told := _KINDS.get(table.texts.get("modelspec.prediction_type", "").strip().lower()):
        return told, "header"
    return ("v_prediction", "name") if _V_NAME.search(path.stem) else ("", "")
