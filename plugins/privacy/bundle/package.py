"""``datapackage.json``: what a bundle holds, for machines. Frictionless Data Package 2 (https://datapackage.org).

Every file of the bundle but this one is a resource, with its bytes and sha256. Properties of our own begin with
``privacy:``. Two choices are made for the ``frictionless`` library (5.21), so that it validates every bundle with
nothing else installed: Parquet has its word ``type: file`` (it reads Parquet with fastparquet only), and JSON has no
``type: table`` (reading such a resource, it never counts the bytes, and then misses them). Both carry their schema.

==========================  ==========================================================================================
of the package              what it says
==========================  ==========================================================================================
``privacy:controller``      name, contact, authority
``privacy:policy``          version of the privacy statement, since when it is in force
``privacy:request``         number, right, scope (``all``, or ``provided_and_observed``: a direct transfer to another
                            controller), when it arrived, as of when the data are
``privacy:datasets``        for every dataset that was read: records given, originals and how many of those were left
                            out (they would tell what was left out of their record), records withheld (with the reason),
                            when the terms of these very records run out (oldest and newest),
                            values redacted (by column, with the ground), unattributed (they may be somebody else's, so
                            they are nobody's), unreadable (in no known form)
``privacy:nothing_held``    the datasets that were read and hold nothing of this person
``privacy:names_nobody``    the datasets that name nobody, and why: they were not searched
``privacy:omitted``         what could not be given, and why: dataset, partition, reason (a code, and in words)
``privacy:identity``        counts of what identity resolution passed over
``privacy:disclosed``       what went to others about this person: when, to whom, ground, case, datasets, categories;
                            left out where there is nothing to tell
``privacy:supplements``     what records of the past should say by the person's word (art. 16 GDPR), and which records;
                            likewise
``privacy:told``            which processors were told of a correction, erasure or restriction of theirs (art. 19 GDPR),
                            when, and when they confirmed it; likewise
``privacy:stopped``         for what their data are not processed: kind, value, purposes, since, ground; likewise
==========================  ==========================================================================================

==========================  ==========================================================================================
of a resource               what it says
==========================  ==========================================================================================
``privacy:rows``            records, or lines of originals
``privacy:dataset``         ``system.dataset``; ``privacy:system`` the system's title
``privacy:categories``      data categories: fideslang's key, and the privacy statement's own words
``privacy:purposes``        purposes with their legal basis (art. 6(1) GDPR) and whether they are profiling
``privacy:processors``      who processes these data for the controller, by name, and on what ground outside the EEA
``privacy:provenance``      provided, observed, derived (WP 242)
``privacy:source``          where the data come from
``privacy:term``            the promise whose retention term holds, with its bounds (ISO 8601)
``privacy:access``          what of it was left out by column, with the ground
``privacy:key``             of a whole original (a message, a PDF): its record's key, by column, as the JSON has it
==========================  ==========================================================================================

A whole original says no more than ``privacy:dataset`` and ``privacy:key``: the rest stands with its dataset's tables.
It is ``type: file``, whatever is in it.

Of a field: ``privacy:description`` (in both languages; ``description`` is the English one), ``privacy:category``,
``privacy:provenance``, ``privacy:type`` (the data map's exact type), ``privacy:zone``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from privacy.bundle import resources, supplemented, told
from privacy.bundle.disclosed import described
from privacy.bundle.expiry import expiry
from privacy.bundle.holdings import Facts, Holding, Omission, Resource, withheld
from privacy.bundle.reasons import omitted as in_words
from privacy.bundle.resources import text, utc
from privacy.bundle.scope import Scope
from privacy.bundle.stopped import described as stopped
from privacy.datamap.load import DataMap
from privacy.datamap.models import Nobody
from privacy.datamap.policy import Policy

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
MANIFEST = "datapackage.json"


def describe(
    datamap: DataMap,
    facts: Facts,
    holdings: Sequence[Holding],
    pages: Iterable[Resource],
    omissions: Iterable[Omission] = (),
    notes: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The content of ``datapackage.json``.

    :param pages: the reports. :param notes: counts of identity resolution.
    """
    policy = datamap.policy
    omitted = list(omissions)
    gone = {omission.dataset for omission in omitted}
    files = [
        resources.describe(policy, facts.scope, holding, resource, n)
        for holding in holdings
        for n, resource in enumerate(holding.resources, 1)
    ]
    return {
        "$schema": PROFILE,
        "name": facts.number.lower(),
        "title": f"{policy.controller}: {facts.number}",
        "description": "Everything held on one person. LEESMIJ.html (Dutch) and README.html (English) are for people. "
        "Properties that begin with privacy: say what a dataset is for, who processes it, and what was left out.",
        "version": policy.version,
        "created": utc(facts.as_of),
        "resources": [*files, *(resources.page(page) for page in pages)],
        "privacy:controller": policy.contact.model_dump(mode="json") | {"controller": policy.controller},
        "privacy:policy": {"version": policy.version, "in_force": policy.in_force.isoformat()},
        "privacy:request": {
            "number": facts.number,
            "right": facts.right,
            "scope": facts.scope.value,
            "received_at": utc(facts.received_at),
            "as_of": utc(facts.as_of),
        },
        "privacy:datasets": [_counts(policy, facts.scope, holding) for holding in holdings],
        "privacy:names_nobody": [
            {"dataset": ref.full, "title": text(ref.dataset.title), "why": text(ref.dataset.subject.nobody)}
            for ref in datamap
            if isinstance(ref.dataset.subject, Nobody)
        ],
        "privacy:nothing_held": [h.ref.full for h in holdings if h.empty and h.ref.full not in gone],
        "privacy:omitted": [
            {"dataset": o.dataset, "partition": o.partition, "reason": o.reason, **text(in_words(o.reason))}
            for o in omitted
        ],
        "privacy:identity": dict(sorted((notes or {}).items())),
        **({"privacy:disclosed": described(facts.disclosed)} if facts.disclosed else {}),
        **({"privacy:supplements": supplemented.described(facts.supplements)} if facts.supplements else {}),
        **({"privacy:told": told.described(facts.told)} if facts.told else {}),
        **({"privacy:stopped": stopped(facts.stopped)} if facts.stopped else {}),
    }  # fmt: skip


def _counts(policy: Policy, scope: Scope, holding: Holding) -> dict[str, Any]:
    return {
        "dataset": holding.ref.full,
        "title": text(holding.ref.dataset.title),
        "records": holding.records,
        "bytes": holding.bytes,
        "categories": resources.categories(policy, holding.ref),
        "originals": sum(not resource.tabular for resource in holding.resources),
        "originals_left_out": holding.originals_left_out,
        "term": _due(policy, holding),
        "withheld": holding.withheld,
        "withheld_why": [{"code": w.code, "records": w.records, **text(w.why)} for w in withheld(holding)],
        "redacted": resources.redacted(holding, scope),
        "unattributed": holding.unattributed,
        "unreadable": holding.unreadable,
    }


def _due(policy: Policy, holding: Holding) -> dict[str, Any]:
    """When the terms of this person's records run out: local dates, of terms in hours moments; oldest and newest."""
    found = expiry(policy, holding.ref, holding.starts)
    told: dict[str, Any] = {"promise": holding.ref.dataset.promise}
    for name, span in (("kept_through", found.at_least), ("gone_before", found.at_most)):
        if span is not None:
            ends = [at.isoformat() if found.exact else at.date().isoformat() for at in (span.first, span.last)]
            told[name] = dict(zip(("oldest", "newest"), ends, strict=True))
    return told | ({"not_begun": found.waiting} if found.waiting else {})
