"""Downloads from a hub of our own on this machine: a few files behind the hub's two addresses."""

import pytest

from explorer.diffusion.describe import describe_model
from explorer.diffusion.download import choose_files, download_model
from explorer.errors import ExplorerError
from tests.diffusion.hub import COMMIT, Hub, repository
from tests.heard import Heard


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return repository(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def hub(files):
    hub = Hub(dict(files))
    yield hub
    hub.server.shutdown()


def fetch(hub, home, **more):
    return download_model("me/boat", home=home, offline=False, hub=hub.url, **more)


def test_a_model_arrives_pinned_and_whole_and_only_what_is_needed(hub, tmp_path):
    run = Heard()
    pinned = fetch(hub, tmp_path, run=run)
    assert pinned == f"me/boat@{COMMIT}"
    assert len(run.reports) > 1 and run.reports[-1].done == run.reports[-1].total
    info = describe_model(pinned, home=tmp_path)
    assert (info.family, info.licence) == ("sd1", "openrail")
    assert describe_model("me/boat", home=tmp_path).fingerprint == info.fingerprint
    asked = {name for name, _ in hub.asked}
    assert not asked & {"README.md", "v1.ckpt", "unet/diffusion_pytorch_model.bin"}
    hub.asked.clear()
    assert fetch(hub, tmp_path) == pinned and hub.asked == []


def test_a_broken_download_goes_on_where_it_stopped(hub, tmp_path):
    hub.breaks = [3000]
    with pytest.raises(ExplorerError, match="goes on where it stopped"):
        fetch(hub, tmp_path)
    broken = hub.asked[-1][0]
    fetch(hub, tmp_path)
    assert (broken, "bytes=3000-") in hub.asked
    assert [n for n, _ in hub.asked].count("model_index.json") == 3  # read twice, kept once


def test_a_wrong_checksum_is_thrown_away(hub, tmp_path):
    hub.spoil = {"unet/diffusion_pytorch_model.safetensors"}
    with pytest.raises(ExplorerError, match="wrong checksum"):
        fetch(hub, tmp_path)
    assert not list(tmp_path.rglob("unet/*.safetensors*"))
    with pytest.raises(ExplorerError, match="Download it"):
        describe_model(f"me/boat@{COMMIT}", home=tmp_path)
    hub.spoil = set()
    fetch(hub, tmp_path)


def test_too_little_space_is_told_before_the_download(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(ExplorerError, match="Make room"):
        fetch(hub, tmp_path)
    assert {n for n, _ in hub.asked} == {"model_index.json"}


def test_offline_unknown_and_unreachable(hub, tmp_path):
    with pytest.raises(ExplorerError, match="offline is on"):
        download_model("me/boat", home=tmp_path, offline=True, hub=hub.url)
    with pytest.raises(ExplorerError, match="does not know it"):
        download_model("me/other", home=tmp_path, offline=False, hub=hub.url)
    with pytest.raises(ExplorerError, match="no hub id"):
        download_model("boat", home=tmp_path, offline=False, hub=hub.url)
    with pytest.raises(ExplorerError, match="could not be reached"):
        download_model("me/boat", home=tmp_path, offline=False, hub="http://127.0.0.1:9")


def siblings(*names):
    return [{"rfilename": n, "size": 1, "blobId": "b"} for n in ("model_index.json", *names)]


INDEX = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}


def chosen(*names, variant="fp16", index=INDEX):
    return {f.name.removeprefix("unet/") for f in choose_files(siblings(*names), index, variant=variant)
            if f.name.startswith("unet/")}


def test_one_precision_is_chosen():
    both = ["unet/config.json", "unet/m.safetensors", "unet/m.fp16.safetensors", "unet/m.non_ema.safetensors",
            "unet/m.bin", "unet/m.onnx", "unet/deep/x.json"]
    assert chosen(*both) == {"config.json", "m.fp16.safetensors"}
    assert chosen(*both, variant="") == {"config.json", "m.safetensors"}
    shards = ["unet/config.json", "unet/m-00001-of-00002.safetensors", "unet/m-00002-of-00002.safetensors",
              "unet/m.safetensors.index.json"]
    assert chosen(*shards) == {n.removeprefix("unet/") for n in shards}


def test_pickles_and_code_are_refused():
    with pytest.raises(ExplorerError, match="pickle"):
        chosen("unet/config.json", "unet/m.bin")
    with pytest.raises(ExplorerError, match="code of its own"):
        chosen("unet/config.json", index={"unet": ["my_code", "Net"]})


def change(hub, monkeypatch, **entries):
    facts = hub.facts()
    for s in facts["siblings"]:
        s.update(entries.pop(s["rfilename"], {}))
    monkeypatch.setattr(hub, "facts", lambda: facts | entries)


@pytest.mark.parametrize("name", ["../x.json", "unet/../../x.json", "/etc/x.json", "unet\\..\\..\\x.json",
                                  "unet//x.json", "C:/x.json", "unet/..", "a\0b", "unet/\n.json", "", 7, None])
def test_a_name_that_would_lie_elsewhere_is_refused_and_nothing_is_written(hub, tmp_path, monkeypatch, name):
    change(hub, monkeypatch, **{"vae/config.json": {"rfilename": name}})
    with pytest.raises(ExplorerError, match="Nothing was written"):
        fetch(hub, tmp_path / "home")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_part_that_lies_elsewhere_is_refused(hub, tmp_path):
    hub.files["model_index.json"] = b'{"_class_name": "StableDiffusionPipeline", "..": ["diffusers", "AutoModel"]}'
    with pytest.raises(ExplorerError, match="program code of its own"):
        fetch(hub, tmp_path / "home")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize("entry", [
    {"sha": "../../../x"}, {"sha": 7}, {"sha": None}, {"siblings": None}, {"siblings": [7]}, {"siblings": "x"},
    {"siblings": [{"rfilename": "a", "size": -1}]}, {"siblings": [{"rfilename": "a", "size": 2**60}]},
    {"siblings": [{"rfilename": "a", "lfs": [1]}]}, {"siblings": [{"rfilename": "a", "size": "9"}]}])
def test_answers_that_are_odd(hub, tmp_path, monkeypatch, entry):
    change(hub, monkeypatch, **entry)
    with pytest.raises(ExplorerError, match="cannot be used"):
        fetch(hub, tmp_path)


@pytest.mark.parametrize("card", [None, [], "x", {"license": ["a"]}, {"license": {"a": 1}}, {"license": "x" * 999}])
def test_a_card_that_is_odd_does_no_harm(hub, tmp_path, monkeypatch, card):
    change(hub, monkeypatch, cardData=card)
    pinned = fetch(hub, tmp_path)
    assert len(describe_model(pinned, home=tmp_path).licence) <= 500


def test_deep_json_and_an_index_that_is_none(hub, tmp_path):
    for data in (b"[" * 50_000, b"null", b"\xff", b'{"_class_name": ["a", "b"]}'):
        hub.files["model_index.json"] = data
        with pytest.raises(ExplorerError):
            fetch(hub, tmp_path)


def test_more_than_was_said_is_not_written(hub, tmp_path, monkeypatch):
    change(hub, monkeypatch, **{"vae/config.json": {"size": 10}})
    with pytest.raises(ExplorerError, match="than it said"):
        fetch(hub, tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.rglob("vae/config.json*")) <= 10
