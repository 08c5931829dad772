"""Interrogation against clip-interrogator 0.6.0, on one machine, with one CLIP, caption and set of labels.

    python tests/benchmarks/bench_interrogate.py [--works 12] [--peer-works 12] [--rerank-works 4] [--trial]
                                                  [--store]
    python tests/benchmarks/bench_interrogate.py --stored

Half of the works are the model's own (split "train"), half were held out (split "test"). Both sides' term
embeddings are made beforehand (caches warm) and are the same numbers. The last line is JSON. `--trial` cuts the
lists and the works short to see that every part runs; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import open_clip
import pyarrow.parquet as pq
import torch
from PIL import Image
from safetensors.numpy import save_file

from explorer.clip.bank import TermBank, open_bank
from explorer.clip.encoder import Encoder, load_encoder
from explorer.clip.interrogate import Caption, interrogate
from explorer.clip.terms import TermList, shipped_lists
from explorer.clip.tower import CausalTower
from explorer.clip.weights import find_clip
from explorer.images.prepare import fit_square
from explorer.records import ReplaySettings
from explorer.settings import WORLD
from explorer.statistics import share_interval
from tests.benchmarks.stored import add_options, conclude, stored

CAPTION = "clip art"  # no caption model is bundled; both sides open with these words
TOP, TRIAL = 5, 40  # nearest terms looked at; artists, flavors and works of a trial


def log(text: str) -> None:
    print(text, flush=True)


def picture(row: dict[str, Any]) -> np.ndarray:
    """A bundled work, the whole picture on a square, as a subject is embedded."""
    rgb = np.asarray(Image.open(WORLD / row["image"]).convert("RGB"))
    return fit_square(rgb, max(rgb.shape[:2]))


def label_lists(rows: Sequence[dict[str, Any]], *, most: int | None = None) -> tuple[TermList, ...]:
    """The package's 111,866 labels and the world's creators (as "by" and "inspired by"), titles, keywords.

    At most `most` artists and flavors, if given.
    """
    shipped = {t.name: t for t in shipped_lists() if t.name != "negative"}
    creators = sorted({r["creator"] for r in rows if r["creator"]})
    other = dict.fromkeys([*sorted({r["title"] for r in rows if r["title"]}),
                           *sorted({k for r in rows for k in r["keywords"]})])
    artists = [t.removeprefix("by ") for t in shipped["artists"].terms if t.startswith("by ")] + creators
    artists = artists[-most:] if most else artists
    by = (*(f"by {a}" for a in artists), *(f"inspired by {a}" for a in artists))
    return (TermList("artists", "artist", by),
            TermList("flavors", "flavor", (*shipped["flavors"].terms, *other)[-most if most else None:]),
            shipped["mediums"], shipped["movements"], shipped["trending"])


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    value = work()
    return time.perf_counter() - start, value


def timed_twice(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and processor seconds (all threads), and the value: on a busy machine the second is the fairer."""
    busy = time.process_time()
    seconds, value = timed(work)
    return seconds, time.process_time() - busy, value


def our_prompt(encoder: Encoder, rgb: np.ndarray, lists: Sequence[TermList], cache: Path, mode: str) -> str:
    """The nearest prompt of a mode that opens with the caption."""
    found = interrogate(encoder, rgb, subject_id="bench", mode=mode, terms=lists, cache=cache,
                        captions=[Caption(CAPTION, "person")])
    return max((c for c in found if c.source == "interrogation"), key=lambda c: c.similarity).text


def peer(encoder: Encoder, spec: str, lists: Sequence[TermList], banks: Sequence[TermBank],
         home: Path) -> Any:
    """clip-interrogator's own Interrogator with this CLIP and these labels, its cache filled beforehand."""
    import clip_interrogator as package
    files = find_clip(spec)
    name = "bench-clip"
    (home / f"{name}.json").write_text(json.dumps(files.model_cfg))
    open_clip.add_model_config(home / f"{name}.json")
    data, cache = home / "data", home / "cache"
    data.mkdir()
    cache.mkdir()
    raw = {t.name: t.terms for t in lists}
    by = [t.removeprefix("by ") for t in raw["artists"] if t.startswith("by ")]
    negative = next(t for t in shipped_lists() if t.name == "negative").terms
    for file, terms in {"artists": by, "flavors": raw["flavors"], "mediums": raw["mediums"],
                        "movements": raw["movements"], "negative": negative}.items():
        (data / f"{file}.txt").write_text("\n".join(terms), encoding="utf-8")
    for bank in banks:
        digest = hashlib.sha256(",".join(bank.terms.terms).encode()).hexdigest()
        desc = {"trending": "trendings"}.get(bank.terms.name, bank.terms.name)
        save_file({"embeds": np.asarray(bank.embeddings, np.float16),
                   "hash": np.array([ord(c) for c in digest], np.int8)},
                  str(cache / f"{name}_local_{desc}.safetensors"))
    config = package.Config(clip_model_name=f"{name}/local", data_path=str(data), cache_path=str(cache),
                            download_cache=False, device="cpu", quiet=True, caption_model_name=None)
    config.clip_model, config.clip_preprocess = encoder.model, encoder.preprocess
    made = package.Interrogator(config)
    want = [*raw["artists"][:50], *raw["flavors"][:50]]
    got = np.stack([*made.artists.embeds[:50], *made.flavors.embeds[:50]])
    assert made.artists.labels == list(raw["artists"]) and made.flavors.labels == list(raw["flavors"])
    assert np.abs(got - encoder.encode_texts(want)).max() < 2e-3
    return made


