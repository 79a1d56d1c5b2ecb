"""The databases, accounts and the bucket of an installation of containers, made where there are none.

``python -m privacy.orchestration.stores_made``; ``docker-compose.yaml`` runs it once the servers answer. What is there
is left as it is: no password is changed, nothing is dropped. The pipelines' own accounts may read and delete, not more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from privacy.errors import BadConfiguration, PrivacyError, RetryLater
from privacy.orchestration.secrets_made import BUCKET

_OWNED = {"airflow": "airflow", "privacy": "ledger", "recruiting": "recruiting"}
"""PostgreSQL's databases and whose they are."""


def on_postgres(server: str, passwords: Mapping[str, str]) -> Iterator[str]:
    """Airflow's database, the ledger's, and that of applications, each closed to the accounts of the others.

    :param server: ``host:port``. :param passwords: ``postgres`` (the superuser's), ``postgres.<role>``.
    :returns: what was made.
    :raises RetryLater: ``stores.unreachable``.
    """
    import psycopg
    from psycopg import sql

    def opened(database: str) -> psycopg.Connection:
        url = f"postgresql://postgres:{passwords['postgres']}@{server}/{database}"
        return psycopg.connect(url, autocommit=True, connect_timeout=10)

    def there(db: psycopg.Connection, query: str) -> set[str]:
        return {str(row[0]) for row in db.execute(query)}

    try:
        with opened("postgres") as db:
            roles = there(db, "SELECT rolname FROM pg_roles")
            for role in [*_OWNED.values(), "privacy"]:
                if role not in roles:
                    words = (sql.Identifier(role), sql.Literal(passwords[f"postgres.{role}"]))
                    db.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(*words))
                    yield f"postgres: role {role}"
            databases = there(db, "SELECT datname FROM pg_database")
            for database, owner in _OWNED.items():
                name, whose = sql.Identifier(database), sql.Identifier(owner)
                if database not in databases:
                    text = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
                    db.execute(sql.SQL(text).format(name, whose))
                    yield f"postgres: database {database}"
                db.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
            db.execute("GRANT CONNECT ON DATABASE recruiting TO privacy")
        with opened("recruiting") as db:
            db.execute("GRANT ALL ON SCHEMA public TO recruiting")
            db.execute("GRANT USAGE ON SCHEMA public TO privacy")
            db.execute("GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO privacy")
            text = "ALTER DEFAULT PRIVILEGES FOR ROLE recruiting GRANT SELECT, UPDATE, DELETE ON TABLES TO privacy"
            db.execute(text)
        with opened("privacy") as db:
            db.execute("GRANT ALL ON SCHEMA public TO ledger")
    except psycopg.Error:
        raise _unreachable("postgres") from None


def on_mariadb(server: str, passwords: Mapping[str, str]) -> Iterator[str]:
    """The shop's database: ``shop`` owns it, ``privacy`` may read, change and delete rows.

    :param server: ``host:port``. :param passwords: ``mariadb`` (the superuser's), ``mariadb.<user>``.
    :returns: what was made. :raises RetryLater: ``stores.unreachable``.
    """
    import pymysql

    host, _, port = server.rpartition(":")
    rights = {"shop": "ALL PRIVILEGES", "privacy": "SELECT, UPDATE, DELETE"}
    try:
        with (
            closing(pymysql.connect(host=host, port=int(port), user="root", password=passwords["mariadb"])) as db,
            db.cursor() as cursor,
        ):
            if cursor.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = 'shop'") == 0:
                cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
                yield "mariadb: database shop"
            for user, may in rights.items():
                if cursor.execute("SELECT 1 FROM mysql.user WHERE user = %s AND host = '%%'", (user,)) == 0:
                    cursor.execute(f"CREATE USER {user}@'%%' IDENTIFIED BY %s", (passwords[f"mariadb.{user}"],))
                    yield f"mariadb: user {user}"
                cursor.execute(f"GRANT {may} ON shop.* TO {user}@'%'")
    except pymysql.Error:
        raise _unreachable("mariadb") from None


def on_s3(server: str, passwords: Mapping[str, str]) -> Iterator[str]:
    """The bucket of the shop's files.

    :param server: ``host:port``. :param passwords: ``s3.admin``.
    :returns: what was made. :raises RetryLater: ``stores.unreachable``.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    client: Any = boto3.client(
        "s3", endpoint_url=f"http://{server}", aws_access_key_id="admin", aws_secret_access_key=passwords["s3.admin"],
        region_name="eu-west-1", config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    try:
        if BUCKET not in {str(one["Name"]) for one in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=BUCKET)
            yield f"s3: bucket {BUCKET}"
    except (BotoCoreError, ClientError):
        raise _unreachable("s3") from None


def _unreachable(where: str) -> RetryLater:
    return RetryLater(
        "stores.unreachable", "The server cannot be asked, or does not know the password that was drawn.", where=where,
        advice="See whether it runs; data of an earlier installation have the passwords of that one.",
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Make them. :returns: the exit status: 0, or 1 after an error of ours (one line on stderr)."""
    parser = argparse.ArgumentParser(prog="privacy.orchestration.stores_made", description=__doc__)
    parser.add_argument("--passwords", type=Path, required=True, help="accounts/passwords.json of secrets_made")
    for name in ("postgres", "mariadb", "s3"):
        parser.add_argument(f"--{name}", required=True, metavar="HOST:PORT")
    given = parser.parse_args(arguments)
    try:
        try:
            passwords: dict[str, str] = json.loads(given.passwords.read_bytes())
        except (OSError, ValueError):
            raise BadConfiguration(
                "secrets.unreadable", "The passwords cannot be read.", where=str(given.passwords),
                advice="Mount the secrets' volume accounts.",
            ) from None  # fmt: skip
        made = [
            *on_postgres(given.postgres, passwords), *on_mariadb(given.mariadb, passwords),
            *on_s3(given.s3, passwords),
        ]  # fmt: skip
    except PrivacyError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    sys.stdout.write("\n".join(f"made {name}" for name in made) + "\n" if made else "everything was there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
