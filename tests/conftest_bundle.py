"""A small house of two systems: a workshop's orders, with two people in a row, and its web server's log."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyrage
import pytest

from privacy.bundle import BundleSummary, Facts, Part, PartWriter, open_bundle, write_bundle
from privacy.datamap.load import DataMap, load
from privacy.sources.base import Identifier, schema_of
from privacy.storage import FolderStore

Opener = Callable[[tuple[object, ...]], BinaryIO]
AS_OF = datetime(2026, 11, 20, 8, 30, 1, tzinfo=UTC)
NUMBER = "AVG-2026-0042-7"
KEY = f"{NUMBER}/5d0f1c1e-0000-4000-8000-000000000001.zip.age"

POLICY = """
controller: De Werkplaats
version: "2024-1"
in_force: 2024-01-01
zone: Europe/Amsterdam
prefix: AVG
contact: {name: De Baas, address: [Dorpsstraat 1, 1234 AB Dorp], email: baas@werkplaats.example,
  authority: {nl: Autoriteit, en: Authority}, authority_url: "https://autoriteit.example"}
promises:
  KEEP: {title: {nl: Klantgegevens, en: Client data}, quote: q, kept_by: k, term: {condition: {nl: tot u stopt, en: until you stop}}}
  FISCAL: {title: {nl: Fiscaal, en: Fiscal}, quote: q, kept_by: k,
    term: {keep_at_least: P7Y, counts_from: end_of_financial_year}}
  LOG: {title: {nl: Logfiles, en: Log files}, quote: q, kept_by: k, term: {keep_at_most: P12M, every: P1D}}
purposes:
  orders: {title: {nl: Bestellingen, en: Orders}, basis: contract}
  interests: {title: {nl: Interesseprofiel, en: Interest profile}, basis: consent, profiling: true}
  site: {title: {nl: De website verbeteren, en: Improving the site}, basis: legitimate_interest}
processors:
  courier: {name: Koerier BV, service: {nl: Bezorging, en: Delivery}, country: NL, agreement: 2024-01-01}
  stats: {name: Stats Inc, service: {nl: Statistiek, en: Statistics}, country: US,
    transfer: {nl: adequaatheidsbesluit, en: adequacy decision}, agreement: 2024-01-01}
  printer: {name: Drukkerij VOF, service: {nl: Drukwerk, en: Print}, country: BE, agreement: 2024-01-01}
categories: {user: {nl: Klantgegevens, en: Client data}, user.contact.email: {nl: Emailadres, en: E-mail address}}
"""

_DATASET = """title: {nl: %s, en: %s}
    description: {nl: Wat %s is., en: What %s is.}
    source: {nl: uw bestelling, en: your order}
    erasure: {do: delete}
    owner: o
    examples: [{shop.client: 1}, {shop.client: 2}]
