"""Erases in a process of its own, which dies (SIGKILL) at the call that it was told: for ``test_erasure_whole``.

In: JSON with ``urls``, ``state``, ``number``, ``name`` of the run, and the name of one of :data:`POINTS`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conftest_demo import HOME
from conftest_erasing import NOW, Erasing
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.rights.house import House
from privacy.settings import Settings
from services.sql_studio import listening

POINTS: dict[str, Callable[[str, str], bool]] = {
    # The mail server has the message without what is theirs, and the old one too.
    "expunging": lambda what, sent: what == "imaplib.send" and "EXPUNGE" in sent,
    # Files and messages are done, and the database has changed everything but not promised it yet.
    "committing": lambda what, _: what == "before COMMIT erasing_shop",
}


def house_of(urls: Mapping[str, str], state: Path) -> House:
    """A shop's house, with connections of its own."""
    variables = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls.items()}
    return House(Settings(home=HOME, state=state), EnvironmentConnections(variables), FixedClock(NOW))


def main() -> None:
    """Read what to do, and do it."""
    said = json.load(sys.stdin)
    dying = POINTS[said["point"]]

    def told(what: str, sent: str = "") -> None:
        if dying(what, sent):
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "imaplib.send":
            told(event, repr(arguments[1])[:200])

    state = Path(said["state"])
    shop = Erasing(state.parent)
    shop.house = house_of(said["urls"], state)
    sys.addaudithook(hook)
    with listening(told):
        shop.erase(said["number"], said["name"])


if __name__ == "__main__":
    main()
