"""Hostile collections and folders of pictures, opened as the desk worker opens them, by number.

Run as a program this is the process that opens them; its parent counts how it fares, as for other inputs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks import safety_collection_files as made  # noqa: E402
from tests.benchmarks.safety_collection_files import SECRET, WORKS  # noqa: E402
from tests.benchmarks.safety_inputs import mutated  # noqa: E402

DIM = 16
METADATA, INDICES = ("parquet", "arrow", "hdf5"), ("flat", "hnsw", "ivf-flat", "ivf-pq", "opq")
KINDS = (
    *["index"] * 6, *["arrow"] * 5, *["parquet"] * 4, *["hdf5"] * 5, "arrays", "card", "list", "names", "bomb",
    *["sources"] * 5, "remote", "wrong")


class Collections:
    """What a hostile collection or folder is made of, and the doors that it goes through."""

    def __init__(self, work: Path, seed: int) -> None:
        self.work, self.seed = work, seed
        self.scratch = work / f"scratch-{os.getpid()}"
        self.secret = work / "elsewhere" / "secret.txt"
        self.secret.parent.mkdir(parents=True, exist_ok=True)
        self.secret.write_text(f"{SECRET}\n" * 200)

    def warm(self) -> None:
        """Sound collections of every kind, whose imports and caches come before the watch."""
        import pyarrow.parquet  # noqa: F401

        import tests.collections.conftest  # noqa: F401
        made.parquet_bomb(), made.parquet_rows(), made.arrow_bomb()
        for kind in METADATA:
            for index in INDICES:
                shutil.rmtree(self.scratch, ignore_errors=True)
                self._open(self._write({**self._sound[kind], **self._sound[index]}))

    def run(self, number: int) -> tuple[str, str]:
        """("taken" or "refused", the sentence); anything else that is raised is a crash."""
        from explorer.errors import ExplorerError
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        dice, kind = random.Random(f"{self.seed}:{number}"), KINDS[number % len(KINDS)]
        try:
            shown = getattr(self, "_" + kind)(dice)
            return ("shown", shown) if SECRET in shown else ("taken", "")
        except ExplorerError as error:
            return ("shown", str(error)) if SECRET in str(error) else ("refused", str(error))

    @cached_property
    def _sound(self) -> dict[str, dict[str, bytes]]:
        """The files of a sound folder for each kind of metadata, and the index files of each kind."""
        import faiss

        from tests.collections.conftest import unit_rows, write_folder
        found, rows = {}, unit_rows(WORKS, DIM)
        for kind in METADATA:
            folder = write_folder(self.work / f"sound-{os.getpid()}-{kind}", rows, kind=kind, parts=1)
            (folder / "img_emb").mkdir()
            np.save(folder / "img_emb" / "img_emb_0.npy", rows.astype(np.float16))
            files = [p for p in folder.rglob("*") if p.is_file()]
            found[kind] = {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}
        for kind, key in zip(INDICES, ("Flat", "HNSW8", "IVF8,Flat", "IVF8,PQ4x4", "OPQ4_16,IVF8,PQ4x4"),
                             strict=True):
            index = faiss.index_factory(DIM, key, faiss.METRIC_INNER_PRODUCT)
            train = unit_rows(600, DIM, seed=3)
            index.train(train)
            index.add(rows)
            target = self.work / f"index-{os.getpid()}"
            faiss.write_index(index, str(target))
            found[kind] = {"image.index": target.read_bytes()}
        return found

    def _write(self, files: dict[str, bytes]) -> Path:
        folder = self.scratch / "index"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder

    def _open(self, source: Path | str) -> str:
        """Opens a collection and asks it everything that the screens ask; what it shows."""
        from explorer.collections.open import open_collection
        found = open_collection(str(source), cache=self.scratch / "cache")
        shown = [str(found.info)]
        for modality in found.modalities:
            for query in np.random.default_rng(1).standard_normal((8, found.dim)).astype(np.float32):
                shown += [str(n) for n in found.search(query, 7, modality=modality)]
        shown += [str(w) for w in found.rows(list(range(min(20, found.works))))]
        shown += [str(found.terms()), str(found.vectors([0, found.works - 1]).sum())]
        found.work(found.rows([0])[0].work_id)
        return "\n".join(shown)

    def _index(self, dice: random.Random) -> str:
        files = {**self._sound[dice.choice(("parquet", "arrow"))], **self._sound[dice.choice(INDICES)]}
        if dice.random() < 0.5:
            files.pop("img_emb/img_emb_0.npy")
        return self._open(self._write({**files, "image.index": mutated(files["image.index"], dice)}))

    def _arrow(self, dice: random.Random) -> str:
        files = dict(self._sound["arrow"])
        name = next(n for n in files if n.endswith(".arrow"))
        make = dice.choice((lambda d: mutated(files[name], d), made.arrow_offsets, made.arrow_odd))
        return self._open(self._write({**files, name: make(dice)}))

    def _parquet(self, dice: random.Random) -> str:
        files = dict(self._sound["parquet"])
        name = next(n for n in files if n.endswith(".parquet"))
        make = dice.choice((lambda d: mutated(files[name], d), lambda d: mutated(files[name], d), made.parquet_odd))
        return self._open(self._write({**files, name: make(dice)}))

    def _hdf5(self, dice: random.Random) -> str:
        files = dict(self._sound["hdf5"])
        folder = self._write(files)
        if dice.random() < 0.4:
            (folder / "metadata.hdf5").write_bytes(mutated(files["metadata.hdf5"], dice))
        else:
            dice.choice(made.HDF5)(folder / "metadata.hdf5", self.secret)
        return self._open(folder)

    def _arrays(self, dice: random.Random) -> str:
        files = dict(self._sound[dice.choice(("parquet", "hdf5"))])
        if dice.random() < 0.5:
            files["img_emb/img_emb_0.npy"] = mutated(files["img_emb/img_emb_0.npy"], dice)
            files |= self._sound["ivf-pq"]
        else:
            files["metadata_reordered.hdf5"] = self._sound["hdf5"]["metadata.hdf5"]
            files = {n: d for n, d in files.items() if not n.startswith("metadata/") and n != "metadata.hdf5"}
            order = np.array(dice.choices((0, 1, 59, 60, -1, 2**40, -2**63), k=dice.choice((0, 9, WORKS))),
                             np.int64)
            files["ivf_old_to_new_mapping.npy"] = dice.choice((order.tobytes(), order.tobytes()[:-3], b""))
        return self._open(self._write(files))

    def _card(self, dice: random.Random) -> str:
        odd = (None, -1, 10**400, 1e308, float("nan"), "x" * 3_000_000, [], {}, True, "../../..", "\u202e",
               [[]] * 99, str(self.secret.parent), {"image": 10**399}, {"image": float("inf")}, {"image": [1]})
        keys = ("name", "clip", "root", "margins", "clip_fingerprint", "works", "index", "indexed", "texts")
        card = {dice.choice(keys): dice.choice(odd) for _ in range(dice.randrange(1, 5))}
        text = dice.choice((json.dumps(card).encode(), b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"[]",
                            b"null"))
        files = {**self._sound["parquet"], **self._sound[dice.choice(INDICES)], "collection.json": text}
        return self._open(self._write(files))

    def _list(self, dice: random.Random) -> str:
        folder = self._write(self._sound["parquet"])
        where = dice.choice(("index", "../index", str(folder), "~nobody-is-this/x", "a\0b", "x" * 5000, "",
                             "/dev", 7, None, ["index"], {"indice_folder": 5}, {"indice_folder": str(self.secret)},
                             "index\n", "/proc/self"))
        name = dice.choice(("a", "", "x" * 5000, "a#b", "\u202e"))
        (self.scratch / "indices_paths.json").write_text(json.dumps({name: where}))
        return self._open(dice.choice((self.scratch, f"{self.scratch / 'indices_paths.json'}#{name}")))

    def _names(self, dice: random.Random) -> str:
        """A sound folder one of whose files is a link, a pipe, a device or a folder."""
        kind = dice.choice(METADATA)
        folder = self._write(self._sound[kind])
        name = dice.choice(sorted(self._sound[kind]))
        (folder / name).unlink()
        dice.choice((lambda p: p.symlink_to(self.secret), lambda p: os.mkfifo(p),
                     lambda p: p.symlink_to("/dev/zero"),
                     lambda p: p.mkdir(), lambda p: p.symlink_to(p), lambda p: p.symlink_to("/proc/self/environ"),
                     lambda p: p.write_bytes(b"")))(folder / name)
        return self._open(folder)

    def _bomb(self, dice: random.Random) -> str:
        files = dict(self._sound["parquet"])
        kind = dice.choice(("parquet", "parquet rows", "arrow", "hdf5"))
        if kind == "hdf5":
            folder = self._write(self._sound["hdf5"])
            made.hdf5_bomb(folder / "metadata.hdf5")
            return self._open(folder)
        name = next(n for n in files if n.startswith("metadata/"))
        files.pop(name)
        make = {"parquet": made.parquet_bomb, "parquet rows": made.parquet_rows, "arrow": made.arrow_bomb}[kind]
        suffix = "arrow" if kind == "arrow" else "parquet"
        return self._open(self._write({**files, f"metadata/metadata_0.{suffix}": make()}))

    def _wrong(self, dice: random.Random) -> str:
        """Parts that are sound each by itself and do not belong together."""
        files = {**self._sound[dice.choice(METADATA)], **self._sound[dice.choice(INDICES)]}
        swap = dice.sample(sorted(files), min(2, len(files)))
        files[swap[0]], files[swap[1]] = files[swap[1]], files[swap[0]]
        return self._open(self._write(files))

    def _sources(self, dice: random.Random) -> str:
        """A folder of pictures to build from, with what is said of them in files that are not what they seem."""
        from explorer.collections.picture_sources import list_items
        folder = self.scratch / "pictures"
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        dice.choice(made.SOURCES)(folder, self.secret, dice)
        items = list_items(folder)
        return "\n".join(str(dict(item.said)) + repr(item.read()[:4000]) for item in items)

    def _remote(self, dice: random.Random) -> str:
        """What a served collection answers, read as its answers are."""
        from explorer.collections import remote
        from explorer.collections.net import Answer, FetchPolicy
        number = dice.choice(("0.5", "9" * 400, "-" + "9" * 399, "1e999", "NaN", "0." + "9" * 400, "true", "[0.5]",
                              '"0.5"', "null", "1e-400", "1" + "0" * 5000))
        work = dice.choice(("7", "9" * 400, "-1", "1e3", "true", '"7"', "null", "7.0", "9" * 5000))
        fields = dice.choice((
            '"caption": "a"', '"caption": ' + "[" * 9000, '"multiplicity": ' + "9" * 400, '"url": 7',
            '"title": {"a": [1]}', f'"image_path": "{self.secret}"', '"multiplicity": 1e999', '"image": "////"',
            '"caption": "' + "x" * 3_000_000 + '"', '"licence": ' + "9" * 5000))
        body = dice.choice((
            f'[{{"id": {work}, "similarity": {number}, {fields}}}]', "[[]]",
            f'[{{"id": {work}, "metadata": {{{fields}}}}}]', "{}", "[" * 99_999, '["a"]', "", f"[{number}]"))
        asked = mutated(body.encode(), dice) if dice.random() < 0.3 else body.encode()
        original, remote.fetch = remote.fetch, lambda url, **_: Answer(url, 200, asked)
        try:
            found = remote.RemoteCollection("http://127.0.0.1:1", "a", policy=FetchPolicy())
            if dice.random() < 0.5:
                return str(found.work("7"))
            return str(found.search_text("a boat", 5))
        finally:
            remote.fetch = original


def attack(count: int, folder: Path, *, seed: int = 1, seconds: float = float("inf"),
           keep: Path | None = None) -> dict[str, Any]:
    """Opens `count` hostile collections in processes that are watched; counts what went wrong."""
    from tests.benchmarks.safety_fuzz import in_processes
    tally = in_processes("tests.benchmarks.safety_collections", count, folder, seed=seed, seconds=seconds,
                         keep=keep)
    return {"hostile_collections": tally.inputs, "collections_refused": tally.refused,
            "collection_crashes": tally.crashes,
            "collection_hangs": tally.hangs, "collections_over_memory": tally.over_memory,
            "collection_secrets_shown": tally.shown, "collections_unclear": tally.unclear,
            "collection_escaped_files": tally.escaped, "collection_most_mb": round(tally.most_mb["screen"])}


if __name__ == "__main__":
    from tests.benchmarks.safety_fuzz import screen
    first, last, home, chosen = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).resolve(), int(sys.argv[4])
    screen(first, last, home, kinds=KINDS, doors=Collections(home, chosen))
