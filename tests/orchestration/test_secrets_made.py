"""Secrets of an installation of containers: drawn once, never written over, each service's for itself."""

from __future__ import annotations

import json
import os
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.errors import BadConfiguration
from privacy.orchestration.certificate_made import certificate
from privacy.orchestration.secrets_made import PARTS, Stack, main, make

STACK = Stack("pg:5432", "maria:3306", "redis:6379", "s3:8333", "mail:1993", "/stores", "eu-west-1")
SPELLED = [
    "--postgres=pg:5432", "--mariadb=maria:3306", "--redis=redis:6379", "--s3=s3:8333", "--imap=mail:1993",
    "--read-at=/stores", "--region=eu-west-1",
]  # fmt: skip


def mounted(folder: Path) -> Path:
    for part in PARTS:
        (folder / part).mkdir(parents=True)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return mounted(tmp_path / "made")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = mounted(tmp_path_factory.mktemp("first"))
    make(folder, STACK)
    return folder


def test_a_second_start_changes_nothing(to: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--to={to}", *SPELLED]) == 0
    before = {name: (to / name).stat().st_mtime_ns for name in files(to)}
    made = capsys.readouterr().out
    assert "made drawn/drawn.json" in made
    assert "made stores/connections.json" in made
    assert not [value for value in json.loads((to / "drawn/drawn.json").read_text()).values() if value in made]
    assert main([f"--to={to}", *SPELLED]) == 0
    assert capsys.readouterr().out == "everything was there\n"
    assert {name: (to / name).stat().st_mtime_ns for name in files(to)} == before


def test_two_installations_share_no_secret(to: Path, first: Path) -> None:
    make(to, STACK)
    one, other = (json.loads((folder / "drawn/drawn.json").read_text()) for folder in (to, first))
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] == other[name]] == []
    assert min(len(value) for value in one.values()) >= 43


def test_nobody_else_may_read_one(first: Path) -> None:
    assert {stat.S_IMODE(p.stat().st_mode) for p in first.rglob("*") if p.is_file()} == {0o600}
    assert {stat.S_IMODE(p.stat().st_mode) for p in first.iterdir()} == {0o700}


NAMES = sorted(
    f"{part}/{name}"
    for part, names in {
        "airflow": ["database-url", "result-url", "broker-url", "fernet-key", "jwt-secret", "api-secret-key"],
        "users": ["passwords.json"], "stores": ["connections.json", "ca.pem"], "accounts": ["passwords.json"],
        "postgres": ["password"], "mariadb": ["password"], "redis": ["redis.conf"], "seaweedfs": ["s3.json"],
        "dovecot": ["users", "server.pem", "server.key"],
    }.items()
    for name in names
)  # fmt: skip


