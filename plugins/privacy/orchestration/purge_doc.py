"""What an operator reads of every purge, in Airflow's own page."""

DOC = """
### What it does

For each of its rules (`policy/purges.yaml`): **plan** what is past its term, **approve** if a guard trips, **purge**,
**verify** with the stores, **record** in the ledger. The scheduler's runs are real. By hand it only looks, unless you
untick `dry_run`: the figures stand in the log of `plan`, and in `overview.csv` of the plan's folder. To do what you
saw, start it again with the `as_of` and `expected_digest` of the dry run: any other plan is refused.

A record that is held (`privacy hold list`), or was changed since the plan, stays and is told; the next run looks again.
Only `done` in the ledger is green (`privacy ledger show --run ID`).

### When it asks

The plan is larger, or older, than what was foreseen. Read the figures in the approval: an outage explains more of the
same; a broken clock or a column that was filled anew does not. Approve: it is deleted. Reject, or no answer until the
next run: nothing is deleted, the rule's run is red, and says by when the promise is broken.

### When it fails

| code | what to do |
|---|---|
| `purge.refused`, `purge.unanswered` | Nothing was deleted. Correct what is wrong, and start the purge again. |
| `purge.not_approved` | A task was marked by hand: only an answer to the approval counts. Start it again. |
| `purge.other_digest`, `purge.other_plan` | The plan is another one now. Make a new dry run. |
| `purge.as_of`, `purge.unknown`, `purge.one_rule` | Correct the run's parameters. |
| `purge.stopped` | It was asked to stop between two batches; the next run goes on. |
| `purge.ended` | A later run has ended this one. |
| `purge.remaining` | Something is still there that was deleted: look for what brings it back. |
| `purge.not_verified` | The stores could not be asked afterwards; the next run looks again. |
| `plans.altered` | The plan on disk is not what was written. Start it again. |
| `holds.altered`, `ledger.altered` | Run nothing that deletes: `privacy ledger verify`; compare with a backup. |
| `plans.not_due` | A source took for due what is not: a defect. Nothing was deleted. |
| `transfer.left` | Somebody was hired: the log of `plan` says what their personnel record lacks. The rest stays. |
| `run.lost` | An earlier run died; what it deleted was counted from the stores. |
| `sql.*`, `weblogs.*`, `records.*`, `mailbox.*`, `files.*`, `storage.*` | A record or store: `privacy doctor`. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
| `task.*` | The task was killed or marked by hand; start it again. |
"""
