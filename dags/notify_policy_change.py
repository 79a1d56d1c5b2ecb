"""A new version of the privacy statement: those whose data it touches are told of it by e-mail (promise NOTICE)."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import policy_tasks

DOC = """
### What it does

Compares the policy, as it is now, with the version that was last recorded as in force; shows what changes, in plain
words, and how many people it concerns, for approval (**Required Actions**); writes to them; and when everybody was
written to, records the new version. By hand it only looks, unless you untick `dry_run`; `privacy policy diff` shows
the same.

Written to is everybody whose records the changed datasets hold, by a known address, but who was erased, whose data are
not to be used, and staff. A run that died is safe to start again: it asks again, and goes on where it was; nobody gets
the letter twice. `PRIVACY_LETTERS_PAUSE` is the pause between two letters.

### When it fails

| code | what to do |
|---|---|
| `policy.same_version` | Give the new statement a version of its own (`policy/controller.yaml`). |
| `policy.refused`, `policy.not_approved`, `policy.unanswered` | Nobody approved it; nobody was written to. |
| `policy.four_eyes` | Who started it may not approve it too: start it again, and let somebody else answer. |
| `policy.other_changes`, `policy.ended`, `policy.answered` | Start it again: it compares anew. |
| `policy.stopped`, `policy.missing` | Somebody is left: start it again, it goes on where it was. |
| `policy.unclear` | Letters were under way when a run died: start it with `resend_unclear`; they may come twice. |
| `policy.altered`, `ledger.altered` | `privacy ledger verify`; send nothing before that is cleared up. |
| `policy.not_begun`, `run.lost`, `task.*` | A task was killed or marked by hand; start it again. |
| `letters.*` | The mail server, or the template: its log, or `templates/letters/policy_change`. |
| `database.*`, `storage.*`, `mailbox.*`, `weblogs.*`, `records.*`, `files.*` | The store; then start it again. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["rights", "NOTICE"],
    params=policy_tasks.PARAMS,
    default_args=policy_tasks.ARGUMENTS,
    doc_md=DOC,
)
def notify_policy_change() -> None:
    """A changed policy in; everybody whom it concerns, told."""
    policy_tasks.chain()


notify_policy_change()
