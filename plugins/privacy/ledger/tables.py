"""The tables that the migrations make, for queries."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

GENERATED = ("kind", "at", "run", "request", "pipeline", "rule", "status", "actor", "reason")
"""The members of an entry that the database makes columns of."""

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    *(sa.Column(name, sa.Text, sa.FetchedValue()) for name in GENERATED),
)
"""Only ``seq``, ``entry`` and ``hash`` are written: the database generates the others from the entry."""

DATES = (
    "received_at", "begun_at", "undecided_at", "sealed_at", "proven_at", "released_at", "refused_at", "extended_at",
    "reviewed_at", "partly_at", "acted_at", "answered_at", "lifted_at",
)  # fmt: skip
"""When what happened to a request: ISO 8601 text in UTC, or NULL."""

request_register = sa.Table(
    "request_register",
    metadata,
    sa.Column("number", sa.String(32), primary_key=True),
    sa.Column("right_", sa.String(32), nullable=False),
    *(sa.Column(name, sa.String(32), nullable=name != "received_at") for name in DATES),
    sa.Column("run", sa.String(250)),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("payload", sa.Text),
)
"""``key`` is the request's own, wrapped by the master key; ``payload`` is sealed under it, bound to the other columns.
Without them a row names nobody."""

request_marks = sa.Table(
    "request_marks",
    metadata,
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Column("number", sa.String(32), primary_key=True),
    sa.Index("request_marks_number", "number"),
)
"""Keyed digests of what requests name, as long as their sealed content is there. Written by
:class:`privacy.rights.marks.Marks` alone."""

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("request", sa.String(32)),
    sa.Column("datasets", sa.Text),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("placed_at", sa.String(32), nullable=False),
    sa.Column("released_at", sa.String(32)),
    sa.Column("sealed", sa.Text),
)
"""``datasets``: JSON list of full names, NULL for all. ``sealed``: whom it is about and the ground, bound to
the other columns; NULL once it is released. Written by :class:`privacy.holds.Holds` alone."""

footage_orders = sa.Table(
    "footage_orders",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("hold", sa.String(32), nullable=False),
    sa.Column("processor", sa.String(100), nullable=False),
    sa.Column("lines", sa.Text, nullable=False),
    sa.Column("sent_at", sa.String(32), nullable=False),
    sa.Column("confirmed_at", sa.String(32)),
    sa.Column("withdrawn_at", sa.String(32)),
    sa.UniqueConstraint("hold", "processor", name="footage_order_once"),
)
"""Orders to keep footage (CAM-SHARE); ``lines``: JSON list of camera, from, to and the time of the wipe. No person's
name. Written by :class:`privacy.rights.orders.Orders` alone."""

disclosures = sa.Table(
    "disclosures",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("recorded_at", sa.String(32), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
)
"""What was given to whom (DISCLOSE), sealed, bound to the other columns. Written by
:class:`privacy.rights.disclosures.Disclosures` alone."""

do_not_process = sa.Table(
    "do_not_process",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("request", sa.String(32)),
    sa.Column("kind", sa.String(100)),
    sa.Column("value", sa.Text),
    sa.Column("scope", sa.String(32), nullable=False),
    sa.Column("purposes", sa.Text),
    sa.Column("ground", sa.String(32), nullable=False),
    sa.Column("since", sa.String(32), nullable=False),
    sa.Column("ended", sa.String(32)),
    sa.Column("salt", sa.String(64)),
    sa.Index("do_not_process_whom", "kind", "value"),
    sa.Index(
        "do_not_process_once",
        "request",
        "kind",
        "value",
        unique=True,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    ),
)
"""Whose data are not to be processed, and for which purposes (JSON list; ``*``: any). Plain on purpose: the shop's
systems look somebody up in it, through the view ``processing_stops``. A stop that has ended names nobody. Written by
:class:`privacy.rights.stops.Stops` alone."""


erasure_markers = sa.Table(
    "erasure_markers",
    metadata,
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Column("theirs_from", sa.String(32), primary_key=True),
    sa.Column("theirs_until", sa.String(32), primary_key=True),
    sa.Column("erased_at", sa.String(32), nullable=False),
)
"""Keyed digests of what identified those whom an erasure forgot, and when it was theirs (empty: since ever, or until
the erasure). Nothing ties one row to another, or to a request.
Written by :class:`privacy.rights.markers.Markers` alone."""

processor_notices = sa.Table(
    "processor_notices",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("request", sa.String(32), nullable=False),
    sa.Column("processor", sa.String(100), nullable=False),
    sa.Column("deed", sa.String(32), nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
    sa.Column("sent_at", sa.String(32)),
    sa.Column("reminded_at", sa.String(32)),
    sa.Column("refused_at", sa.String(32)),
    sa.Column("confirmed_at", sa.String(32)),
    sa.Column("sealed", sa.Text),
)
"""What a processor was told of a request (art. 19 GDPR); ``sealed``: whom it is about, NULL once it is confirmed.
Written by :class:`privacy.rights.notices.Notices` alone."""

policy_versions = sa.Table(
    "policy_versions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.String(100), nullable=False, unique=True),
    sa.Column("recorded_at", sa.String(32), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)
"""The policy as it came into force, version by version; nothing personal. Written by
:class:`privacy.rights.policy_versions.Versions` alone."""

policy_letters = sa.Table(
    "policy_letters",
    metadata,
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Column("version", sa.String(100), nullable=False),
    sa.Column("begun_at", sa.String(32), nullable=False),
    sa.Column("sent_at", sa.String(32)),
    sa.Column("problem", sa.String(100)),
)
"""Who was written to about a version of the policy: a keyed digest of address and version. Written by
:mod:`privacy.rights.policy_letters` alone."""


def beside(connection: sa.Connection) -> str:
    """The first table beside the ledger that has a row: each was written with an entry; empty where none has."""
    written = (
        request_register, holds, footage_orders, disclosures, erasure_markers, processor_notices, policy_versions,
        do_not_process,
    )  # fmt: skip
    for table in written:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
            return table.name
    return ""
