"""Only content that differs is "changed": what this computer lacks is said as that."""

from __future__ import annotations

import builtins
import io
import os
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from explorer.cases import verify
from explorer.cases.archive import Archive, write_archive
from explorer.cases.faults import own_fault
from explorer.cases.verify import verify_package
from explorer.cli import main
from tests.benchmarks import safety_verify


@pytest.fixture(scope="module")
def honest(tmp_path_factory) -> Path:
    return safety_verify.honest(tmp_path_factory.mktemp("honest"))


def test_an_honest_package_is_never_called_changed(tmp_path):
    found = safety_verify.attack(56, tmp_path)
    assert found["verify_faults"] == 56 and found["verify_told"] > 30
    assert found["honest_called_changed"] == found["verify_raised"] == 0


def test_the_harness_would_see_a_wrong_word(tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "own_fault", lambda error: "")
    assert safety_verify.attack(14, tmp_path)["honest_called_changed"] > 0


@pytest.mark.parametrize("fault, words", [(MemoryError(), "memory"), (OSError(28, "x"), "no space"),
                                          (OSError(5, "x"), "disk"), (OSError(24, "x"), "too many")])
def test_it_is_said_what_is_lacking(honest, monkeypatch, fault, words):
    def failing(self, name):
        raise fault
    monkeypatch.setattr(Archive, "sha256", failing)
    report = verify_package(honest)
    assert report.state == "uncheckable" and report.sentence.startswith("Could not be checked, because ")
    assert words in report.sentence and [c.state for c in report.checks] == ["holds"]


def test_causes_are_found_however_deep_and_not_where_there_are_none():
    try:
        try:
            raise MemoryError
        except MemoryError as inner:
            raise KeyError("x") from inner
    except KeyError as outer:
        assert "memory" in own_fault(outer)
    assert own_fault(zipfile.BadZipFile("x")) == own_fault(None) == ""


def test_checking_needs_no_space_and_no_memory_of_the_packages_size(tmp_path, monkeypatch):
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(2**20) * 48)
    write_archive(tmp_path / "a.zip", [("bag/large.bin", large), ("bag/small.txt", b"x")])

    def refused(*_, **__):
        raise AssertionError("no temporary file is needed")
    monkeypatch.setattr(tempfile, "_get_default_tempdir", refused)
    monkeypatch.setattr(tempfile, "mkstemp", refused)
    archive = Archive(tmp_path / "a.zip")
    tracemalloc.start()
    assert archive.is_canonical() and len(archive.sha256("bag/large.bin")) == 64
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    archive.close()
    assert peak < 12 * 2**20


def _edited(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def test_what_is_not_canonical_is_seen_byte_by_byte(tmp_path):
    target, edited = tmp_path / "a.zip", tmp_path / "b.zip"
    write_archive(target, [("bag/a.txt", b"hello"), ("bag/b.txt", b"")])
    data = target.read_bytes()
    for at in range(len(data)):
        edited.write_bytes(_edited(data, at))
        try:
            archive = Archive(edited)
            same = archive.is_canonical()
            archive.close()
        except Exception as error:
            assert type(error).__module__.startswith("explorer."), (at, error)
        else:
            assert not same, at
    for more in (data + b"x", b"x" + data):
        edited.write_bytes(more)
        assert verify_package(edited).state in ("changed", "uncheckable")


def test_pipes_folders_and_endless_names_are_no_packages(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path, tmp_path / "pipe.zip", *map(Path, ("/dev/zero", "x" * 5000, "a/" * 3000, "a\0b"))):
        report = verify_package(path)
        assert report.state == "uncheckable" and len(report.sentence) < 300
    for command in ("verify", "import"):
        assert main([command, "x" * 5000]) == 1
        said = capsys.readouterr().err
        assert said.startswith("afterimage: There is no file") and len(said) < 300


def test_nothing_here_is_left_patched():
    assert builtins.open is io.open
