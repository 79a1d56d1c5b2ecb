"""What the desk says of a bundle: figures for operators, its files for those who may see them."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO
from zoneinfo import ZoneInfo

from privacy.bundle.package import MANIFEST
from privacy.bundle.reasons import omitted
from privacy.bundle.report import PAGES
from privacy.errors import PrivacyError, Refused, Tampered
from privacy.rights.copies import blocked
from privacy.rights.opening import WORDS, broken, closed
from privacy.rights.payload import Broken, BundleRef, Copied, Delivery, Figures, GlassGround

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request

FILES = 500
"""The most files that the page of a bundle names."""

GROUNDS = {
    GlassGround.SUBJECT: "the person wants it so (consent, art. 18(2) GDPR)",
    GlassGround.CLAIM: "a legal claim (art. 18(2) GDPR)",
    GlassGround.OTHERS: "to protect another person's rights (art. 18(2) GDPR)",
    GlassGround.INTEREST: "an important public interest (art. 18(2) GDPR)",
    GlassGround.INCIDENT: "a security incident has to be looked into",
    GlassGround.FAULT: "something seems wrong with the copy",
}

_POLICY = re.compile(
    r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; script-src 'sha256-[A-Za-z0-9+/=]{44}'; "
    r"base-uri 'none'; form-action 'none'"
)
_META = b'<meta http-equiv="Content-Security-Policy" content="'


@dataclass(frozen=True, slots=True)
class Section:
    """A request's bundle, for its page.

    :param ref: None: there is none; ``problem``: why nothing can be said. :param figures: by dataset, for operators.
    :param omitted: (how often, why). :param purge: the last local date on which it may be there, once its request is
        ``closed``; None: it is open, or no term is stated.
    :param shut: why it may not be looked at now; ``kept``: why no copy may leave; empty: nothing is in the way.
    :param until: how long the glass is broken for this user. :param glass: who broke it, and why: for readers alone.
    :param copied: the copy that waits. :param delivery: the last one.
    """

    ref: BundleRef | None
    problem: str = ""
    figures: tuple[Figures, ...] = ()
    omitted: tuple[tuple[int, str], ...] = ()
    purge: date | None = None
    closed: bool = False
    shut: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    until: datetime | None = None
    glass: tuple[Broken, ...] = ()
    copied: Copied | None = None
    delivery: Delivery | None = None
    released: bool = False


def section(house: House, number: str, user: str, *, reads: bool, works: bool) -> Section | None:
    """What a request's page says of its bundle; None: what is asked for is no copy, or it was forgotten.

    :param user: Airflow's id of who asks. :param reads: they may see bundles. :param works: they may see figures.
    """
    request = house.register.get(number)
    if not request.right.copies or request.forgotten:
        return None
    try:
        payload = house.register.open(number)
        shut = blocked(house, number)
    except (Tampered, Refused) as problem:
        return Section(None, problem=problem.message)
    ref, now = payload.bundle, house.clock.now()
    if ref is None:
        return Section(None)
    why, kept = (closed(request.dates, blocked=shut, leaves=leaves) for leaves in (False, True))
    glass = broken(payload.glass, kept, user=user, digest=ref.outer_sha256, now=now) if reads else None
    live = payload.copied is not None and now < payload.copied.until and payload.copied.bundle == ref.outer_sha256
    return Section(
        ref,
        problem=_missing(house, ref) if reads else "",
        figures=ref.figures if works or reads else (),
        omitted=tuple((n, omitted(code).en) for code, n in sorted(ref.omitted.items())),
        purge=_purge(house, request),
        closed=request.dates.closed_at is not None,
        shut=() if glass else tuple(WORDS[one] for one in why),
        kept=() if glass else tuple(WORDS[one] for one in kept),
        until=glass.until if glass else None,
        glass=payload.glass if reads else (),
        copied=payload.copied if live and reads else None,
        delivery=_delivered(payload),
        released=request.dates.released_at is not None and request.dates.refused_at is None,
    )


def _missing(house: House, ref: BundleRef) -> str:
    if ref.purged_at is not None:
        return ""
    try:
        size = house.bundles.stat(ref.path).bytes
    except PrivacyError as problem:
        return "The sealed file is not where it was put." if problem.code == "storage.missing" else problem.message
    if ref.size is not None and size != ref.size:
        return "The sealed file has another size than was recorded; it was altered, and does not open."
    return ""


def _purge(house: House, request: Request) -> date | None:
    """The last local date on which it may be there."""
    from privacy.retention.horizon import limit

    if request.dates.closed_at is None or house.policy.own is None:
        return None
    until = limit(request.dates.closed_at, house.policy.own.bundles.term, house.policy.zone)
    return None if until is None else (until - timedelta(microseconds=1)).astimezone(ZoneInfo(house.policy.zone)).date()


def _delivered(payload: Payload) -> Delivery | None:
    found = payload.delivery
    return found if found is not None and found.delivered_at is not None else None


@dataclass(frozen=True, slots=True)
class File:
    """A file in a bundle. :param rows: records, or lines; None: it is whole."""

    name: str
    bytes: int
    rows: int | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle's own manifest says. :param folders: by folder; ``more``: how many files it does not name.

    :param datasets: with what was left out and why, as ``privacy:datasets`` has it. :param omitted: likewise.
    """

    folders: Mapping[str, list[File]]
    files: int
    more: int
    datasets: list[dict[str, Any]]
    omitted: list[dict[str, Any]]


