"""From the signs to whether this model may have made a picture; no model needed, so that screens may read it."""

from __future__ import annotations

from explorer.familiarity.records import MadeBy

SAME_PICTURE = 0.02  # tiled distance that JPEG and rescaling leave; a replay below it is the picture itself


def verdict(first_loss: float | None, least: float | None, *, says_so: bool = False,
            nearest: float | None = None) -> MadeBy:
    """The verdict from the autoencoder's first loss and the least that drawings have (None where it is not known),
    what the file says, and the distance of the nearest replay from plain noise.

    A near copy alone is no sign: works seen often come back nearly, too.
    """
    shown = {"metadata": says_so, "replay": nearest is not None and nearest < SAME_PICTURE,
             "round_trip": None not in (first_loss, least) and first_loss < least}
    values = {"round_trip": first_loss, "round_trip_below": least, "replay": nearest, "replay_below": SAME_PICTURE}
    return MadeBy(any(shown.values()), tuple(name for name, there in shown.items() if there),
                  {name: value for name, value in values.items() if value is not None}, least is not None)