"""
_COLUMN = "category: user.unique_id, provenance: provided"

SHOP = f"""
system: shop
title: {{nl: Winkel, en: Shop}}
source: sql
connection: shop
owner: o
identity: {{kinds: {{client: {{title: {{nl: klantnummer, en: client number}}, type: integer, person: true}}}}}}
datasets:
  orders:
    {_DATASET % ("Bestellingen", "Orders", "een bestelling", "an order")}
    promise: FISCAL
    purposes: [orders]
    processors: [courier]
    key: [id]
    parties:
      buyer: {{subject: [client], private: [message]}}
      receiver: {{subject: [receiver], private: [receiver]}}
    columns:
      id: {{type: integer, description: Volgnummer, {_COLUMN}}}
      client: {{type: integer, identity: shop.client, description: Klant, {_COLUMN}}}
      receiver: {{type: text, identity: email, description: Ontvanger, category: user.contact.email, provenance: provided}}
      at: {{type: datetime, zone: Europe/Amsterdam, description: Besteld op, {_COLUMN}}}
      paid: {{type: datetime, zone: UTC, description: Betaald op, {_COLUMN}}}
      day: {{type: date, description: Dag, {_COLUMN}}}
      price: {{type: "decimal(12,2)", description: Prijs, {_COLUMN}}}
      weight: {{type: number, description: Gewicht, {_COLUMN}}}
      gift: {{type: boolean, description: Cadeau, {_COLUMN}}}
      drawing: {{type: binary, description: Tekening, {_COLUMN}}}
      tags: {{type: list<text>, description: Kenmerken, {_COLUMN}}}
      fee: {{type: "record<amount: decimal(8,2), tries: integer>", description: Kosten, {_COLUMN}}}
      message: {{type: text, description: Boodschap, {_COLUMN}}}
      score: {{type: integer, description: Kredietscore, {_COLUMN},
        access: {{do: redact, ground: {{nl: bedrijfsgeheim, en: trade secret}}}}}}
  profiles:
    {_DATASET % ("Interesses", "Interests", "een interesse", "an interest")}
    promise: KEEP
    purposes: [interests]
    processors: [stats]
    key: [client]
    subject: [client]
    columns:
      client: {{type: integer, identity: shop.client, description: Klant, {_COLUMN}}}
      interest: {{type: text, description: Interesse, category: user.unique_id, provenance: derived}}
  notes:
    {_DATASET % ("Notities", "Notes", "een notitie", "a note")}
    promise: KEEP
    purposes: [orders]
    key: [id]
    subject: [client]
    access: {{do: withhold, ground: {{nl: onderzoek loopt, en: under investigation}}}}
    columns:
      id: {{type: integer, description: Volgnummer, {_COLUMN}}}
      client: {{type: integer, identity: shop.client, description: Klant, {_COLUMN}}}
  prints:
    {_DATASET % ("Drukwerk", "Prints", "drukwerk", "a print")}
    promise: KEEP
    purposes: [orders]
    processors: [printer]
    key: [client]
    subject: [client]
    columns:
      client: {{type: integer, identity: shop.client, description: Klant, {_COLUMN}}}
"""

WEB = f"""
system: web
title: {{nl: Website, en: Site}}
source: weblogs
connection: web
owner: o
datasets:
  access:
    {_DATASET.replace("shop.client: 1", "device_id: a").replace("shop.client: 2", "device_id: b") % ("Logregels", "Log lines", "een logregel", "a log line")}
    promise: LOG
    purposes: [site]
    prefix: log/
    format: "(?P<device>.*)"
    key: [file, line_number]
    subject: [device]
    columns:
      file: {{type: text, description: Bestand, {_COLUMN}}}
      line_number: {{type: integer, description: Regel, {_COLUMN}}}
      device: {{type: text, identity: device_id, description: Apparaat, {_COLUMN}}}
      line: {{type: binary, original: true, description: De regel, {_COLUMN}}}
"""

MAIL = f"""
system: mail
title: {{nl: Post, en: Mail}}
source: mailbox
connection: mail
owner: o
datasets:
  letters:
    {_DATASET.replace("shop.client: 1", "email: a@a.example").replace("shop.client: 2", "email: b@a.example") % ("Berichten", "Messages", "een bericht", "a message")}
    promise: FISCAL
    purposes: [orders]
    processors: [courier]
    mailbox: {{folders: [INBOX], staff: [werkplaats.example]}}
    key: [folder, message]
    originals: message
    starts: {{column: received_at}}
    parties: {{sender: {{subject: [sender]}}, bcc: {{subject: [bcc]}}}}
    columns:
      folder: {{type: text, description: Map, {_COLUMN}}}
      message: {{type: text, description: Bericht, {_COLUMN}}}
      received_at: {{type: datetime, zone: UTC, description: Ontvangen, {_COLUMN}}}
      sender: {{type: list<text>, identity: email, description: Van, category: user.contact.email, provenance: provided}}
      bcc: {{type: list<text>, identity: email, description: Bcc, category: user.contact.email, provenance: provided}}
      text: {{type: text, description: Tekst, {_COLUMN}}}
