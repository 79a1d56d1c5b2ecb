"""What a supervisor is handed over a period: what was promised, what was done, what was not, and the proof of it.

Two pages (Dutch and English) and tables as CSV: ``runs.csv``, ``deleted.csv``, ``exceptions.csv``, ``approvals.csv``,
``proof.csv``. Nothing in them is personal; texts are kept from being formulas all the same (edge case 27).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd

from privacy.errors import BadInput, GiveUp, PrivacyError, Tampered
from privacy.plans import APPROVED, ASKED, REFUSED, UNANSWERED
from privacy.rights import pages
from privacy.rights.gaps import Gap, gaps
from privacy.rights.receipt import fingerprint
from privacy.rights.words import EXPORT, KINDS, LABELS, STATUS

if TYPE_CHECKING:
    from privacy.datamap.policy import Rule
    from privacy.ledger import RuleRun, SignedHead
    from privacy.rights.house import House

ANSWERS = (ASKED, APPROVED, REFUSED, UNANSWERED)
FORMULA = (*"=+-@|%\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet may take for the beginning of something to compute."""


@dataclass(frozen=True, slots=True)
class Proof:
    """By what the records of a period are proven.

    :param first, last: numbers of the entries of its runs and approvals; 0: there are none.
    :param entries: how many entries the verified ledger has. :param head: as it was signed.
    :param public_key: hex. :param fingerprint: of it.
    """

    first: int
    last: int
    entries: int
    head: SignedHead
    public_key: str
    fingerprint: str


