"""What is loaded is set aside from the collection after every draw, once, and again when much more came."""

from __future__ import annotations

import gc
import sys
import types

import pytest

from pages.server.screen_memory import ScreenMemory


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_once_for_what_is_loaded_and_again_for_much_more(monkeypatch):
    loaded = ScreenMemory()
    assert loaded.set_aside() and gc.get_freeze_count() > 10_000
    assert not loaded.set_aside()
    for n in range(30):
        monkeypatch.setitem(sys.modules, f"made_up_{n}", types.ModuleType("made_up"))
    assert loaded.set_aside() and not loaded.set_aside()


def test_after_a_while_again_and_what_went_meanwhile_goes():
    now, seen = [0.0], []

    class Circle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            seen.append(1)
    loaded, kept = ScreenMemory(clock=lambda: now[0]), [Circle()]
    assert loaded.set_aside()
    kept.clear()
    gc.collect()
    assert not seen and not loaded.set_aside()
    now[0] = 16.0
    assert loaded.set_aside() and seen == [1]


def test_what_comes_later_is_still_collected():
    class Circle:
        seen: list[int] = []  # noqa: RUF012  what was let go

        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            self.seen.append(1)
    ScreenMemory().set_aside()
    Circle()
    gc.collect()
    assert Circle.seen == [1]
