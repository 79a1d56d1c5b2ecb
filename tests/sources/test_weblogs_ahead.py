"""A large log is decompressed in a thread while its lines are looked at: the same lines, the same errors, no thread left."""

from __future__ import annotations

import threading
from unittest.mock import patch

import pytest

from privacy.errors import Unreadable
from privacy.sources import weblogs_blocks
from privacy.sources.base import Selection
from sources.weblogs_kit import Logs, customer, line, of

ONE = of(customer(1001))


@pytest.fixture
def logs(tmp_path):
    """A log of many blocks, in which every third line is the subject's."""
    made = Logs(tmp_path)
    made.put("nginx/access.log.1.gz", [line(user=1001 if n % 3 == 0 else 7, size=str(n)) for n in range(20_000)])
    return made


@pytest.fixture(params=[0, 2**62], ids=["ahead", "not ahead"])
def large(request):
    with patch.object(weblogs_blocks, "LARGE", request.param), patch.object(weblogs_blocks, "BLOCK", 2**15):
        yield request.param


@pytest.mark.usefixtures("large")
def test_the_lines_are_the_same_in_their_order(logs):
    found = logs.read(ONE)
    assert [row["line_number"] for row in found] == list(range(1, 20_001, 3))
    assert [row["size"] for row in found] == list(range(0, 20_000, 3))


@pytest.mark.usefixtures("large")
def test_a_log_that_ends_too_soon_fails_as_ever(logs):
    """Edge case 8."""
    path = logs.root / "nginx/access.log.1.gz"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(Unreadable, match=r"weblogs\.(truncated|corrupt)"):
        logs.read(ONE)


@pytest.mark.usefixtures("large")
def test_a_reader_that_stops_early_leaves_no_thread(logs):
    source, selection = logs.source(batch_rows=5), Selection("access", ONE)
    reading = source.read(selection, source.partitions(selection)[0])
    assert next(reading).num_rows == 5
    reading.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("log-reader")]