"""

DOSSIERS = f"""
system: dossiers
title: {{nl: Dossiers, en: Files}}
source: files
connection: dossiers
owner: o
datasets:
  files:
    {_DATASET % ("Dossierstukken", "Documents", "een stuk", "a document")}
    promise: KEEP
    purposes: [orders]
    prefix: files/
    names: '(?P<client>\\d+)/(?P<name>.+)'
    key: [file]
    originals: file
    starts: {{column: modified}}
    subject: [client]
    columns:
      file: {{type: text, description: Bestand, {_COLUMN}}}
      client: {{type: integer, identity: shop.client, description: Klant, {_COLUMN}}}
      name: {{type: text, description: Naam, {_COLUMN}}}
      media_type: {{type: text, description: Soort, {_COLUMN}}}
      modified: {{type: datetime, zone: UTC, description: Gewijzigd, {_COLUMN}}}
      remark: {{type: text, description: Opmerking, {_COLUMN},
        access: {{do: redact, ground: {{nl: bedrijfsgeheim, en: trade secret}}}}}}
  pictures:
    {_DATASET % ("Camerabeelden", "Camera pictures", "een beeld", "a picture")}
    promise: KEEP
    purposes: [site]
    prefix: pictures/
    names: '(?P<camera>.+)'
    key: [file]
    originals: file
    subject: {{nobody: {{nl: Een beeld noemt niemand., en: A picture names nobody.}}}}
    columns:
      file: {{type: text, description: Bestand, {_COLUMN}}}
      camera: {{type: text, description: Camera, {_COLUMN}}}
"""

ORDER = {"id": 1, "client": 7, "receiver": None, "at": datetime(2026, 7, 1, 8, tzinfo=UTC), "price": "10.50",
    "message": "Gefeliciteerd", "score": 3, "_subject": 1, "_party": "buyer"}  # fmt: skip
FULL = ORDER | {"id": 2**60, "paid": datetime(2026, 7, 1, 8, 0, 0, 1, tzinfo=UTC), "day": datetime(2026, 7, 2).date(),
    "weight": 0.1, "gift": True, "drawing": b"\x00\xff", "tags": ["a", "é", ""], "fee": {"amount": "1.20", "tries": 2**60},
    "message": ""}  # fmt: skip


MESSAGE = {"folder": "INBOX", "message": "1790000000.M1P1.post", "received_at": datetime(2026, 9, 21, 14, tzinfo=UTC),
    "sender": ["anna@voorbeeld.example"], "bcc": [], "text": "Dag", "_subject": 1, "_party": "sender", "_left_out": []}  # fmt: skip
DOCUMENT = {"file": "files/7/plan.pdf", "client": 7, "name": "plan.pdf", "media_type": "application/pdf",
    "modified": datetime(2026, 5, 1, tzinfo=UTC), "_subject": 1, "_party": "subject"}  # fmt: skip


@dataclass
class House:
    """The house, a run's staging, a store of bundles, the key pair of one request."""

    folder: Path
    map: DataMap
    facts: Facts
    identity: Any = field(default_factory=pyrage.x25519.Identity.generate)
    counter: int = 0

    @property
    def staging(self) -> Path:
        return self.folder / "staging"

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.folder / "bundles")

    @property
    def secret(self) -> str:
        return str(self.identity)

    def part(
        self,
        full: str,
        *batches: Sequence[Mapping[str, object]],
        originals: Mapping[tuple[object, ...], bytes] | Opener | None = None,
        **tally: int,
    ) -> Part:
        """Extract rows that a source would give, with the originals that it would open."""
        ref = self.map[full]
        self.counter += 1
        opener = originals if callable(originals) else lambda key: io.BytesIO((originals or {})[key])
        folder = self.staging / f"{self.counter:05d}-1"
        with PartWriter(folder, ref, originals=opener, scope=self.facts.scope) as writer:
            for rows in batches:
                writer.write(batch(schema_of(ref.dataset), rows))
            for name, count in tally.items():
                setattr(writer.part, name, count)
        return writer.part

    def rest(self, parts: Sequence[Part]) -> list[Part]:
        """The parts, and an empty one for every other dataset that names people."""
        there = {part.dataset for part in parts}
        return [*parts, *(self.part(ref.full) for ref in self.map if ref.dataset.people and ref.full not in there)]

    def parts(self, **rows: list[list[dict[str, object]]]) -> list[Part]:
        """A part for every dataset; those that are not named are empty."""
        return [self.part(ref.full, *rows.get(ref.name, [])) for ref in self.map]

    def write(self, parts: Sequence[Part | Mapping[str, Any]], key: str = KEY, **more: Any) -> BundleSummary:
        recipient = str(self.identity.to_public())
        more = {"recipient": recipient, "store": self.store, "key": key} | more
        return write_bundle(self.staging, self.map, self.facts, parts, **more)

    def open(self, summary: BundleSummary, name: str = "opened") -> Path:
        """The bundle in a folder, held against what was recorded of it."""
        to = self.folder / name
        sealed = self.folder / "bundles" / summary.path
        open_bundle(sealed, self.secret, to, inner_sha256=summary.inner_sha256, outer_sha256=summary.outer_sha256)
        return to

    def template(self, name: str, text: str) -> None:
        """The shop replaces a template by its own."""
        self.map = replace(self.map, home=self.folder / "own")
        (self.map.home / "templates").mkdir(parents=True, exist_ok=True)
        (self.map.home / "templates" / name).write_text(text)

    def zip(self, summary: BundleSummary) -> bytes:
        """The ZIP inside."""
        return pyrage.decrypt((self.folder / "bundles" / summary.path).read_bytes(), [self.identity])

    def usual(self) -> list[Part]:
        """Something in most datasets."""
        return self.parts(
            orders=[[ORDER, FULL]],
            notes=[[{"id": 1, "client": 7, "_subject": 1, "_party": "subject"}]],
            access=[[log("log/access.log-20261101.gz", n, f"d {n}") for n in (1, 2)]],
        )


