"""``python include/demo/__main__.py --to DIR [--seed 1] [--size small] [--today 2026-11-20]``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo import SIZES, TODAY, make


def main() -> None:
    """Make a shop and say what is in it."""
    parser = argparse.ArgumentParser(prog="demo", description="Make the demo shop's systems and its answer sheet.")
    parser.add_argument(
        "--to", type=Path, required=True, help="folder to write to; files of an earlier run are replaced"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--today", type=date.fromisoformat, default=TODAY, help="the day on which the data ends")
    given = parser.parse_args()
    about = make(given.to, seed=given.seed, size=given.size, today=given.today)
    sys.stdout.write(json.dumps(asdict(about), indent=2) + "\n")


if __name__ == "__main__":
    main()
