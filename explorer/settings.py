"""Where things are: settings of one workspace, read once and handed on; nothing here is global.

The workspace is the user's data folder (`AFTERIMAGE_HOME` overrides it): `workspace.sqlite`, `cases/`,
`cache/`, `logs/` and `settings.json` live there. It must not be a synced folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from explorer.errors import ExplorerError
from explorer.folders import typed_path

ASSETS = Path(__file__).resolve().parent.parent / "assets"
WORLD = ASSETS / "world"
HANDS = ASSETS / "hands"  # the world by several hands
BUNDLED = {"world": WORLD / "diffusion", "hands": HANDS / "diffusion"}  # models that come with the program
LOCAL = "local"  # the engine of this computer
CLUSTER = re.compile(r"ray://[^\s/:@]+:\d{1,5}")


@dataclass(frozen=True)
class Settings:
    """One workspace's settings. `model_folders` are the only roots that the folder picker opens."""

    home: Path
    model_folders: tuple[str, ...] = ()
    collection_folders: tuple[str, ...] = ()
    device: str = "auto"  # "auto" | "cpu" | "cuda" | "cuda:1" | "mps"
    model: str = "world"
    collection: str = "world"
    clip: str = "world"
    controls: str = ""  # for a model other than the bundled one: the folder whose pictures it is tested against
    test_seeds: int = 16  # of the measured test of such a model
    model_memory_mb: int = 8192
    offline: bool = True  # nothing leaves this computer unless switched off
    language: str = ""  # of the screens, of reports and of the command line; "" for English
    engine: str = LOCAL  # or a Ray cluster's address, such as ray://host:10001, for searches and builds

    @property
    def database(self) -> Path:
        return self.home / "workspace.sqlite"

    @property
    def cases(self) -> Path:
        return self.home / "cases"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def neighbours_from(self) -> str:
        """The collection that neighbours come from; "" for none: the bundled one says nothing of another model."""
        return "" if self.collection == "world" and self.model != "world" else self.collection

    @property
    def measured(self) -> Path:
        """What controls came to, a file a model, policy and folder: hours of computing, and so no cache."""
        return self.home / "controls"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def roots(self) -> tuple[Path, ...]:
        """Folders that a person may pick from; what is no path on this computer is left out."""
        found = []
        for text in (*self.model_folders, *self.collection_folders):
            with contextlib.suppress(ExplorerError):
                found.append(typed_path(text))
        return tuple(found)


def default_home() -> Path:
    """The workspace folder: `AFTERIMAGE_HOME`, else the platform's user data folder."""
    given = os.environ.get("AFTERIMAGE_HOME")
    return typed_path(given) if given else Path(platformdirs.user_data_dir("afterimage", appauthor=False))


def load_settings(home: Path | None = None) -> Settings:
    """Settings of the workspace at `home` (made if missing); ExplorerError if its file cannot be read."""
    home = (home or default_home()).resolve()
    try:
        for folder in (home, home / "cases", home / "cache", home / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExplorerError("settings.workspace_cannot_made", home=home, strerror=error.strerror) from error
    path = home / "settings.json"
    if not path.exists():
        return Settings(home=home)
    try:
        stored = json.loads(path.read_text("utf-8"))
        known = {f.name for f in dataclasses.fields(Settings)} - {"home"}
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k in known}
        return Settings(home=home, **values)
    except (ValueError, TypeError, AttributeError) as error:
        raise ExplorerError("settings.settings_file_damaged", path=path, error=error) from error


def stored_language(home: Path) -> str:
    """The language that the workspace at `home` is set to, told without making one; "" where none is."""
    try:
        return str(json.loads((home / "settings.json").read_text("utf-8")).get("language", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def check_engine(engine: str) -> None:
    """ExplorerError for anything but "local" and a Ray cluster's address."""
    if engine != LOCAL and not CLUSTER.fullmatch(engine):
        raise ExplorerError("settings.engine_not_known", engine=engine)


def save_settings(settings: Settings) -> None:
    """Writes settings.json (whole, then renamed into place)."""
    values = {k: v for k, v in dataclasses.asdict(settings).items() if k != "home"}
    with tempfile.NamedTemporaryFile("w", dir=settings.home, delete=False, encoding="utf-8") as draft:
        json.dump(values, draft, indent=1, sort_keys=True)
        draft.flush()
        os.fsync(draft.fileno())
    os.replace(draft.name, settings.home / "settings.json")