def contents(inner: BinaryIO) -> Contents:
    """Its files and what was left out. :param inner: the ZIP. :raises Tampered: ``bundle.manifest``."""
    try:
        with zipfile.ZipFile(inner) as archive, archive.open(MANIFEST) as file:
            manifest = json.load(file)
        found = sorted(manifest["resources"], key=lambda one: one["path"])
        folders: dict[str, list[File]] = {}
        for one in found[:FILES]:
            path = PurePosixPath(one["path"])
            folder = "" if str(path.parent) == "." else str(path.parent)
            folders.setdefault(folder, []).append(File(path.name, one["bytes"], one.get("privacy:rows")))
        told = [d for d in manifest["privacy:datasets"] if d["withheld"] or d["redacted"] or d["unattributed"]]
        return Contents(folders, len(found), len(found) - len(found[:FILES]), told, manifest["privacy:omitted"])
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile):
        raise Tampered("bundle.manifest", "The bundle's manifest cannot be read.", advice="Export it again.") from None


def report(inner: BinaryIO, page: str) -> tuple[bytes, str]:
    """A page of the report, and the content security policy to show it under.

    It runs in a sandbox of its own origin. Its script runs where the page's own policy names the script's digest, and
    nothing else does; a page with another policy runs none.

    :param inner: the ZIP. :param page: one of :data:`privacy.bundle.report.PAGES`.
    :raises Refused: ``bundle.no_page``.
    """
    if page not in PAGES:
        raise Refused("bundle.no_page", "Here the report alone is shown.", advice="Download the bundle for its files.")
    try:
        with zipfile.ZipFile(inner) as archive:
            content = archive.read(page)
    except (KeyError, zipfile.BadZipFile):
        raise Refused("bundle.no_page", "There is no such page in the bundle.") from None
    return content, policy_of(content)


def policy_of(content: bytes) -> str:
    """The policy of a report: its own, from the page's head, with a sandbox around it."""
    _, there, rest = content[:2_000].partition(_META)
    own = rest.partition(b'"')[0].decode("ascii", "replace") if there else ""
    if _POLICY.fullmatch(own):
        return f"{own}; frame-ancestors 'self'; sandbox allow-scripts"
    return "default-src 'none'; frame-ancestors 'self'; sandbox"