def against_peer(encoder: Encoder, spec: str, lists: Sequence[TermList], banks: Sequence[TermBank],
                 chosen: Sequence[dict[str, Any]], cache: Path) -> dict[str, float]:
    """Mean speed-up and similarity gain of best and fast over the peer's, on the chosen works."""
    spent: dict[str, list[float]] = {k: [] for k in ("best", "fast", "peer best", "peer fast")}
    busy: dict[str, list[float]] = {k: [] for k in spent}
    gains: dict[str, list[float]] = {"best": [], "fast": []}
    with tempfile.TemporaryDirectory() as home:
        other = peer(encoder, spec, lists, banks, Path(home))
        for row in chosen:
            rgb = picture(row)
            query = encoder.encode_images([rgb])[0]
            for mode, theirs in (("fast", other.interrogate_fast), ("best", other.interrogate)):
                wall, cpu, ours = timed_twice(lambda m=mode, p=rgb: our_prompt(encoder, p, lists, cache, m))
                peer_wall, peer_cpu, text = timed_twice(
                    lambda f=theirs, p=rgb: f(Image.fromarray(p), caption=CAPTION))
                sims = encoder.encode_texts([ours, text]) @ query
                for side, both in ((mode, (wall, cpu)), (f"peer {mode}", (peer_wall, peer_cpu))):
                    spent[side].append(both[0])
                    busy[side].append(both[1])
                gains[mode].append(float(sims[0] - sims[1]))
                log(f"{row['split']:6} {mode}: ours {wall:.2f} s ({cpu:.2f} s busy) {sims[0]:.4f}  "
                    f"peer {peer_wall:.2f} s ({peer_cpu:.2f} s busy) {sims[1]:.4f}")
    made = {f"{m}_speedup": sum(spent[f"peer {m}"]) / sum(spent[m]) for m in ("best", "fast")}
    made |= {f"{m}_busy_speedup": sum(busy[f"peer {m}"]) / sum(busy[m]) for m in ("best", "fast")}
    made |= {f"{m}_similarity_gain": float(np.mean(gains[m])) for m in ("best", "fast")}
    return made | {f"{m.replace(' ', '_')}_s": float(np.mean(v)) for m, v in spent.items()}


def recovery(encoder: Encoder, rows: Sequence[dict[str, Any]], cache: Path, *,
             most: int | None = None) -> dict[str, Any]:
    """How often the true creator and title are among the five nearest, for members and held-out works.

    Creators compete with each other and with the package's artists ("creator_of_world": with each other
    only), titles with all of the world's titles.
    """
    by = [t for t in shipped_lists()[0].terms if t.startswith("by ")][:most]
    own = dict.fromkeys(f"by {r['creator']}" for r in rows if r["creator"])
    by = dict.fromkeys([*by, *own])
    titles = dict.fromkeys(r["title"] for r in rows if r["title"])
    banks = {"creator": TermList("by", "artist", tuple(by)),
             "creator_of_world": TermList("by own", "artist", tuple(own)),
             "title": TermList("titles", "flavor", tuple(titles))}
    opened = {k: open_bank(encoder, t, cache=cache) for k, t in banks.items()}
    out: dict[str, Any] = {}
    for group, split in (("member", "train"), ("held_out", "test")):
        works = [r for r in rows if r["split"] == split and r["title"] and r["creator"]][:most]
        queries = encoder.encode_images([picture(r) for r in works])
        for kind, bank in opened.items():
            truth = [f"by {r['creator']}" if kind != "title" else r["title"] for r in works]
            hits = sum(t in {bank.terms.terms[i] for i, _ in bank.top(q, TOP)}
                       for t, q in zip(truth, queries, strict=True))
            out.setdefault(f"{kind}_top5", {})[group] = hits / max(1, len(works))
            found = share_interval(hits, len(works), method="wilson")
            out.setdefault(f"{kind}_top5_interval", {})[group] = found.low, found.high
    return out | {"creator_terms": len(by), "creator_of_world_terms": len(own),
                  "title_terms": len(titles)}


