"""What is asked of a mail server, and what a connection must say; against a real server: ``tests/services``."""

from __future__ import annotations

import socket

import pytest

from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.errors import BadConfiguration, RetryLater
from privacy.sources.base import Of, Selection
from privacy.sources.mailbox import MailboxSource
from privacy.sources.mailbox_imap_fetch import Remote
from privacy.sources.mailbox_imap_search import misses, searches
from privacy.sources.mailbox_whose import Whose
from sources.mailbox_kit import ANNA, mail, moment, of, usual

DATASET = usual().datasets["correspondence"]
RECEIVED = moment("2026-05-01T10:00:00")


def test_pieces_of_an_address_are_searched_for_and_not_the_address():
    """Edge case 19: comments, quotes and plus-addressing stand between the pieces; a server compares substrings."""
    sought = Whose(DATASET, of("Anna.Jansen+ring@mail.post.example", 'a"b@x.example')).sought
    assert sought is not None
    assert searches(sought, [7, 3, 12]) == ['UID 3:12 (OR (TEXT "a" TEXT "x") (TEXT "jansen" TEXT "mail"))']
    assert [s.partition(" (")[0] for s in searches(sought, range(1, 40_002)) or ()] == [
        "UID 1:20000", "UID 20001:40000", "UID 40001:40001",
    ]  # fmt: skip


def test_nothing_that_an_address_says_can_be_a_command():
    """Edge case 27."""
    sought = Whose(DATASET, of('x" ALL) (UID 1"@b.example', "a\r\nb@c.example")).sought
    assert sought is not None
    for criteria in searches(sought, [1]) or ():
        assert set(criteria) <= set('abcdefghijklmnopqrstuvwxyz0123456789() "UIDTEXTOR1:')
        assert criteria.count('"') == 2 * criteria.count("TEXT")


@pytest.mark.parametrize("pick", [of("日本@例え.テスト"), of(*(f"a{n}@b.example" for n in range(5)))])
def test_what_cannot_be_searched_for_is_read_whole(pick: Of):
    sought = Whose(DATASET, pick).sought
    assert sought is not None
    assert searches(sought, [1]) is None
    assert Whose(DATASET, of(*(f"a{n}@b.example" for n in range(40)))).sought is None


def test_letters_that_are_no_ascii_are_left_out_of_the_search():
    sought = Whose(DATASET, of("ö@ü.example")).sought
    assert sought is not None
    assert searches(sought, [1]) == ['UID 1:1 (TEXT "example")']


def test_a_server_that_finds_words_only_is_noticed():
    sought = Whose(DATASET, of(ANNA)).sought
    assert sought is not None
    assert misses(sought, mail(sender="Joanna <joanna@a.example>"))
    assert not misses(sought, mail(sender="Bram <bram@b.example>", to=None))
    assert not misses(sought, b"Subject: =?utf-8?b?YW5uYQ?= a.example\r\n\r\n")
    assert sought.head(b"From: anna@a.example\r\n\r\n", RECEIVED)
    assert not sought.head(b"From: joanna@a.example\r\n\r\n", RECEIVED)


@pytest.mark.parametrize("size", [0, 1, 2 * 2**20 - 1, 2 * 2**20, 2 * 2**20 + 1, 5 * 2**20])
def test_a_message_in_pieces_is_whole(size: int):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    def piece(at: int, most: int) -> bytes:
        return content[at : at + most]

    assert Remote(piece).readall() == content
    file = Remote(piece)
    assert b"".join(iter(lambda: file.read(1_000_000) or b"", b"")) == content


def source(url: str, **options: str) -> MailboxSource:
    return MailboxSource(
        System.model_validate(usual().model_dump(exclude_unset=True)), Connection("mail", url, options)
    )


def test_a_connection_says_which_kind_of_mailbox_it_is():
    for url in (
        "imaps://host.example/",
        "imaps://anna@/",
        "imaps://anna@host.example:x/",
        "https://x.example/",
        "sqlite:///x",
    ):
        with pytest.raises(BadConfiguration, match=r"mailbox\.connection.*imaps://user:password@host"):
            source(url)
    with pytest.raises(BadConfiguration, match=r"mailbox\.search.*server or whole"):
        source("imaps://anna@host.example/", search="fast")
    source("imaps://anna%40a.example:x@host.example/?search=whole")


def test_a_server_that_nobody_reaches_is_tried_again_later():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(RetryLater, match=r"mailbox\.connection") as stopped:
        source(f"imaps://anna%40a.example:geheim@127.0.0.1:{port}/").partitions(Selection("correspondence", of(ANNA)))
    assert "anna" not in str(stopped.value)
    assert stopped.value.__suppress_context__
