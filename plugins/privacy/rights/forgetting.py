"""What the register does when the terms of a closed request are over: its bundle goes, then all that is personal."""

from __future__ import annotations

from privacy.errors import Refused
from privacy.rights.arrivals import Arrivals
from privacy.rights.states import Step
from privacy.rights.table import tell

PURGE = "purge_bundles"
"""Who acts in the ledger when no person does."""


class Forgetting(Arrivals):
    """See :class:`privacy.rights.arrivals.Arrivals` for the parameters."""

    def purged(self, number: str, path: str, *, author: str = PURGE) -> None:
        """Say that a closed request's bundle is gone, or goes now; safe to repeat.

        Said before the file is removed: a row never names a file that is gone without saying so.

        :param path: the bundle's key, as whoever removes it found it.
        :raises Refused: ``request.open``; ``bundle.other``: the register names another file by now.
        """
        with self._table.changing(number, Step.PURGE) as (draft, writing):
            ref = draft.payload.bundle
            if ref is None or ref.path != path:
                raise Refused("bundle.other", "The register names another bundle by now.", where=draft.number)
            if ref.purged_at is None:
                gone = ref.model_copy(update={"purged_at": self._clock.now()})
                draft.payload = draft.payload.but(bundle=gone)
                tell(writing, draft, "request.bundle_purged", author, digest=ref.outer_sha256)

    def forget(self, number: str, *, author: str = PURGE) -> bool:
        """Destroy key and content of a closed request (promise REG): its number, right and dates stay; safe to repeat.

        :returns: whether it was done now.
        :raises Refused: ``request.open``; ``bundle.kept``: a bundle that only this key opens was not purged yet.
        """
        if self.get(number).forgotten:
            self._table.scrub()
            return False
        ref = self.open(number).bundle
        if ref is not None and ref.purged_at is None:
            raise Refused("bundle.kept", "The request's bundle is there still; it goes first.", where=number)
        done = self._table.forget(number, author)
        self._table.scrub()
        return done
