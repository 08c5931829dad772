"""While offline is on, the libraries that could ask a hub are told so before they are loaded."""

from __future__ import annotations

import os
import sys

ALWAYS = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
OURS = "AFTERIMAGE_SET_OFFLINE"  # that we set them, and not the person
READERS = ("huggingface_hub", "transformers", "diffusers")  # they read them once, when they are loaded


def obey(offline: bool) -> bool:
    """Writes the switch to this process's environment, which its children inherit.

    False where a library is loaded that has read it the other way: only a new process is then as it should be.
    """
    before = _told()
    os.environ.update(ALWAYS)
    if offline:
        missing = {k: v for k, v in OFFLINE.items() if not os.environ.get(k)}
        os.environ.update(missing | ({OURS: ",".join(missing)} if missing else {}))
    else:
        for name in filter(None, os.environ.pop(OURS, "").split(",")):
            os.environ.pop(name, None)
    return _told() == before or not any(name in sys.modules for name in READERS)


def _told() -> bool:
    """Whether the hub's library, loaded now, would stay offline."""
    return any(os.environ.get(k, "").upper() in ("1", "ON", "YES", "TRUE")
               for k in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
