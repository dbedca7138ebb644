"""Settings, read from the environment (prefix ``UNDERTOW_``) when asked for, never at import.

A secret may also stand in a file: ``UNDERTOW_BLS_KEY_FILE`` names it, and so for every other secret. A file that others than
its owner may read or write is refused.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from undertow.errors import UndertowError, UsageError

__all__ = ["ADDRESS", "PRIVATE", "Home", "Settings", "is_this_machine", "read_secret"]

PRIVATE = 0o700  # the mode of folders that nobody but their owner has to do with
_LARGEST_SECRET = 64 * 1024
_ADDRESSES = re.compile(r"[^\s,<>@]+@[^\s,<>@]+(?:\s*,\s*[^\s,<>@]+@[^\s,<>@]+)*")
# The address of an object store. What could carry a secret (user, password, query) has no place in it.
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s@?#\\]*")
_BEGINNING = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", re.ASCII)


def read_secret(path: Path, name: str) -> str:
    """Return the secret that a file holds: its text without blanks and line ends around it.

    Args:
        path: the file; a link is followed, and what it leads to is judged.
        name: the setting that names the file, for messages.

    Raises:
        UsageError: it cannot be read, is no plain file, belongs to another user, may be read or written by others than its
            owner, or holds nothing. The message names the setting and the file and repeats nothing of what is in it.
    """
    try:
        descriptor = os.open(path.expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"the file {path} of {name} cannot be read: {error.strerror or error}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise UsageError(f"the file {path} of {name} is no plain file")
    with os.fdopen(descriptor, "rb") as file:
        if found.st_uid not in (os.geteuid(), 0):
            raise UsageError(f"the file {path} of {name} belongs to another user")
        if found.st_mode & 0o077:
            mode = f"{stat.S_IMODE(found.st_mode):03o}"
            raise UsageError(f"the file {path} of {name} is open to others than its owner (mode {mode}); chmod 600 mends it")
        content = file.read(_LARGEST_SECRET + 1)
    try:
        secret = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(content) > _LARGEST_SECRET or not secret.isprintable():
        raise UsageError(f"the file {path} of {name} does not hold one line of text")
    return secret


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads ``UNDERTOW_<SECRET>_FILE`` for every secret among the settings."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._variables = variables  # by their names in lower case

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the secret from its file, or None where no file is named."""
        variable = f"undertow_{field_name}"
        path = self._variables.get(f"{variable}_file") if _is_secret(field) else None
        if not path:
            return None, field_name, False
        name = f"{variable}_file".upper()
        if self._variables.get(variable):
            raise UsageError(f"{variable.upper()} and {name} are both set; take one of them away")
        return read_secret(Path(path), name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets that stand in files."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


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
    store_url: str | None = Field(
        default=None,
        description=(
            "object store that archive, landing and published builds are kept in as well, as in s3://bucket/prefix; "
            "credentials come from the environment or a profile, never from the address (docs/object-store.md)"
        ),
    )
    store_grace_hours: float = Field(
        default=24.0, ge=0, description="hours for which the object store keeps what nothing points at any more"
    )
    cache: Path | None = Field(
        default=None,
        description="folder for builds that were read from an object store; by default undertow in the user's cache folder",
    )
    alert_email: str | None = Field(
        default=None, description="addresses, with commas between them, to which new incidents and their ends are mailed"
    )
    alert_email_from: str | None = Field(default=None, description="sender of these mails; default: the first of the addresses")
    smtp_host: str = Field(default="localhost", description="mail server that takes the alerts")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="its port")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none is for a server on this machine: a password is not sent in the clear to another"
    )
    smtp_user: str | None = Field(default=None, description="user name at the mail server; none: it is not asked for")
    smtp_password: SecretStr | None = Field(default=None, description="password at the mail server")
    log: Literal["text", "json"] = Field(
        default="text", description="json: every log record, and each step of a run, is a line of JSON on standard error"
    )
    metrics_file: Path | None = Field(
        default=None, description="file for node-exporter's textfile collector, its name ends in .prom; written after each run"
    )
    openlineage_url: str | None = Field(default=None, description="server to which OpenLineage events of each run are posted")
    openlineage_file: Path | None = Field(default=None, description="file to which the same events are appended, one a line")
    openlineage_key: SecretStr | None = Field(default=None, description="API key of that server, sent as a bearer token")
    openlineage_namespace: str = Field(default="undertow", min_length=1, description="namespace of the job in these events")
    home_mode: str = Field(
        default="700",
        pattern=r"^0?7[0-7][0-7]$",
        description="mode of the home and of published/ when they are made; 750 or 755 lets others read the published builds",
    )
    timeout_seconds: float = Field(default=60.0, gt=0, description="time limit of one HTTP request")
    retries: int = Field(default=5, ge=0, le=20, description="retries of a request that met 429, 5xx or a broken connection")
    keep_builds: int = Field(
        default=10, ge=1, description="published builds kept; older ones are removed by `undertow publish --prune`"
    )
    lock_wait_seconds: float = Field(
        default=0.0,
        ge=0,
        description="how long a run waits for another one, or for a backfill, to let it write; 0 refuses at once",
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the files of secrets to what settings are read from."""
        variables = {**getattr(dotenv_settings, "env_vars", {}), **getattr(env_settings, "env_vars", {})}
        return (init_settings, env_settings, dotenv_settings, _SecretFiles(settings_cls, variables), file_secret_settings)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values of all secrets that are set, for those who take them out of a text."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value())

    @property
    def home_bits(self) -> int:
        """The mode of the home as a number."""
        return int(self.home_mode, 8)

    @property
    def has_contact(self) -> bool:
        """Tell whether a provider that wants to know who asks would know it: the contact has an e-mail address in it."""
        return "@" in (self.contact or "")

    @field_validator("store_url")
    @classmethod
    def _store(cls, value: str | None) -> str | None:
        """Check that it is an address without anything that could be a secret, and do not repeat it."""
        if value is not None and not ADDRESS.fullmatch(value):
            raise ValueError(
                "it must be a protocol and a path such as s3://bucket/prefix, without user, password or query; "
                "credentials come from the environment or a profile"
            )
        return value and value.rstrip("/")

    @field_validator("alert_webhook")
    @classmethod
    def _webhook(cls, value: SecretStr | None) -> SecretStr | None:
        """Check that it is an address, without repeating it."""
        if value is not None and not re.fullmatch(r"https?://[^\s/?#]+\S*", value.get_secret_value()):
            raise ValueError("it must begin with http:// or https:// and a host")
        return value

    @field_validator("alert_email", "alert_email_from")
    @classmethod
    def _mail(cls, value: str | None) -> str | None:
        """Check that these are addresses."""
        if value is not None and not _ADDRESSES.fullmatch(value.strip()):
            raise ValueError("it must be an e-mail address, or several with commas between them")
        return value and value.strip()

    @field_validator("openlineage_url")
    @classmethod
    def _server(cls, value: str | None) -> str | None:
        """Check that it is an address; a key has its own setting."""
        if value is not None and (not _BEGINNING.fullmatch(value) or "@" in value):
            raise ValueError("it must begin with http:// or https:// and a host, and have no query and no user; see its key")
        return value

    @field_validator("metrics_file")
    @classmethod
    def _textfile(cls, value: Path | None) -> Path | None:
        """Check that node-exporter would read it."""
        if value is not None and value.suffix != ".prom":
            raise ValueError("node-exporter reads files whose names end in .prom")
        return value

    @model_validator(mode="after")
    def _no_secret_in_the_clear(self) -> Settings:
        """Refuse to send the password or the key of a server over plain text to another machine."""
        if self.smtp_password and self.smtp_security == "none" and not is_this_machine(self.smtp_host):
            raise ValueError("UNDERTOW_SMTP_SECURITY=none would send UNDERTOW_SMTP_PASSWORD in the clear")
        url = urlsplit(self.openlineage_url or "")
        if self.openlineage_key and url.scheme == "http" and not is_this_machine(url.hostname or ""):
            raise ValueError("UNDERTOW_OPENLINEAGE_URL begins with http: and would send UNDERTOW_OPENLINEAGE_KEY in the clear")
        return self

    @field_validator("base_urls")
    @classmethod
    def _addresses(cls, value: dict[str, str]) -> dict[str, str]:
        """Check that both sides are beginnings of addresses, and take a slash from their ends."""
        for address in (*value, *value.values()):
            if not _BEGINNING.fullmatch(address):
                raise ValueError("both sides must begin with http:// or https:// and a host, and have no query")
        return {official.rstrip("/"): mirror.rstrip("/") for official, mirror in value.items()}


def is_this_machine(host: str) -> bool:
    """Tell whether a host is the loopback of this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Home:
    """The folders under ``UNDERTOW_HOME``, as absolute paths. Nothing is created until ``ensure``.

    What is made belongs to its owner alone (``PRIVATE``): the archive, the landing, the warehouse and the reports hold what a
    licence may not let go on. Who else may read the published builds is said by ``mode``, which the home itself and its folder
    published/ get. A folder that is there keeps its mode.
    """

    def __init__(self, root: Path | str, mode: int = PRIVATE) -> None:
        self.root = Path(root).expanduser().resolve()
        self.mode = mode
        self.archive = self.root / "archive"
        self.landing = self.root / "landing"
        self.warehouse = self.root / "warehouse"
        self.quality = self.root / "quality"
        self.published = self.root / "published"
        self.store = self.root / "store"
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
        for folder in (self.root, self.archive, self.landing, self.warehouse, self.quality, self.published):
            try:
                if not folder.is_dir():
                    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
                    folder.chmod(self.mode if folder in (self.root, self.published) else PRIVATE)  # whatever the umask
            except OSError as error:
                raise UndertowError(
                    f"the folder {folder} cannot be made: {error.strerror or error}; see UNDERTOW_HOME"
                ) from None
            if not os.access(folder, os.W_OK | os.X_OK):
                raise UndertowError(f"the folder {folder} is not writable; see UNDERTOW_HOME")
        return self
