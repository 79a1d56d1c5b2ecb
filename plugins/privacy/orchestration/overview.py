"""A plan in figures, for people: counts and times of datasets, nobody's."""

from __future__ import annotations

import json

import pandas as pd

from privacy.orchestration.plan_words import rows
from privacy.orchestration.plan_words import waits_until as waits_until
from privacy.plans import Plan


def figures(plan: Plan) -> pd.DataFrame:
    """A row for each dataset (and kind of record): what would go, what of it is held and by what, what stays.

    :returns: columns dataset, before, records, items, bytes, oldest, newest, held, stays; times as ISO 8601 in UTC.
    """
    return pd.DataFrame(rows(plan))


def heading(plan: Plan) -> str:
    """Of which rule it is, of which purge, and the terms that it keeps."""
    return f"rule {plan.rule} of {plan.purge}: {', '.join(plan.promises)} ({plan.limit})"


def just_this(plan: Plan) -> str:
    """What to start the purge with, so that it does this plan or nothing: its parameters, as JSON."""
    wanted = {"dry_run": False, "rules": [plan.rule], "as_of": plan.as_of, "expected_digest": plan.digest}
    return f"to do just this, trigger {plan.purge} with {json.dumps(wanted)}"
