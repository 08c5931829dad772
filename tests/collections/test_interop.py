"""With the real clip-retrieval both ways: its folder opens here, ours opens in its backend, and the same
query gives the same ids and similarities by our search, by our remote client and by its own client."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.collections.build import index_folder
from explorer.collections.embed import embed_folder
from explorer.collections.open import open_collection
from explorer.collections.serve import start

from .conftest import picture
from .test_build import GridEncoder

PICTURES = 40
TINY_CLIP = """
import sys, torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer
from open_clip.tokenizer import SimpleTokenizer
torch.manual_seed(0)
small = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
config = CLIPConfig(text_config={**small, "vocab_size": 49408},
                    vision_config={**small, "image_size": 224, "patch_size": 56}, projection_dim=24)
folder = sys.argv[1]
CLIPModel(config).save_pretrained(folder)
words = SimpleTokenizer()
import json, pathlib
pathlib.Path(folder, "vocab.json").write_text(json.dumps(words.encoder))
merges = [" ".join(pair) for pair in words.bpe_ranks]
pathlib.Path(folder, "merges.txt").write_text("#version: 0.2\\n" + "\\n".join(merges))
CLIPProcessor(CLIPImageProcessor(), CLIPTokenizer.from_pretrained(folder)).save_pretrained(folder)
"""
# Both commands in one process: importing clip-retrieval takes longer than all the rest.
COMMANDS = TINY_CLIP + """
from clip_retrieval.cli import main
for line in sys.argv[2].split("\\n"):
    sys.argv = ["clip-retrieval", *line.split("\\t")]
    main()
"""


def run(code: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("interop")
    for i in range(PICTURES):
        (base / "pictures").mkdir(exist_ok=True)
        Image.fromarray(picture(i)).save(base / "pictures" / f"{i:02d}.png")
    inference = ["inference", f"--input_dataset={base / 'pictures'}", f"--output_folder={base / 'embedded'}",
                 f"--clip_model=hf_clip:{base / 'clip'}", "--enable_text=False", "--num_prepro_workers=0",
                 "--batch_size=8"]
    index = ["index", f"--embeddings_folder={base / 'embedded'}", f"--index_folder={base / 'theirs'}",
             "--nb_cores=1"]
    run(COMMANDS, str(base / "clip"), "\n".join("\t".join(line) for line in (inference, index)))
    embed_folder(base / "pictures", base / "ours", GridEncoder(), clip="grid")
    index_folder(base / "ours")
    return {name: base / name for name in ("theirs", "ours", "clip", "embedded")}


def own_client():
    """clip-retrieval's ClipClient, without the 17 s that importing the whole package takes."""
    package = importlib.util.find_spec("clip_retrieval").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("clip_client", Path(package) / "clip_client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ClipClient


def test_a_folder_of_clip_retrieval_opens_here(folders):
    theirs = open_collection(str(folders["theirs"]))
    stored = np.load(folders["embedded"] / "img_emb" / "img_emb_0.npy").astype(np.float32)
    assert theirs.works == PICTURES and theirs.dim == stored.shape[1] == 24
    for number in (0, 17):
        found = theirs.search(stored[number], 5)
        assert Path(found[0].image_path).name == f"{number:02d}.png"
        wanted = np.argsort(-(stored @ stored[number]), kind="stable")[:5]
        assert [n.work_id for n in found] == [str(i) for i in wanted]


def test_one_query_three_ways(folders):
    with start({n: str(folders[n]) for n in ("theirs", "ours")},
                     clip=f"hf_clip:{folders['clip']}") as backend:
        client = own_client()
        for name in ("theirs", "ours"):
            local, remote = open_collection(str(folders[name])), open_collection(f"{backend.url}#{name}")
            ask = client(url=f"{backend.url}/knn-service", indice_name=name, num_images=8, deduplicate=False,
                         aesthetic_score="", aesthetic_weight="", use_safety_model=False,
                         use_violence_detector=False)
            for query in local.vectors([3, 21]):
                query = query / np.linalg.norm(query)
                mine = local.nearest(query, 8)
                theirs = ask.query(embedding_input=query.tolist())
                over = remote.search(query, 8)
                assert [int(i) for i in mine[1]] == [r["id"] for r in theirs] == [int(n.work_id) for n in over]
                assert np.allclose(mine[0], [r["similarity"] for r in theirs], atol=1e-4)
                assert np.allclose(mine[0], [n.similarity for n in over], atol=1e-4)
            assert over[0].title == local.rows([int(over[0].work_id)])[0].title
        assert "127.0.0.1" in backend.log and "0.0.0.0" not in backend.log
        words = open_collection(f"{backend.url}#theirs").search_text("a red circle", 3)
        assert len(words) == 3 and "is not the one chosen here" in open_collection(
            f"{backend.url}#theirs").clip_warning("a red circle", np.ones(24))
