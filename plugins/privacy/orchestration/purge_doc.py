"""What an operator reads of every purge, in Airflow's own page."""

DOC = """
### What it does

For each of its rules (`policy/purges.yaml`): **plan** what is past its term, **approve** if a guard trips, **purge**,
**verify** with the stores, **record** in the ledger. The scheduler's runs are real. By hand it only looks, unless you
untick `dry_run`: the figures stand in the log of `plan`, and in `plans/*/overview.csv` of the state folder. To do what
you saw, start it again, a rule at a time, with the parameters that the end of that log gives (`dry_run` off, the rule
under `rules`, its `as_of` and `expected_digest`): any other plan is refused.

A record that is held (`privacy hold list`), or was changed since the plan, stays and is told; the next run looks again.
Only `done` in the ledger is green. How a rule's run ended, and the commands that show and prove it, stand in the log of
`record`.

### When it asks

The plan is larger, or older, than what was foreseen. Read the figures in the approval: an outage explains more of the
same; a broken clock or a column that was filled anew does not. Approve: it is deleted. Reject, or no answer until the
next run: nothing is deleted, the rule's run is red, and says by when the promise is broken.

### When it fails

| code | what to do |
|---|---|
| `purge.refused`, `purge.unanswered` | Nothing was deleted. Correct what is wrong, and start the purge again. |
| `purge.four_eyes` | Who started it may not approve it too: start it again, and let somebody else answer. |
| `purge.not_approved` | A task was marked by hand: only an answer to the approval counts. Start it again. |
| `purge.other_digest`, `purge.other_plan` | The plan is another one now. Make a new dry run. |
| `purge.clock` | The clock was ahead when the plan was made: nothing of it is done. Start the purge again. |
| `purge.as_of` | `as_of` needs its zone (`2026-11-20T00:00:00+01:00`), and is never in the future. |
| `purge.unknown` | There is no such rule in this purge: `privacy purge list`. |
| `purge.one_rule` | An `expected_digest` is of one rule: name that rule under `rules`. |
| `purge.stopped` | It was asked to stop between two batches; the next run goes on. |
| `purge.ended` | A later run has ended this one. |
| `purge.remaining` | Something is still there that was deleted: look for what brings it back. |
| `purge.not_verified` | The stores could not be asked afterwards; the next run looks again. |
| `plans.altered` | The plan on disk is not what was written. Start it again. |
| `holds.altered`, `ledger.altered` | Run nothing that deletes: `privacy ledger verify`; compare with a backup. |
| `plans.not_due` | A source took for due what is not: a defect. Nothing was deleted. |
| `plans.claimed_twice` | Two datasets claim the same records under two terms. Correct the data map. |
| `transfer.left` | Somebody was hired: the log of `plan` says what their personnel record lacks. The rest stays. |
| `run.lost` | An earlier run died; what it deleted was counted from the stores. |
| `sql.*`, `weblogs.*`, `records.*`, `mailbox.*`, `files.*`, `storage.*` | `privacy purge plan RULE` says where. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
| `task.*` | The task was killed or marked by hand; start it again. |
"""
