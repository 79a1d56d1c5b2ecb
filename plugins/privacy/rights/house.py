"""Everything of one installation, put together in one place for the command line and for Airflow's tasks."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from privacy.clock import Clock, SystemClock
from privacy.connections import BUNDLES, LEDGER, Connection, Connections
from privacy.errors import BadConfiguration, Refused, Tampered
from privacy.keys import MasterKey
from privacy.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from privacy.datamap.load import DataMap
    from privacy.datamap.policy import Policy
    from privacy.holds import Holds
    from privacy.identity import Decision
    from privacy.ledger import Ledger, Verification
    from privacy.plans import Means
    from privacy.rights.deliveries import Deliveries
    from privacy.rights.letters import Correspondence
    from privacy.rights.proof import Addresses, Rectified
    from privacy.rights.register import Register
    from privacy.rights.stops import Stops
    from privacy.sources.base import Identifier, Source, Subject
    from privacy.storage import Store


class House:
    """One installation. Each part is made when it is first asked for, and imported then.

    :param connections: where systems, ledger and bundles are; without one, ledger and bundles lie in the state folder.
    :param clock: the machine's by default.
    """

    def __init__(self, settings: Settings, connections: Connections, clock: Clock | None = None) -> None:
        self.settings = settings
        self.connections = connections
        self.clock = clock or SystemClock()
        self._sources: dict[str, Source] = {}

    @cached_property
    def datamap(self) -> DataMap:
        """Data map and policy. :raises BadConfiguration: with every mistake in it."""
        from privacy.datamap.load import load

        return load(self.settings.home)

    @cached_property
    def policy(self) -> Policy:
        """The policy, for what needs no data map. :raises BadConfiguration: with every mistake in it."""
        from privacy.datamap.load import load_policy

        return load_policy(self.settings.home)

    @cached_property
    def key(self) -> MasterKey:
        """The master key. :raises BadConfiguration: there is none; `privacy init` makes it."""
        return MasterKey.load(self.settings.master_key_file)

    @cached_property
    def engine(self) -> sa.Engine:
        """The database of ledger, holds and register. :raises BadConfiguration: not there yet."""
        return self._engine()

    @cached_property
    def ledger(self) -> Ledger:
        """The compliance records."""
        from privacy.ledger import Ledger

        return Ledger(self.engine, self.key, self.settings.head_file, self.clock)

    @cached_property
    def holds(self) -> Holds:
        """What must not be deleted now."""
        from privacy.holds import Holds
        from privacy.rights.names import KeyTypes

        keys = KeyTypes(lambda: self.datamap)
        return Holds(self.engine, self.key, self.ledger, self.clock, datasets=keys, keys=keys)

    @cached_property
    def means(self) -> Means:
        """What plans are made and done with."""
        from privacy.plans import Means

        found = self.settings
        return Means(
            self.datamap, self.source, self.holds, self.ledger, self.key, self.clock, found.plans, found.purge_rows,
            found.pause, found.four_eyes,
        )  # fmt: skip

    @cached_property
    def stops(self) -> Stops:
        """Whose data are not to be processed."""
        from privacy.rights.stops import Stops

        return Stops(self.engine, self.key, self.ledger, self.policy, self.clock)

    @cached_property
    def register(self) -> Register:
        """The register of requests."""
        from privacy.rights.keeping import Keeping
        from privacy.rights.register import Register
        from privacy.rights.stopping import Stopping

        return Register(
            self.engine,
            self.key,
            self.ledger,
            Keeping(self.holds),
            self.policy,
            self.clock,
            addresses=lambda subject, address: self.addresses()(subject, address),
            resolver=self._resolved,
            stopping=Stopping(self.holds, self.stops, lambda: self.datamap),
        )

    def addresses(self) -> Addresses:
        """Since when an e-mail address is whose, by the shop's records and the register's requests to change one."""
        from privacy.rights.proof import addresses, beside_requests

        return beside_requests(addresses(self.datamap, self.source), self.datamap, self._rectified)

    def _rectified(self) -> Iterator[Rectified]:
        from privacy.rights.states import Right

        for request in self.register.list():
            if request.right is Right.RECTIFICATION and request.dates.begun_at and not request.forgotten:
                subject = self.register.resolution(request.number)
                if subject is not None:
                    yield subject, request.dates.begun_at

    @cached_property
    def deliveries(self) -> Deliveries:
        """What processors were asked for, and have delivered."""
        from privacy.rights.deliveries import Deliveries

        return Deliveries(self.datamap, self.source, self.ledger, self.register)

    @cached_property
    def letters(self) -> Correspondence:
        """Letters to whoever made a request."""
        from privacy.rights.letters import Correspondence

        return Correspondence(self)

    @cached_property
    def bundles(self) -> Store:
        """Where sealed bundles lie."""
        from privacy.storage import store

        return store(self._connection(BUNDLES, (self.settings.state / "bundles").as_uri()))

    def source(self, system: str) -> Source:
        """The source that serves a system of the data map."""
        from privacy.sources import source_for

        if system not in self._sources:
            self._sources[system] = source_for(
                self.datamap.systems[system],
                self.connections,
                home=self.datamap.home,
                batch_rows=self.settings.batch_rows,
                index=self.settings.index,
                secret=lambda: self.key.derive("log-index"),
            )
        return self._sources[system]

    def subject(self, number: str) -> Subject:
        """Whose a request is: as the register has it, or as the shop's records say now, which is kept nowhere.

        :returns: with the request's number, by which processors deliver.
        :raises AmbiguousIdentity: a person has to decide.
        """
        from privacy.rights.deliveries import known_by

        request, known = self.register.get(number), self.register.resolution(number)
        if known is None:
            named, decision = self.register.open(number).identifiers, self.register.decision(number)
            known = self._resolved(named, request.dates.received_at, decision)
        return known_by(known, request.number)

    def _resolved(self, named: Sequence[Identifier], at: datetime, decision: Decision | None) -> Subject:
        from privacy.identity import resolve

        return resolve(self.datamap, self.source, named, at=at, decision=decision).subject

    def verify(self) -> Verification:
        """The ledger (see :meth:`privacy.ledger.Ledger.verify`), and register and holds beside it.

        What a ledger says that was altered proves nothing, so they are compared with one that stands.
        """
        from privacy.rights.replay import differences

        found = self.ledger.verify()
        return replace(found, problems=tuple(differences(self.engine, self.key))) if found.ok else found

    @contextmanager
    def sealed_bundle(self, number: str) -> Iterator[Path]:
        """A request's sealed bundle as a file of this machine, which is what the register recorded.

        :raises Refused: there is none yet, or its term is over (``bundle.purged``).
        :raises Tampered: ``bundle.altered``.
        """
        ref = self.register.bundle(number)
        if ref is None:
            raise Refused("request.not_sealed", "There is no sealed bundle yet.", where=number)
        if ref.purged_at is not None:
            raise Refused("bundle.purged", "The bundle's term is over; it was removed.", where=number)
        self.settings.staging.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix="open-", dir=self.settings.staging) as folder:
            copy, digest = Path(folder) / PurePosixPath(ref.path).name, hashlib.sha256()
            with self.bundles.open(ref.path) as sealed, copy.open("xb") as file:
                while block := sealed.read(2**20):
                    digest.update(block)
                    file.write(block)
            if digest.hexdigest() != ref.outer_sha256:
                raise Tampered(
                    "bundle.altered",
                    "The sealed bundle is not the file that was recorded.",
                    where=number,
                    advice="Start the export again, or restore the file from a backup.",
                )
            yield copy

    def found(self) -> list[Path]:
        """Make what an installation needs and does not have yet: folders, key, database. Safe to repeat.

        :returns: what was made.
        :raises BadConfiguration: ``keys.lost``: there is a database, and its key is missing.
        """
        from privacy.ledger import upgrade
        from privacy.rights.marks import Marks

        state, key_file = self.settings.state, self.settings.master_key_file
        self._no_key_lost()
        wanted = [state, key_file, self.settings.staging]
        bundles = self._connection(BUNDLES, (state / "bundles").as_uri())
        if bundles.scheme == "file":
            wanted.append(bundles.folder)
        made = [path for path in wanted if not path.exists()]
        try:
            for folder in (state, *wanted[2:]):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.key = MasterKey.load(key_file, create=True)
        except OSError:
            raise BadConfiguration(
                "settings.state",
                "The state folder cannot be made.",
                where=str(state),
                advice="Set PRIVACY_STATE to a folder that this user may write to.",
            ) from None
        self.engine = self._engine(create=True)
        upgrade(self.engine)
        Marks(self.key).fill(self.engine, self.key, self.ledger)
        return made

    def _no_key_lost(self) -> None:
        """A new key beside an existing ledger would open nothing in it, and sign for what nobody can check."""
        import sqlalchemy as sa

        from privacy.database import translated

        if self.settings.master_key_file.exists():
            return
        there = self.settings.head_file.exists()
        if not there:
            try:
                with translated(LEDGER), self._engine().connect() as connection:
                    there = sa.inspect(connection).has_table("privacy_alembic_version")
            except BadConfiguration as problem:
                if problem.code != "database.missing":
                    raise
        if there:
            raise BadConfiguration(
                "keys.lost",
                "There is a ledger, and the master key that it was written with is missing; nothing was made.",
                where=str(self.settings.master_key_file),
                advice="Put the key back from a backup, or set PRIVACY_KEY_FILE to it.",
            )

    def _engine(self, *, create: bool = False) -> sa.Engine:
        from privacy.database import engine

        return engine(self._connection(LEDGER, f"sqlite:///{self.settings.state / 'ledger.db'}"), create=create)

    def _connection(self, name: str, default: str) -> Connection:
        try:
            return self.connections.get(name)
        except BadConfiguration as problem:
            if problem.code != "connections.missing":
                raise
            return Connection(name, default)
