"""Every command is documented, and every command explains itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.cli import main, parser

README = (Path(__file__).resolve().parent.parent / "README.md").read_text("utf-8")


def commands(top: argparse.ArgumentParser, prefix: str = "python -m explorer") -> Iterator[str]:
    choices = [a for a in top._actions if isinstance(a, argparse._SubParsersAction)]
    if not choices:
        yield prefix
    for action in choices:
        for name, child in action.choices.items():
            yield from commands(child, f"{prefix} {name}")


ALL = tuple(commands(parser()))


def test_there_are_commands():
    assert "python -m explorer investigate" in ALL
    assert "python -m explorer world check" in ALL


@pytest.mark.parametrize("command", ALL)
def test_every_command_is_in_the_readme(command):
    assert f"`{command}" in README


def test_the_readme_names_no_command_that_is_not_there():
    named = {part.split("`")[0] for part in README.split("`")[1::2] if part.startswith("python -m explorer ")}
    named -= {"python -m explorer COMMAND --help"}
    assert all(any(name.startswith(known) for known in ALL) for name in named)


@pytest.mark.parametrize(("words", "said"), [
    (["investigate", "no-such.png"], "cannot be read"),
    (["seal", "request", "no-such.zip", "--out", "request.tsq"], "no-such.zip"),
    (["replay", "no-such.json"], "cannot be read"),
])
def test_a_wrong_file_is_one_sentence(words, said, tmp_path, capsys):
    assert main(["--home", str(tmp_path / "home"), *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("given", [
    ["investigate"], ["portfolio"], ["calibrate", "--controls"], ["collection", "search"], ["collection", "serve"],
    ["collection", "search", "a", "--text", "--collection"], ["replay"], ["verify"], ["import"], ["signals"],
    ["extract"], ["seal", "request", "--out", "y"]], ids=" ".join)
@pytest.mark.parametrize("name", ["x" * 5000, "a/" * 3000, "~nobody-is-this/x"], ids=["long", "deep", "nobody"])
def test_a_name_that_no_disk_holds_is_refused_in_a_short_sentence(given, name, tmp_path, capsys):
    assert main(["--home", str(tmp_path), *given, name]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("afterimage: ") and len(said[0]) < 400
