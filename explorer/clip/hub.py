"""Files of the hub: out of its cache on this computer, or fetched where that is allowed."""

from __future__ import annotations

from pathlib import Path

from explorer.errors import ExplorerError


def hub_file(repo: str, names: tuple[str, ...], *, offline: bool) -> Path:
    """The first of `names` that the hub's cache (or, unless `offline`, the hub) has; else ExplorerError."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError
    last: Exception | None = None
    for name in names:
        try:
            return Path(hf_hub_download(repo, name, local_files_only=offline))
        except HFValidationError as error:
            raise ExplorerError("clip.weights_not_hub_name", repo=repo) from error
        except Exception as error:  # the hub's client raises many kinds; each means "not here"
            last = error
    if offline:
        raise ExplorerError("clip.weights_not_computer_explorer", repo=repo, names=" or ".join(names)) from last
    raise ExplorerError("clip.weights_not_fetched_hub", repo=repo, last_kind=type(last).__name__,
                        last=last) from last