def log(file: str, number: int, line: str) -> dict[str, object]:
    return {
        "file": file,
        "line_number": number,
        "device": "d",
        "line": line.encode(),
        "_subject": 1,
        "_party": "subject",
    }


def batch(schema: pa.Schema, rows: Sequence[Mapping[str, object]]) -> pa.RecordBatch:
    columns = []
    for wanted in schema:
        values = [row.get(wanted.name) for row in rows]
        columns.append(array(values, wanted.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(kind):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_struct(kind):
        parts = [array([v and v[f.name] for v in values], f.type) for f in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=pa.array([v is None for v in values]))
    return pa.array(values, kind)


@pytest.fixture(scope="session")
def datamap(tmp_path_factory: pytest.TempPathFactory) -> DataMap:
    """Loaded once: nothing in it changes."""
    return _home(tmp_path_factory.mktemp("home"), shop=SHOP, web=WEB)


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> DataMap:
    """A house that keeps messages and documents."""
    return _home(tmp_path_factory.mktemp("papers"), shop=SHOP, mail=MAIL, dossiers=DOSSIERS)


def _home(home: Path, **systems: str) -> DataMap:
    files = {"policy/policy.yaml": POLICY} | {f"datamap/{name}.yaml": text for name, text in systems.items()}
    files |= {f"sql/shop/{name}.sql": "SELECT 1" for name in ("orders", "profiles", "notes", "prints")}
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return load(home)


@pytest.fixture
def house(tmp_path: Path, datamap: DataMap) -> House:
    (tmp_path / "staging").mkdir()
    named = (Identifier("email", "anna@voorbeeld.example"), Identifier("shop.client", 7))
    facts = Facts(NUMBER, "access", datetime(2026, 11, 18, 23, 30, tzinfo=UTC), AS_OF, "Anna de Vries", named)
    return House(tmp_path, datamap, facts)


@pytest.fixture
def office(house: House, papers: DataMap) -> House:
    """The house, with messages and documents instead of a web server."""
    house.map = papers
    return house


@pytest.fixture
def frictionless(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library, reading tables of JSON without its optional ijson."""
    import json
    from decimal import Decimal

    fake = types.ModuleType("ijson")
    fake.items = lambda stream, _: iter(json.loads(stream.read(), parse_float=Decimal))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ijson", fake)
    import frictionless
    import frictionless.resources

    return frictionless
