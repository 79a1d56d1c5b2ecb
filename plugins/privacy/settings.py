"""Where things are: the shop's folder, the state folder, batch sizes. From ``PRIVACY_*`` environment variables."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from privacy.errors import BadConfiguration


class Settings(BaseSettings):
    """Read once a process; every field is the environment variable ``PRIVACY_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="PRIVACY_", frozen=True, extra="ignore")

    home: Path = Field(default=Path("include"), description="The shop's folder: datamap/, policy/, sql/, templates/.")
    state: Path = Field(
        default=Path(".state"),
        description="What this installation keeps on disk: keys, the signed head, staging, sealed bundles.",
    )
    key_file: Path | None = Field(
        default=None, description="The master key (see privacy.keys); default: <state>/keys/master.key."
    )
    batch_rows: int = Field(default=10_000, ge=1, le=100_000, description="Most rows in one record batch.")
    part_bytes: int = Field(
        default=256 * 2**20,
        ge=1,
        description="Partitions of one dataset are read by one task until they hold this many bytes.",
    )

    purge_rows: int = Field(
        default=10_000, ge=1, le=100_000, description="Most records that a purge deletes in one go; holds wait for it."
    )
    pause: float = Field(default=0.0, ge=0, le=60, description="Seconds that a purge waits between two of these.")

    letters_pause: float = Field(
        default=0.0, ge=0, le=3600, description="Seconds between two letters about a changed policy, of many."
    )

    four_eyes: bool = Field(
        default=False,
        description="Whoever registered a request, decided whose it is, wrote down what to correct, or started a run, "
        "may not approve its plan too.",
    )

    head_copies: Path | None = Field(
        default=None,
        description="A folder, best on another machine, to which every verification adds a copy of the ledger's head.",
    )

    bundle_readers: str | None = Field(
        default=None,
        pattern=r"^\s*$|^\s*(user|role|group):[^,]+(,\s*(user|role|group):[^,]+)*$",
        description="Who may see and download bundles on the desk: user:, role: or group: of Airflow, with commas.",
    )

    @property
    def readers(self) -> frozenset[str]:
        """Whom :attr:`bundle_readers` names: ``user:NAME``, ``role:NAME``, ``group:NAME``; empty: nobody."""
        return frozenset(one.strip() for one in (self.bundle_readers or "").split(",") if one.strip())

    @property
    def master_key_file(self) -> Path:
        """The file that holds the master key."""
        return self.key_file or self.state / "keys" / "master.key"

    @property
    def staging(self) -> Path:
        """Where extracted parts wait for their bundle; emptied by every run and swept."""
        return self.state / "staging"

    @property
    def plans(self) -> Path:
        """Where sealed plans lie, a folder each run; swept by purge_bundles."""
        return self.state / "plans"

    @property
    def index(self) -> Path:
        """What is known of files that nobody changes any more (the log index); it may be deleted at any time."""
        return self.state / "index"

    @property
    def head_file(self) -> Path:
        """The ledger's signed head, outside the database."""
        return self.state / "ledger-head.json"


@cache
def settings(**given: Any) -> Settings:
    """The settings of this process.

    :param given: what is decided here, whatever the environment says.
    :raises BadConfiguration: naming the variable that cannot be used.
    """
    try:
        found = Settings(**given)
    except ValidationError as problem:
        names = ", ".join("PRIVACY_" + str(e["loc"][0]).upper() for e in problem.errors())
        raise BadConfiguration(
            "settings.invalid", f"A setting cannot be used: {names}.", advice="Correct the environment variable."
        ) from None
    places = {"home": found.home.resolve(), "state": found.state.resolve()}
    if found.head_copies is not None:
        places["head_copies"] = found.head_copies.resolve()
    return found.model_copy(update=places)
