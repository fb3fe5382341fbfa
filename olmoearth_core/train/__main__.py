"""`torchrun -m olmoearth_core.train CONFIG… [overrides]`: the same as `olmoearth train`."""

from __future__ import annotations

import sys

from olmoearth_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
