"""Connections from Airflow: ``privacy_<name>`` stands behind the name of the data map."""

from __future__ import annotations

from urllib.parse import quote

from privacy.connections import Connection
from privacy.errors import BadConfiguration, RetryLater

PREFIX = "privacy_"


class AirflowConnections:
    """Airflow's connections (its database, its environment, or a secrets backend), for the steps of a DAG.

    A connection either has its whole URL in the extra field ``url`` (the only form that keeps
    ``sqlite:////absolute/path`` as it was written), or is put together from type, host, port, schema and login.
    """

    def get(self, name: str) -> Connection:
        """See :meth:`privacy.connections.Connections.get`.

        :raises RetryLater: Airflow's API cannot be asked now.
        """
        # Here, so that a DAG file that is parsed loads nothing more than it needs.
        from airflow.sdk import Connection as Known
        from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

        try:
            known = Known.get(f"{PREFIX}{name}")
        except AirflowNotFoundException:
            raise _missing(name) from None
        except AirflowRuntimeError:
            raise RetryLater("connections.unavailable", "Airflow did not give the connection.", where=name) from None
        if known is None:
            raise _missing(name)
        extra = dict(known.extra_dejson)
        url = extra.pop("url", None) or _url(known, str(extra.pop("path", "") or ""))
        if not url:
            raise _missing(name)
        return Connection(name, str(url), {key: str(value) for key, value in extra.items()})


def _url(known: object, folder: str) -> str:
    """The connection's parts as a URL; empty: they say nothing.

    :param folder: where Airflow's own kind ``fs`` keeps its path.
    """

    def part(field: str) -> str:
        value = getattr(known, field, None)
        return "" if value is None else str(value)

    scheme = {"postgres": "postgresql", "fs": "file"}.get(part("conn_type"), part("conn_type"))
    if scheme in ("sqlite", "file"):
        # Airflow's parser puts the path of a URL without a host into the schema, less its first stroke.
        path = folder or "/".join(text for text in (part("host"), part("schema")) if text)
        stroke = "" if path.startswith("/") else "/"
        return f"{scheme}://{'/' if scheme == 'sqlite' else ''}{stroke}{path}" if path.strip("/") else ""
    login = quote(part("login"), safe="")
    if part("password"):
        login += ":" + quote(part("password"), safe="")
    port = f":{part('port')}" if part("port") else ""
    return f"{scheme}://{login}{'@' if login else ''}{part('host')}{port}/{part('schema')}"


def _missing(name: str) -> BadConfiguration:
    return BadConfiguration(
        "connections.missing",
        "There is no such connection.",
        where=name,
        advice=f"Add Airflow's connection {PREFIX}{name}, with the URL as its extra field url.",
    )
