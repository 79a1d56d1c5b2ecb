"""Where letters go: a folder of ``.eml`` files, from which whatever sends the shop's mail takes them.

Or a mail server: see ``sending``.
"""

from __future__ import annotations

from pathlib import Path

from privacy.connections import Connection, Connections
from privacy.datamap.policy import Contact
from privacy.errors import BadConfiguration
from privacy.letters.letter import Letter
from privacy.letters.sending import SCHEMES, Post, named
from privacy.storage import Store, store

LETTERS = "letters"
"""The connection's name."""


class Outbox:
    """Letters that were sent off. :param sender: the controller's contact."""

    def __init__(self, place: Store, sender: Contact) -> None:
        self._place, self._sender = place, sender

    def send(self, letter: Letter) -> str:
        """Put a letter into the outbox: it is there whole and on disk when this returns.

        :returns: its name there, which is of the letter's id and names nobody.
        :raises BadConfiguration: ``letters.address``. :raises PrivacyError: ``storage.*``.
        """
        named(letter)
        content, name = letter.as_eml(self._sender), f"{letter.id}.eml"
        with self._place.write(name) as file:
            file.write(content)
        return name


def outbox(connections: Connections, state: Path, sender: Contact) -> Outbox | Post:
    """The installation's outbox, or the mail server that it sends through.

    :param state: the state folder, in which ``outbox`` is one where no connection of that name is set.
    :raises BadConfiguration: the connection is neither a folder nor a mail server.
    """
    try:
        connection = connections.get(LETTERS)
    except BadConfiguration as problem:
        if problem.code != "connections.missing":
            raise
        connection = Connection(LETTERS, (state.resolve() / "outbox").as_uri())
    return Post(connection, sender) if connection.scheme in SCHEMES else Outbox(store(connection), sender)
