"""``export_subjects`` without Airflow: its steps, one after the other, for many requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from privacy.bundle import open_bundle
from privacy.orchestration import ending, many_parts, many_steps, steps
from privacy.orchestration.many import Many
from privacy.orchestration.run_ids import member_run_id
from privacy.orchestration.runs import Run
from privacy.rights.house import House

DAG = "export_subjects"


def asked(numbers: Sequence[str], name: str = "all-1", *, last: bool = False) -> Many:
    """A run for these requests; none: for all that wait."""
    return Many(name, tuple(numbers), "operator", lambda number: member_run_id(DAG, name, number), last)


def begun(house: House, many: Many) -> tuple[list[list[int]], list[dict[str, Any]]]:
    """Until all is listed: the chunks and the units."""
    chunks = many_steps.open_requests(house, many)
    for chunk in chunks:
        many_steps.resolve_identities(house, many, chunk)
    return chunks, many_steps.list_parts(house, many)


def read(house: House, many: Many, units: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [many_parts.extract(house, many, unit) for unit in units]


def at_once(house: House, numbers: Sequence[str], name: str = "all-1") -> dict[str, Any]:
    """A whole run: what it says at its end."""
    many = asked(numbers, name)
    chunks, units = begun(house, many)
    parts = read(house, many, units)
    for chunk in chunks:
        many_steps.write_bundles(house, many, parts, chunk)
    said = many_steps.record(house, many, failed=None)
    many_steps.empty_staging(house, many)
    return said


def alone(house: House, number: str, name: str) -> None:
    """A whole run of ``export_subject``."""
    run = Run(name, number, "operator")
    steps.open_request(house, run)
    steps.resolve_identity(house, run)
    parts = [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)]
    steps.write_bundle(house, run, parts)
    ending.record(house, run, failed=None)
    ending.empty_staging(house, run)


def opened(house: House, number: str, to: Path) -> dict[str, bytes]:
    """The members of a bundle's ZIP, by name."""
    ref = house.register.bundle(number)
    assert ref is not None
    with house.bundles.open(ref.path) as sealed:
        open_bundle(sealed, house.register.open(number).secret, to)
    return {str(file.relative_to(to)): file.read_bytes() for file in sorted(to.rglob("*")) if file.is_file()}


def digest(house: House, number: str) -> str:
    """Of the ZIP within a bundle: of all its members, and of how they are packed."""
    ref = house.register.bundle(number)
    assert ref is not None
    return ref.inner_sha256
