"""`python -m explorer.world`: the same as `python -m explorer world`."""

from __future__ import annotations

import sys

from explorer.cli import main

if __name__ == "__main__":
    sys.exit(main(["world", *sys.argv[1:]]))
