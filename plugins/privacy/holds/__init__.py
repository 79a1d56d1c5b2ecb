"""What must not be deleted now, and the gate that every change passes (edge case 15).

A purge that runs while a hold is placed is the trap: the hold stands in the table, and the batch that had been read
before goes on. So each batch runs inside :meth:`Holds.gate`, and :meth:`Holds.place` waits for the batches that run.
"""

from privacy.holds.apply import apply
from privacy.holds.models import Everything, Hold, HoldKind, Keys, Span
from privacy.holds.spare import Spare
from privacy.holds.table import Holds
from privacy.holds.wishes import Wish, same_person

__all__ = ["Everything", "Hold", "HoldKind", "Holds", "Keys", "Span", "Spare", "Wish", "apply", "same_person"]
