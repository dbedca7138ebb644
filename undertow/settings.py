"""Settings, read from the environment (prefix ``UNDERTOW_``) when asked for, never at import."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from undertow.errors import UndertowError, UsageError

__all__ = ["Home", "Settings"]

_BEGINNING = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", re.ASCII)


class Settings(BaseSettings):
    """All settings of the project. Every one has a default; a secret is never printed."""

    model_config = SettingsConfigDict(env_prefix="UNDERTOW_", env_file=".env", extra="ignore", env_ignore_empty=True)

    home: Path = Field(default=Path("data"), description="folder of the archive, landing, warehouse and published builds")
    contact: str | None = Field(default=None, description="name and e-mail sent as User-Agent; BLS and SEC ask for one")
    bls_key: SecretStr | None = Field(default=None, description="BLS API registration key; widens the v2 API")
    fred_key: SecretStr | None = Field(default=None, description="FRED API key; asks for vintages, with fred_consent only")
    fred_consent: bool = Field(
        default=False,
        description=(
            "yes: you have read FRED's terms of use, which limit storing and caching its data, and want it fetched and kept; "
            "without it nothing of FRED is asked in live mode"
        ),
    )
    bea_key: SecretStr | None = Field(default=None, description="BEA API key (UserID); adds the tables of the accounts")
    census_key: SecretStr | None = Field(default=None, description="Census API key; adds the API to the files")
    alert_webhook: SecretStr | None = Field(
        default=None,
        description="address to which new incidents are posted as JSON; it is a secret, and without it none is told",
    )
    timeout_seconds: float = Field(default=60.0, gt=0, description="time limit of one HTTP request")
    retries: int = Field(default=5, ge=0, le=20, description="retries of a request that met 429, 5xx or a broken connection")
    keep_builds: int = Field(
        default=10, ge=1, description="published builds kept; older ones are removed by `undertow publish --prune`"
    )
    memory_limit: str = Field(
        default="700MB",
        pattern=r"^[1-9][0-9]*(MB|GB)$",
        description="memory that the warehouse's engine may hold, in MB or GB; the rest goes to disk for the time being",
    )
    engine: str = Field(
        default="duckdb", pattern=r"^(duckdb|spark|sail)$", description="what computes the models: duckdb, spark or sail"
    )
    spark_memory: str = Field(
        default="2g", pattern=r"^[1-9][0-9]*[mg]$", description="memory of Apache Spark's process, where it is the engine"
    )
    base_urls: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "for a mirror or a test server: JSON object of beginnings of providers' addresses and what to ask instead, as in "
            '{"https://www.ecb.europa.eu": "https://mirror.example.org/ecb"}; the archive records the provider\'s own '
            "address, and a key goes to a mirror only over https or on this machine"
        ),
    )

    def __init__(self, **values: Any) -> None:
        """Read the settings.

        Raises:
            UsageError: one of them is malformed; the message names its environment variable and does not repeat its value.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            name = str(first["loc"][0]).upper() if first["loc"] else "*"
            raise UsageError(f"the setting UNDERTOW_{name} is wrong: {first['msg'].removeprefix('Value error, ')}") from None
        except SettingsError as error:
            field = re.search(r'field "(\w+)"', str(error))
            name = field[1].upper() if field else "*"
            raise UsageError(f"the setting UNDERTOW_{name} is not JSON") from None

    @property
    def has_contact(self) -> bool:
        """Tell whether a provider that wants to know who asks would know it: the contact has an e-mail address in it."""
        return "@" in (self.contact or "")

    @field_validator("alert_webhook")
    @classmethod
    def _webhook(cls, value: SecretStr | None) -> SecretStr | None:
        """Check that it is an address, without repeating it."""
        if value is not None and not re.fullmatch(r"https?://[^\s/?#]+\S*", value.get_secret_value()):
            raise ValueError("it must begin with http:// or https:// and a host")
        return value

    @field_validator("base_urls")
    @classmethod
    def _addresses(cls, value: dict[str, str]) -> dict[str, str]:
        """Check that both sides are beginnings of addresses, and take a slash from their ends."""
        for address in (*value, *value.values()):
            if not _BEGINNING.fullmatch(address):
                raise ValueError("both sides must begin with http:// or https:// and a host, and have no query")
        return {official.rstrip("/"): mirror.rstrip("/") for official, mirror in value.items()}


class Home:
    """The folders under ``UNDERTOW_HOME``, as absolute paths. Nothing is created until ``ensure``."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().resolve()
        self.archive = self.root / "archive"
        self.landing = self.root / "landing"
        self.warehouse = self.root / "warehouse"
        self.quality = self.root / "quality"
        self.published = self.root / "published"
        self.lock = self.root / ".lock"

    @property
    def database(self) -> Path:
        """The warehouse file that one dbt process at a time writes."""
        return self.warehouse / "undertow.duckdb"

    @property
    def current(self) -> Path:
        """The newest whole build (a link)."""
        return self.published / "current"

    def ensure(self) -> Home:
        """Create the folders and return self.

        Raises:
            UndertowError: a folder cannot be made or written to.
        """
        for folder in (self.archive, self.landing, self.warehouse, self.quality, self.published):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UndertowError(
                    f"the folder {folder} cannot be made: {error.strerror or error}; see UNDERTOW_HOME"
                ) from None
            if not os.access(folder, os.W_OK | os.X_OK):
                raise UndertowError(f"the folder {folder} is not writable; see UNDERTOW_HOME")
        return self
