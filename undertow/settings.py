"""Settings, read from the environment (prefix ``UNDERTOW_``) when asked for, never at import."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Home", "Settings"]


class Settings(BaseSettings):
    """All settings of the project. Every one has a default; a secret is never printed."""

    model_config = SettingsConfigDict(env_prefix="UNDERTOW_", env_file=".env", extra="ignore")

    home: Path = Field(default=Path("data"), description="folder of the archive, landing, warehouse and published builds")
    contact: str | None = Field(default=None, description="name and e-mail sent as User-Agent; BLS and SEC ask for one")
    bls_key: SecretStr | None = Field(default=None, description="BLS API registration key; widens the v2 API")
    timeout_seconds: float = Field(default=60.0, gt=0, description="time limit of one HTTP request")
    retries: int = Field(default=5, ge=0, le=20, description="retries of a request that met 429, 5xx or a broken connection")
    keep_builds: int = Field(
        default=10, ge=1, description="published builds kept; older ones are removed by `undertow publish --prune`"
    )


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
        """Create the folders and return self."""
        for folder in (self.archive, self.landing, self.warehouse, self.quality, self.published):
            folder.mkdir(parents=True, exist_ok=True)
        return self
