"""Thousands of texts looked for at once: the same lines as by looking for one after another."""

from __future__ import annotations

import gzip
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.sources import weblogs_search
from privacy.sources.base import Delete, Of, Status, Subject
from privacy.sources.weblogs_search import Search
from sources.weblogs_kit import Logs, customer, device, line

pieces = st.binary(min_size=1, max_size=12).filter(lambda text: b"\n" not in text)
few = st.sampled_from([b"1", b"11", b"1 ", b"a", b"\n", b"12345678", b"x12345678", b'"', b"\0"])


@settings(max_examples=150, deadline=None)
@given(st.sets(pieces | few.filter(lambda t: t != b"\n"), min_size=1, max_size=30), st.lists(pieces | few, max_size=40))
def test_they_are_found_wherever_they_stand(texts: set[bytes], block: list[bytes]):
    data = bytearray(b"".join(block))
    wanted, at = [], 0
    for each in bytes(data).split(b"\n"):
        if any(text in each for text in texts):
            wanted.append((at, at + len(each)))
        at += len(each) + 1
    for most in (20_000, 2):
        with patch.object(weblogs_search, "MOST", most):
            assert Search(texts).lines(data) == wanted


def test_a_thousand_subjects_lose_the_lines_that_each_would_lose_alone(tmp_path):
    """And whoever's number only ends like one of theirs, or stands elsewhere in the line, loses none."""
    logs = Logs(tmp_path)
    people = [Subject(n + 1, (customer(1001 + n), device(f"did-{n}"))) for n in range(1_000)]
    lines = [line(user=user) for user in ("1001", "2000", "11001", "2001", "01500", "-1001")]
    lines += [line(device=its) for its in ("did-7", "did-1000", "xdid-7", "did-999")]
    lines += [line(request="GET /1001 HTTP/2.0", size="1001"), b"1001 is no line of the log"]
    path = logs.put("nginx/access-1.gz", lines)
    alone = {n for who in (people[0], people[7], people[499], people[999]) for _, n in logs.numbers(Of((who,)))}
    assert {n for _, n in logs.numbers(Of(tuple(people)))} == alone == {1, 2, 5, 7, 10}
    assert [o.status for o in logs.apply([logs.step(Of(tuple(people)), Delete())])] == [Status.DONE]
    assert gzip.decompress(path.read_bytes()).splitlines() == [
        each for n, each in enumerate(lines, 1) if n not in alone
    ]