def write(house: House, since: datetime, until: datetime, out: Path) -> list[Path]:
    """Write pages and tables.

    :param since: from then on. :param until: before then. Aware. :param out: a folder; made when it is not there.
    :returns: what was written.
    :raises BadInput: ``ledger.period``. :raises Tampered: ``ledger.altered``: this ledger proves nothing.
    :raises GiveUp: ``ledger.empty``, ``ledger.out``.
    """
    if since >= until:
        raise BadInput("ledger.period", "The period ends before it begins.", advice="Give --from and a later --to.")
    runs = house.ledger.runs(since=since, until=until)
    said = house.ledger.archive.events(*ANSWERS, since=since, until=until)
    proof = _proof(house, runs, said)
    unproven = {
        name: gaps(house, name, rule, since, until)
        for purge in house.policy.purges.values()
        for name, rule in purge.rules.items()
    }
    tables = {
        "runs": runs_table(runs), "deleted": deleted_table(runs), "exceptions": exceptions_table(runs, unproven),
        "approvals": approvals_table(said), "proof": proof_table(proof),
    }  # fmt: skip
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            path = out / f"{name}.csv"
            harmless(table).to_csv(path, index=False, lineterminator="\r\n")
            written.append(path)
    except OSError:
        raise GiveUp(
            "ledger.out", "This cannot be written.", where=str(out), advice="Give another place with --out."
        ) from None
    for at, (language, name) in enumerate((("nl", "verantwoording.html"), ("en", "evidence.html"))):
        text = pages.page(
            house.settings.home, "ledger_export.html.j2", policy=house.policy, language=language,
            words=EXPORT[language], proof=proof, period=(_local(house, since), _local(house, until)),
            made_at=_local(house, house.clock.now()),
            rules=_rules(house, runs, said, unproven, at), labels={k: v[at] for k, v in LABELS.items()},
        )  # fmt: skip
        written.append(pages.written(out / name, text))
    return written


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """The same, with texts that no spreadsheet takes for a formula: an apostrophe stands before them."""

    def safe(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value

    # Column by column: a map over the whole would make floats of counts where one is missing.
    return table.apply(lambda column: pd.Series([safe(v) for v in column], dtype=object)).rename(columns=safe)


def runs_table(runs: Iterable[RuleRun]) -> pd.DataFrame:
    """A row for each run of a rule; times are ISO 8601 in UTC, counts are of records."""
    columns = (
        *("rule", "promises", "limit", "status", "reason", "begun_at", "ended_at", "as_of", "bound", "candidates"),
        *("deleted", "bytes", "held", "retained", "failed", "oldest_remaining", "late", "late_by", "undated"),
        *("future", "derived", "actor", "pipeline", "run", "plan_digest", "code_version", "policy_version"),
        *("first_entry", "last_entry"),
    )
    return pd.DataFrame([_row(run) for run in runs], columns=list(columns), dtype=object)


def deleted_table(runs: Iterable[RuleRun]) -> pd.DataFrame:
    """A row for each dataset of each run: what was deleted of it."""
    rows = [
        (run.rule, name, _text(run.ended_at), records, size, run.run)
        for run in runs
        for name, (records, size) in run.datasets.items()
    ]
    return pd.DataFrame(rows, columns=["rule", "dataset", "ended_at", "records", "bytes", "run"], dtype=object)


def exceptions_table(runs: Iterable[RuleRun], unproven: Mapping[str, Sequence[Gap]]) -> pd.DataFrame:
    """A row for each thing that was not as it should be: held, retained by its reason, failed, late, not ended.

    :param unproven: by rule, the times for which no run proves anything; the reason says until when.
    """
    rows: list[tuple[object, ...]] = [
        (rule, "not proven", f"until {_text(until)}", "", _text(since), "")
        for rule, found in unproven.items()
        for since, until in found
    ]
    for run in runs:
        when = _text(run.ended_at or run.begun_at)
        found: list[tuple[str, str, object]] = [("held", "", run.held), ("failed", "", run.failed)]
        found += [("retained", reason, count) for reason, count in run.retained.items()]
        found += [("late", run.late_by, run.late), ("undated", "", run.undated), ("future", "", run.future)]
        rows += [(run.rule, what, why, count, when, run.run) for what, why, count in found if count]
        if not run.done:
            rows.append((run.rule, f"run {run.status}", run.reason, "", when, run.run))
    return pd.DataFrame(rows, columns=["rule", "exception", "reason", "records", "when", "run"], dtype=object)


def approvals_table(said: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """A row for each question to an operator, and each answer."""
    rows = [(e.get("rule", ""), e["kind"], e["at"], e["actor"], e.get("digest", ""), e["run"], e["seq"]) for e in said]
    return pd.DataFrame(rows, columns=["rule", "what", "when", "by", "plan_digest", "run", "entry"], dtype=object)


def proof_table(proof: Proof) -> pd.DataFrame:
    """One row: by what the rest is proven."""
    head = proof.head
    row = {
        "first_entry": proof.first, "last_entry": proof.last, "entries_verified": proof.entries,
        "head_entry": head.head.seq, "head_hash": head.head.hash, "signed_at": head.at, "signature": head.signature,
        "public_key": proof.public_key, "fingerprint": proof.fingerprint,
    }  # fmt: skip
    return pd.DataFrame([row], dtype=object)


def _proof(house: House, runs: Sequence[RuleRun], said: Sequence[dict[str, Any]]) -> Proof:
    found, archive = house.verify(), house.ledger.archive
    if not found.ok:
        raise Tampered(
            "ledger.altered", "The ledger is not what was recorded; it proves nothing.", where="ledger",
            advice="See: privacy ledger verify.",
        )  # fmt: skip
    head = archive.head()
    if head is None:
        raise GiveUp("ledger.empty", "Nothing was recorded yet.", advice="Run a purge first.")
    seqs = [seq for run in runs for seq in (run.first, run.last)] + [e["seq"] for e in said]
    public = archive.public_key.public_bytes_raw()
    return Proof(
        min(seqs, default=0), max(seqs, default=0), found.entries, head, public.hex(), fingerprint(public)
    )  # fmt: skip


def _rules(
    house: House,
    runs: list[RuleRun],
    said: list[dict[str, Any]],
    unproven: Mapping[str, Sequence[Gap]],
    at: int,
) -> list[dict[str, Any]]:
    """For the page: the rules of the policy, and those that ran and are not in it any more, with all about each."""
    known = {name: rule for purge in house.policy.purges.values() for name, rule in purge.rules.items()}
    found = []
    for name in dict.fromkeys([*known, *(run.rule for run in runs)]):
        own = [run for run in runs if run.rule == name]
        rule = known.get(name)
        promises = rule.promises if rule else tuple(dict.fromkeys(p for run in own for p in run.promises))
        done = [run for run in own if run.done]
        found.append(
            {
                "name": name, "promises": [(p, house.policy.promises.get(p)) for p in promises],
                "limits": list(dict.fromkeys(run.limit for run in own if run.limit)) or limits(house, rule),
                "runs": [_shown(house, run, at) for run in own], "done": len(done), "not_done": len(own) - len(done),
                "deleted": sum(run.deleted for run in own), "bytes": sum(run.bytes for run in own),
                "oldest": _local(house, done[-1].oldest_remaining) if done else "",
                "last_done": _local(house, done[-1].as_of) if done else "",
                "exceptions": exceptions_table(own, {name: unproven.get(name, ())}).to_dict("records"),
                "approvals": [
                    {"what": KINDS[e["kind"]][at], "at": _local(house, datetime.fromisoformat(e["at"])),
                     "by": e["actor"], "run": e["run"], "digest": e.get("digest", "")}
                    for e in said if e.get("rule") == name
                ],
            }
        )  # fmt: skip
    return found


def limits(house: House, rule: Rule | None) -> list[str]:
    """The terms of a rule's records, as its runs write them: ``<=P2Y`` is at most two years, ``>=`` at least."""
    if rule is None:
        return []
    own = house.policy.promises[rule.promise].term
    terms = [own] if own else []
    with suppress(PrivacyError):
        datasets = [house.datamap[full].dataset for full in rule.datasets]
        terms = [term for one in datasets if one.starts for term in house.policy.terms_of(one).values()] or terms
    said = (
        " ".join(f"{sign}{period}" for sign, period in ((">=", t.keep_at_least), ("<=", t.keep_at_most)) if period)
        for t in terms
    )
    return list(dict.fromkeys(said))


def _shown(house: House, run: RuleRun, at: int) -> dict[str, Any]:
    """A run as the page has it: moments in the shop's own time."""
    retained = ", ".join(f"{reason} {count}" for reason, count in run.retained.items())
    return {
        "run": run.run, "begun": _local(house, run.begun_at), "bound": _local(house, run.bound),
        "status": STATUS[run.status][at], "good": run.done, "reason": run.reason, "deleted": run.deleted,
        "bytes": run.bytes, "held": run.held, "retained": retained, "failed": run.failed,
        "late": f"{run.late} ({run.late_by})" if run.late else "", "oldest": _local(house, run.oldest_remaining),
        "entries": f"{run.first}\u2013{run.last}", "actor": run.actor,
    }  # fmt: skip


def _row(run: RuleRun) -> dict[str, Any]:
    return {
        "rule": run.rule, "promises": " ".join(run.promises), "limit": run.limit, "status": run.status,
        "reason": run.reason, "begun_at": _text(run.begun_at), "ended_at": _text(run.ended_at),
        "as_of": _text(run.as_of), "bound": _text(run.bound), "candidates": run.candidates, "deleted": run.deleted,
        "bytes": run.bytes, "held": run.held, "retained": sum(run.retained.values()), "failed": run.failed,
        "oldest_remaining": _text(run.oldest_remaining), "late": run.late, "late_by": run.late_by,
        "undated": run.undated, "future": run.future, "derived": run.derived, "actor": run.actor,
        "pipeline": run.pipeline, "run": run.run, "plan_digest": run.plan_digest, "code_version": run.code_version,
        "policy_version": run.policy_version, "first_entry": run.first, "last_entry": run.last,
    }  # fmt: skip


def _text(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _local(house: House, at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(house.policy.zone)):%Y-%m-%d %H:%M %Z}"
