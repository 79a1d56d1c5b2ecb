"""docs/configuration.md beside the code: no setting, connection, scheme or extra that is not there, none left out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from privacy.connections import BUNDLES, LEDGER, Connection
from privacy.database import engine
from privacy.database_servers import SERVERS
from privacy.datamap.load import load, load_policy
from privacy.errors import PrivacyError
from privacy.letters import LETTERS, Post
from privacy.letters.sending import SCHEMES as SENDING
from privacy.orchestration.own_airflow_steps import DATABASE
from privacy.orchestration.watchdog import GRACE_SECONDS
from privacy.settings import Settings
from privacy.sources.mailbox_imap import ImapStore
from privacy.sources.mailbox_imap_server import SCHEMES as MAILBOX
from privacy.sources.sql_dialect import dialect_of
from privacy.storage import store

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs/configuration.md").read_text(encoding="utf-8")
CODE = "".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "plugins").rglob("*.py")))


def rows(head: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    found = re.search(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found, head
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


SETTINGS = {code(row[0])[0]: row for row in rows("setting")}
CONNECTIONS = {code(row[0])[0]: row for row in rows("connection")}
FORMS = {scheme: row for row in rows("scheme") for scheme in code(row[0])}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.startswith("PRIVACY_"):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.usefixtures("bare")
def test_every_setting_stands_in_the_table_with_the_default_that_it_has() -> None:
    fields = {f"PRIVACY_{name.upper()}": name for name in Settings.model_fields}
    read = set(re.findall(r"PRIVACY_[A-Z_]*[A-Z]\b", CODE))
    # Written in parts in the code, each of them asked for by name there.
    read = {name for name in read if name not in ("PRIVACY_AIRFLOW", "PRIVACY_CONNECTION")}
    read = {name for name in read if not name.startswith("PRIVACY_CONNECTION_")}
    documented = set(SETTINGS) - {"PRIVACY_CONNECTION_<NAME>"}
    assert set(fields) <= documented
    assert documented == set(fields) | read
    settings = Settings()
    for name, field in fields.items():
        default = getattr(settings, field)
        said = SETTINGS[name][2]
        if field == "key_file":
            assert Path(code(said)[0].replace("<state>", str(settings.state))) == settings.master_key_file
        else:
            assert said == ("none" if default is None else f"`{default}`"), name
    assert code(SETTINGS["PRIVACY_WATCHDOG_GRACE"][2]) == [str(GRACE_SECONDS)]


def test_every_example_of_a_setting_can_be_one_and_its_bounds_are_those_of_the_code(bare: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        row = SETTINGS[f"PRIVACY_{field.upper()}"]
        bare.setenv(f"PRIVACY_{field.upper()}", code(row[3])[0])
        Settings()
        if bounds := re.search(r"(\d+) to (\d+)", row[1]):
            schema = Settings.model_json_schema()["properties"][field]
            assert (schema["minimum"], schema["maximum"]) == tuple(map(int, bounds.groups()))


def test_every_connection_stands_in_the_table() -> None:
    systems = load(PROJECT / "include").systems.values()
    assert set(CONNECTIONS) == {s.connection for s in systems} | {LEDGER, BUNDLES, LETTERS, DATABASE}
    kinds = {"sql": "database", "mailbox": "mailbox"}
    for system in systems:
        assert CONNECTIONS[system.connection][2] == kinds.get(system.source, "folder")


def serves(kind: str, url: str) -> None:
    """Make what the code makes of such a connection. :raises PrivacyError: it is not served."""
    made = Connection("x", url)
    if kind == "database":
        dialect_of(made)
        engine(made, create=True)
    elif kind == "mail server":
        Post(made, load_policy(PROJECT / "include").contact)
    elif kind == "mailbox" and made.scheme != "file":
        ImapStore(made, "x")
    else:
        store(made)
        assert made.scheme != "file" or made.folder.is_absolute()


@pytest.mark.parametrize("scheme", FORMS)
def test_every_form_of_a_url_is_served(scheme: str, tmp_path: Path) -> None:
    _, kinds, form, _ = FORMS[scheme]
    url = code(form)[0].replace("/absolute", f"{tmp_path}").replace("/etc", f"{tmp_path}")
    for kind in kinds.split(", "):
        serves(kind, re.sub(r"^\w+", scheme, url))


@pytest.mark.parametrize("name", CONNECTIONS)
def test_every_example_of_a_connection_is_served_as_one_of_its_kinds(name: str) -> None:
    url = code(CONNECTIONS[name][4])[0]
    scheme = url.partition(":")[0]
    kinds = set(CONNECTIONS[name][2].split(", ")) & set(FORMS[scheme][1].split(", "))
    assert kinds
    for kind in kinds:
        serves(kind, url)


def test_every_scheme_that_is_served_is_in_the_table() -> None:
    served = {"sqlite", "file", *SERVERS, *MAILBOX, *SENDING}
    for scheme in ("s3", "sftp", "oracle"):
        try:
            store(Connection("x", f"{scheme}://KEY:SECRET@bucket/prefix"))
            served.add(scheme)
        except PrivacyError as problem:
            assert problem.code == "storage.unknown_kind"  # noqa: PT017 - another code says that it is served
    assert set(FORMS) == served


def test_every_extra_that_the_code_reads_is_in_the_table_and_no_other() -> None:
    read = set(re.findall(r"(?:options|extra)\.(?:get|pop)\(\"(\w+)\"", CODE))
    assert {code(row[0])[0] for row in rows("extra")} == read


def test_the_example_of_a_secrets_backend_gives_the_connections_of_a_dag(tmp_path: Path) -> None:
    """A real Airflow's lookup, in a process of its own: it reads its configuration once."""
    (shell,) = [block for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) if "BACKEND" in block]
    (content,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "connections.json"
    file.write_text(content)
    variables = dict(re.findall(r"^export (\w+)='?(.*?)'?$", shell, re.MULTILINE))
    variables = {name: value.replace("/run/secrets/connections.json", str(file)) for name, value in variables.items()}
    asked = (
        "import json; from privacy.orchestration.connections import AirflowConnections as A; "
        "print(json.dumps({n: [c.url, dict(c.options)] for n in ('shop', 'weblogs') for c in [A().get(n)]}))"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path), **variables}
    environment["PYTHONPATH"] = str(PROJECT / "plugins")
    said = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    given = json.loads(content)
    assert json.loads(said.splitlines()[-1]) == {
        "shop": [given["privacy_shop"]["extra"]["url"], {"region": given["privacy_shop"]["extra"]["region"]}],
        "weblogs": ["file:///var/log/nginx", {}],
    }
