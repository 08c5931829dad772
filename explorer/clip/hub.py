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
            raise ExplorerError(f"{repo!r} is not a hub name: it must look like owner/name.") from error
        except Exception as error:  # the hub's client raises many kinds; each means "not here"
            last = error
    if offline:
        raise ExplorerError(f"The weights of {repo} are not on this computer ({' or '.join(names)}), and "
                            "the explorer works offline. Copy them into the hub's cache, choose a folder, "
                            "or allow downloads in the settings.") from last
    raise ExplorerError(f"{repo} could not be fetched from the hub ({type(last).__name__}: {last}). "
                        "Check the name and the network.") from last
