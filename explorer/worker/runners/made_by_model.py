"""Whether the model under test may have made the subject; asked before any p-value is given."""

from __future__ import annotations

import numpy as np

from explorer.diffusion.models import Model
from explorer.familiarity.made_by import first_loss
from explorer.familiarity.made_verdict import verdict
from explorer.familiarity.records import MadeBy
from explorer.familiarity.stored import least_first_loss
from explorer.images.metadata import read_metadata
from explorer.records import Subject
from explorer.search.fit_size import fit
from explorer.settings import WORLD
from explorer.worker.context import Context


def made_by(model: Model, subject: Subject, rgb: np.ndarray, context: Context) -> MadeBy:
    """The verdict on a subject (h, w, 3) uint8: from its file, its replays on record, and the model's own view."""
    case, side = context.case(), model.info.default_size_px
    own = fit(rgb, height_px=side, width_px=side)
    nearest = [replay.closeness["tiled_l2"] for replay in case.replays(subject.id, order_by="tiled_l2", limit=20)
               if replay.recipe.model.fingerprint == model.ref.fingerprint and replay.recipe.strength is None
               and replay.recipe.noise_blob is None and "tiled_l2" in replay.closeness]
    says_so = subject.recipe is not None or bool(read_metadata(case.blob(subject.sha256)).generation)
    return verdict(first_loss(model, own) if model.own_loop else None,
                   least_first_loss(WORLD, model_fingerprint=model.ref.fingerprint), says_so=says_so,
                   nearest=min(nearest, default=None))
