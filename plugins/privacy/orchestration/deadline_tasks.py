"""The daily look at deadlines, as an Airflow task: red when one has passed."""

from __future__ import annotations

from airflow.sdk import get_current_context, task

from privacy.errors import Refused
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import REASON, RETRIES, coded, house

ARGUMENTS = RETRIES
"""For ``default_args``."""

CODE = "deadline.missed"

DOC = """
### What it does

Looks at every open request (promise R-30D): the answer is due within 30 days or one month after arrival, whichever is
earlier, and two months later once an extension was told. 7 and 2 days before, on the day, and after, it writes
`deadline.told` into the ledger and a letter to the controller's own address; each of these once a request. Its log also
lists the processors that were asked and have not delivered, the purges that wait for an answer, and the requests whose
pipeline fails. Whoever has a restriction is told once a year that it is still there (promise R-RESTR). Whom an
erasure has left nothing of by now is taken off the list of stops.

### When it fails

| code | what to do |
|---|---|
| `deadline.missed` | Answer the requests that its log names, or refuse them with a ground; say why it is late. |
| `letters.no_known_address` | A yearly reminder has nowhere to go: `privacy request remind NUMBER --by-post`. |
| `letters.*` | The letter cannot be written or sent, and nothing counts as told: repair it, and clear the task. |
| `request.*` | A row of the register cannot be read, so nobody knows its deadline: `privacy ledger verify`. |
"""


@task(pool=SEVERAL, do_xcom_push=False)
def watch() -> None:
    """Tell what is near. Red when an answer is late."""
    late = coded(_look)()
    if late:
        get_current_context()["ti"].xcom_push(key=REASON, value=CODE)
        raise Refused(CODE, f"{late} requests are past their deadline.", advice="See: privacy request deadlines.")


def _look() -> int:
    from privacy.rights.deadlines import Kind, Level, watch
    from privacy.rights.restricting import remind
    from privacy.rights.unblocking import unblock

    found = watch(house(), actor=get_current_context()["dag"].dag_id)
    for one in found:
        print(f"{one.level.value}  {one.kind.value} {one.about}: {one.when}. {one.waits_for}. {one.advice}")  # noqa: T201 - the task's log is where an operator reads it
    remind(house(), author=get_current_context()["dag"].dag_id)
    unblock(house(), author=get_current_context()["dag"].dag_id)
    return sum(one.level is Level.LATE and one.kind is Kind.REQUEST for one in found)
