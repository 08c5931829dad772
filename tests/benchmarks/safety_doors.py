"""Every door that a hostile file comes through, as the screens use them; input n goes to door n modulo 25."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError

KINDS = (*["image"] * 9, *["metadata"] * 5, *["recipe"] * 4, *["package"] * 2, "manifest", "index",
         *["json"] * 2, "gguf")


class Doors:
    """Every door that a hostile file comes through, with a workspace of its own to work in."""

    def __init__(self, work: Path, seed: int) -> None:
        from tests.benchmarks.faults_check import fill
        from tests.collections.conftest import unit_rows, write_folder
        self.work, self.seed = work, seed
        from explorer.cases.export import export_case
        from explorer.cases.store import CaseStore
        case = fill(CaseStore(work / f"cases-{os.getpid()}"), replays=2)
        self.package = work / f"good-{os.getpid()}.zip"
        export_case(case, self.package)
        case.close()
        folder = write_folder(work / f"index-{os.getpid()}", unit_rows(20, 8), parts=1)
        self.index = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        self.scratch = work / f"scratch-{os.getpid()}"
        self.scratch.mkdir()

    def warm(self) -> None:
        """Imports and their caches, which come before the watch."""
        for kind in sorted(set(KINDS)):
            with contextlib.suppress(Exception):
                self.run(KINDS.index(kind))

    def run(self, number: int) -> tuple[str, str]:
        """("taken" or "refused", the sentence); anything else that is raised is a crash."""
        dice = random.Random(f"{self.seed}:{number}")
        try:
            return "taken", getattr(self, "_" + KINDS[number % len(KINDS)])(dice) or ""
        except ExplorerError as error:
            return "refused", str(error)

    def _image(self, dice: random.Random) -> None:
        from explorer.images.decode import open_image
        from tests.benchmarks.safety_inputs import HOSTILE_NAMES, image
        open_image(image(dice), name=dice.choice(HOSTILE_NAMES))

    def _metadata(self, dice: random.Random) -> None:
        from explorer.images.imported import recipe_from
        from explorer.images.metadata import read_metadata
        from tests.benchmarks.safety_inputs import image, metadata
        from tests.cases.made import make_recipe
        found = read_metadata(metadata(dice) if dice.random() < 0.8 else image(dice))
        for generation in found.generation:
            with contextlib.suppress(ExplorerError):
                recipe_from(generation, make_recipe().model)

    def _recipe(self, dice: random.Random) -> None:
        from explorer.cases.recipes_text import png_with_recipe, recipe_from_json, recipe_from_png
        from explorer.images.decode import png_bytes
        from tests.benchmarks.safety_inputs import mutated, np, recipe_text
        from tests.cases.made import make_recipe
        if dice.random() < 0.7:
            recipe_from_json(recipe_text(dice))
        else:
            recipe_from_png(mutated(png_with_recipe(png_bytes(np.zeros((4, 4, 3), np.uint8)), make_recipe()), dice))

    def _take_in(self, data: bytes) -> None:
        from explorer.cases.importing import import_package
        from explorer.cases.store import CaseStore
        from explorer.report.readable import check_readable
        target = self.scratch / "case.zip"
        target.write_bytes(data)
        store = CaseStore(self.scratch / "cases")
        try:
            case = import_package(store, target, check=check_readable)
            case.close()
            store.delete(case.id)
        finally:
            target.unlink(missing_ok=True)

    def _package(self, dice: random.Random) -> None:
        from tests.benchmarks.safety_inputs import package
        self._take_in(package(dice, self.package.read_bytes()))

    def records(self) -> list[tuple[str, bytes]]:
        """Name and content of each file of a sound package that is no blob."""
        from explorer.cases.package import Package
        with Package(self.package) as package:
            return [(n, package.read(n)) for n in sorted(package.names) if not n.startswith("data/blobs/")]

    def one_file(self, data: bytes) -> None:
        """A package whose ZIP and bag are sound and one of whose files is not: the first byte says which."""
        from tests.cases.made import rebuild
        names = [name for name, _ in self.records()]
        name = names[data[0] % len(names)] if data else names[0]
        self._take_in(rebuild(self.package, self.scratch / "forged.zip",
                              forge_files=lambda files: files.update({name: data[1:]})).read_bytes())

    def _manifest(self, dice: random.Random) -> None:
        from tests.benchmarks.safety_inputs import mutated
        files = self.records()
        at = dice.randrange(len(files))
        body = files[at][1]
        self.one_file(bytes([at]) + dice.choice((mutated(body, dice), b"[" * 50_000, b"", body * 2)))

    def _index(self, dice: random.Random) -> None:
        import shutil

        from explorer.collections.open import open_collection
        from tests.benchmarks.safety_inputs import index_files, np
        folder = self.scratch / "index"
        shutil.rmtree(folder, ignore_errors=True)
        for name, data in index_files(dice, self.index).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        found = open_collection(str(folder), cache=self.scratch / "cache")
        found.search(np.ones(found.dim, np.float32), 5)

    def _gguf(self, dice: random.Random) -> None:
        """A table of packed weights, spoiled, as the Models page reads it before anything else does."""
        from explorer.diffusion.locate import needs
        from explorer.foreign.gguf_reading import read_gguf
        from tests.benchmarks.safety_inputs import gguf_file, mutated
        path = self.scratch / "m.gguf"
        path.write_bytes(mutated(gguf_file(dice), dice))
        needs(path)
        read_gguf(path)

    def _json(self, dice: random.Random) -> None:
        """What Hypothesis thinks of: any JSON as recipe, as task and as metadata's generation."""
        import hypothesis
        from hypothesis import strategies as st

        from explorer.cases.recipes_text import recipe_from_json
        from explorer.records import Recipe
        from tests.benchmarks.safety_inputs import json as text
        leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
        fields = st.sampled_from(sorted(Recipe.__dataclass_fields__)) | st.text(max_size=8)
        anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
            fields, inner, max_size=6), max_leaves=12)

        @hypothesis.settings(max_examples=3, database=None, deadline=None,
                             suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.seed(dice.randrange(2**32))
        @hypothesis.given(anything)
        def through(value: Any) -> None:
            with contextlib.suppress(ExplorerError):
                recipe_from_json(text.dumps(value))
        through()
