"""``python -m privacy.orchestration.run demo|up``: the demo shop on an embedded Airflow; ``make demo``, ``make up``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from privacy.errors import PrivacyError
from privacy.orchestration.embedded import end_on_sigterm, free_port

PROJECT = Path(__file__).parents[3]


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two; see the module.

    :returns: the exit status: 0, 1 after an error of ours (one line on stderr), 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="privacy.orchestration.run", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="one request, from registration to bundle; ends by itself")
    up = commands.add_parser("up", help="Airflow's pages with the demo shop, until Ctrl-C")
    for command, folder in ((demo, ".demo"), (up, ".state/up")):
        command.add_argument("--home", type=Path, default=PROJECT / "include", help="the shop's folder (PRIVACY_HOME)")
        command.add_argument("--folder", type=Path, default=Path(folder), help="everything is written below it")
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--size", default="small")
    demo.add_argument("--port", type=int, default=0, help="0: any free one")
    demo.add_argument("--host", default="127.0.0.1")
    up.add_argument("--port", type=int, default=8080)
    up.add_argument("--host", default="127.0.0.1", help="another one only inside of a container")
    given = parser.parse_args(arguments)

    # Loaded after the arguments were read: --help takes no second.
    from privacy.orchestration.demo import Demo

    end_on_sigterm()
    shop = Demo(
        home=given.home.resolve(),
        folder=given.folder.resolve(),
        project=PROJECT,
        host=given.host,
        port=given.port or free_port(),
        seed=given.seed,
        size=given.size,
        say=_say,
    )
    try:
        if given.command == "demo":
            shop.run()
        else:
            shop.up(until=_interrupted)
            _say("stopped; nothing is left running")
    except PrivacyError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped; nothing is left running\n")
        return 128 + signal.SIGINT
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _interrupted(seconds: float) -> bool:
    """Wait so long; whether somebody pressed Ctrl-C meanwhile."""
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        _say("")
        return True
    return False


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
