"""What arguments of the command line are read as."""

from __future__ import annotations

import argparse

from explorer.texts import say


def floats(text: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(say("command.no_list_of_numbers", text=text)) from error


def pixels(text: str) -> tuple[int, int]:
    """Width and height, with an x between."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(say("command.no_size", text=text)) from error
    return width, height