@given(lost=st.sets(st.sampled_from(NAMES)), written=st.sets(st.sampled_from(NAMES)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_start_that_was_killed_anywhere_is_finished_by_the_next_and_an_operator_s_file_stays(
    first: Path, tmp_path_factory: pytest.TempPathFactory, lost: set[str], written: set[str]
) -> None:
    to = mounted(tmp_path_factory.mktemp("again") / "made")
    there = files(first)
    assert sorted(there) == sorted([*NAMES, "drawn/drawn.json"])
    for name, content in there.items():
        if name not in lost:
            (to / name).write_bytes(b"an operator's own" if name in written else content)
        elif name in written:
            (to / f"{name}.part").write_bytes(b"half of it")
    assert sorted(make(to, STACK)) == sorted(lost)
    expected = {n: b"an operator's own" if n in written - lost else content for n, content in there.items()}
    assert files(to) == expected


def test_a_secret_that_a_newer_version_needs_is_drawn_beside_the_others(to: Path, first: Path) -> None:
    drawn = json.loads((first / "drawn/drawn.json").read_text())
    (to / "drawn/drawn.json").write_text(json.dumps({n: v for n, v in drawn.items() if n != "imap"}))
    assert "drawn/drawn.json" in make(to, STACK)
    found = json.loads((to / "drawn/drawn.json").read_text())
    assert found.pop("imap") != drawn.pop("imap")
    assert found == drawn


def test_what_is_lost_is_not_drawn_anew_under_servers_that_know_the_old_one(to: Path) -> None:
    make(to, STACK)
    (to / "drawn/drawn.json").unlink()
    before = files(to)
    with pytest.raises(BadConfiguration) as told:
        make(to, STACK)
    assert told.value.code == "secrets.lost"
    assert files(to) == before


@pytest.mark.parametrize("content", ["", "[]", '{"redis": ""}', '{"redis": 1}', "{"])
def test_what_cannot_be_read_is_not_written_over(to: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (to / "drawn/drawn.json").write_text(content)
    assert main([f"--to={to}", *SPELLED]) == 1
    assert "[secrets.unreadable]" in capsys.readouterr().err
    assert files(to) == {"drawn/drawn.json": content.encode()}


def test_secrets_that_nothing_would_keep_are_not_drawn(to: Path) -> None:
    """A volume that is not mounted."""
    (to / "redis").rmdir()
    with pytest.raises(BadConfiguration) as told:
        make(to, STACK)
    assert (told.value.code, told.value.where) == ("secrets.part", "redis")
    assert files(to) == {}


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_each_part_is_given_to_the_user_who_reads_it(to: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert main([f"--to={to}", *SPELLED, "--owner=redis=999", "--owner=stores=10001", f"--give={data}=1000"]) == 0
    owners = {part: {(to / part).stat().st_uid, *(p.stat().st_uid for p in (to / part).iterdir())} for part in PARTS}
    assert owners == {part: {0} for part in PARTS} | {"redis": {999}, "stores": {10001}}
    assert data.stat().st_uid == 1000


def test_a_number_that_is_none_is_told(to: Path) -> None:
    with pytest.raises(SystemExit):
        main([f"--to={to}", *SPELLED, "--owner=redis=somebody"])


def test_each_service_has_what_it_needs_and_no_more(first: Path) -> None:
    drawn = json.loads((first / "drawn/drawn.json").read_text())
    holders = {
        name: {p.parent.name for p in first.rglob("*") if p.is_file() and drawn[name] in p.read_text()} - {"drawn"}
        for name in drawn
    }
    assert holders["postgres"] == {"postgres", "accounts"}
    assert holders["mariadb"] == {"mariadb", "accounts"}
    assert holders["redis"] == {"redis", "airflow"}
    assert holders["postgres.airflow"] == {"airflow", "accounts"}
    assert holders["mariadb.shop"] == {"accounts"}
    assert holders["mariadb.privacy"] == {"stores", "accounts"}
    assert holders["s3.admin"] == {"seaweedfs", "accounts"}
    # The mail server knows it by its digest alone.
    assert holders["imap"] == {"stores"}
    assert holders["fernet"] == holders["jwt"] == holders["session"] == {"airflow"}
    assert holders["user.admin"] == {"users"}


def test_the_connections_are_those_of_the_demo_shop_and_each_lies_within_the_eu(first: Path) -> None:
    from conftest_demo import HOME
    from privacy.datamap.load import load
    from privacy.orchestration.command_line import variables

    written = json.loads((first / "stores/connections.json").read_text())
    names = {name.removeprefix("privacy_") for name in written}
    assert names == {system.connection for system in load(HOME).systems.values()} | {"ledger"}
    urls = variables(written)
    assert urls["PRIVACY_CONNECTION_MAIL"].endswith("@mail:1993/?ca_file=%2Fstores%2Fca.pem")
    assert urls["PRIVACY_CONNECTION_WEBLOGS"].endswith(
        "@shop/weblogs?endpoint_url=http%3A%2F%2Fs3%3A8333&region=eu-west-1"
    )
    assert urlsplit(urls["PRIVACY_CONNECTION_SHOP"]).hostname == "maria"


@pytest.mark.parametrize("host", ["dovecot", "mail.shop.example", "192.0.2.7"])
def test_a_certificate_is_of_its_host_alone_and_trusted_by_who_has_its_authority(host: str, tmp_path: Path) -> None:
    made = certificate(host, datetime(2026, 11, 28, tzinfo=UTC))
    authority, own = (x509.load_pem_x509_certificate(made[name].encode()) for name in ("ca", "certificate"))
    name = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one.value) for one in name] == [host]
    at = datetime(2030, 1, 1)
    names: list[x509.GeneralName] = list(name)
    builder = PolicyBuilder().store(Store([authority])).time(at)
    assert builder.build_server_verifier(names[0]).verify(own, [])  # type: ignore[arg-type]
    with pytest.raises(x509.verification.VerificationError):
        builder.build_server_verifier(x509.DNSName("other.shop.example")).verify(own, [])
    # OpenSSL takes certificate and key for a pair.
    file = tmp_path / "server.pem"
    file.write_text(made["certificate"] + made["key"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