def prefix_speedup(*, candidates: int = 48, stem_tokens: int = 40) -> float:
    """Plain encoding over the prefix cache, on a text tower of ViT-L/14's size with random weights."""
    torch.manual_seed(0)
    vision = {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16}
    model = open_clip.CLIP(768, vision, {"context_length": 77, "vocab_size": 49408, "width": 768, "heads": 12,
                                         "layers": 12}).eval()
    tower = CausalTower(model, start_id=49406, end_id=49407)
    rng = np.random.default_rng(0)
    stem = [int(i) for i in rng.integers(600, 40000, stem_tokens)]
    terms = [[int(i) for i in rng.integers(600, 40000, n)] for n in rng.integers(1, 7, candidates)]
    ids = torch.zeros(candidates, 77, dtype=torch.long)
    for row, term in enumerate(terms):
        full = [49406, *stem, *term, 49407]
        ids[row, :len(full)] = torch.tensor(full)

    def plain() -> np.ndarray:
        with torch.inference_mode():
            return model.encode_text(ids, normalize=True).numpy()

    _, plain_s, a = timed_twice(plain)  # processor seconds: other programs' share does not count
    _, cached_s, b = timed_twice(lambda: tower.extend(tower.prefix([49406, *stem]), terms))
    assert np.abs(a - b).max() < 1e-4
    return plain_s / cached_s


def rerank_gain(encoder: Encoder, lists: Sequence[TermList], chosen: Sequence[dict[str, Any]], cache: Path,
                *, seeds: int = 8) -> dict[str, Any]:
    """How much nearer the best of `seeds` full replays comes with the reranked prompt than with CLIP's first.

    Closeness is tiled ℓ2 (lower is nearer), so the gain is before − after. The seeds that rank the prompts
    are not among those that measure.
    """
    from explorer.clip.rerank_prompts import rerank
    from explorer.diffusion.models import load_model
    from explorer.search.short_replays import LatentScorer
    model = load_model("world", device="cpu")
    gains, spent = [], 0
    for row in chosen:
        rgb = picture(row)
        found = interrogate(encoder, rgb, subject_id="bench", terms=lists, cache=cache)
        scorer = LatentScorer(model, rgb)
        first = rerank(found, scorer)[0].text
        spent += scorer.unet_evaluations
        before = nearest(model, rgb, found[0].text, seeds)
        after = before if first == found[0].text else nearest(model, rgb, first, seeds)
        gains.append(before - after)
        log(f"{row['split']:6} rerank: tiled l2 {before:.4f} -> {after:.4f}  {first!r}")
    return {"rerank_gain": float(np.mean(gains)), "rerank_works": len(gains),
            "rerank_unet_evaluations": spent}


def nearest(model: Any, rgb: np.ndarray, prompt: str, seeds: int) -> float:
    from explorer.closeness.pixel_scores import compare
    from explorer.diffusion.sampling import sample
    from explorer.search.expand import expand
    settings = ReplaySettings(prompt, first_seed=1000, seeds=seeds)
    recipes = expand(settings, model=model.ref, info=model.info)
    made = sample(model, recipes)
    subject = fit_square(rgb, model.info.default_size_px)
    return min(compare(subject, r.rgb, only=["tiled_l2"])["tiled_l2"] for r in made)


def choose(rows: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Members and held-out works in turn, drawn with a fixed seed."""
    rng = np.random.default_rng(8)
    groups = [[r for r in rows if r["split"] == s] for s in ("train", "test")]
    drawn = [[g[i] for i in rng.permutation(len(g))[:(count + 1) // 2]] for g in groups]
    return [r for pair in zip(*drawn, strict=False) for r in pair][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", type=int, default=12)
    parser.add_argument("--peer-works", type=int, default=0, help="fewer works for the slow side; 0: all")
    parser.add_argument("--rerank-works", type=int, default=4)
    parser.add_argument("--clip", default="world")
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--trial", action="store_true", help="one work, short lists: does every part run?")
    add_options(parser)
    options = parser.parse_args()
    if options.stored:
        print(stored("bench_interrogate"))
        return
    if options.trial:
        options.works = options.rerank_works = 1
    most = TRIAL if options.trial else None
    warnings.filterwarnings("ignore")
    rows = pq.read_table(WORLD / "manifest.parquet").to_pylist()
    encoder, lists = load_encoder(options.clip), label_lists(rows, most=most)
    cache = options.cache or Path(tempfile.mkdtemp())
    seconds, banks = timed(lambda: [open_bank(encoder, t, cache=cache) for t in lists])
    log(f"{sum(map(len, lists))} labels read in {seconds:.0f} s; {torch.get_num_threads()} threads")
    chosen = choose(rows, options.works)
    result: dict[str, Any] = {"works": len(chosen), "labels": sum(map(len, lists))}
    result |= recovery(encoder, rows, cache, most=most)
    log(json.dumps(result))
    result["prefix_speedup_vit_l"] = prefix_speedup()
    if (WORLD / "diffusion").is_dir() and options.rerank_works:
        result |= rerank_gain(encoder, lists, chosen[:options.rerank_works], cache)
    else:
        result["rerank_gain"] = None
    compared = chosen[:options.peer_works or len(chosen)]
    result |= against_peer(encoder, options.clip, lists, banks, compared, cache) | {"works": len(compared)}
    conclude("bench_interrogate", result, options)


if __name__ == "__main__":
    main()
