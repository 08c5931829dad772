"""An answer to which model made a picture as a table and a line, for screens and reports."""

from __future__ import annotations

from explorer.evidence.which_records import BUNDLED, WhichModel
from explorer.findings.wording import number
from explorer.texts import localised, say


def head() -> tuple[str, ...]:
    """The table's head."""
    return tuple(say(f"which.head_{name}") for name in ("model", "p", "loss", "error"))


def rows(found: WhichModel) -> list[tuple[str, ...]]:
    """A row a model, the pictures that none of them made last."""
    source = say("which.bundled_works") if found.others == BUNDLED else found.others
    others = say("which.others_row", source=source, count=number(found.other_pictures))
    models = [(f"{one.name} ({one.model.fingerprint[:12]})", number(one.p), localised(f"{one.first_loss:.2f}"),
               localised(f"{one.error:.3f}")) for one in found.candidates]
    return [*models, (others, number(found.others_p), "", "")]


def how(found: WhichModel) -> str:
    """How much was made and measured."""
    return say("which.how", pictures=number(found.pictures), evaluations=number(found.evaluations),
               level=number(found.level))
