"""The environment, read once. PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE are libpq's own and read by it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)]


def check_key(key: SecretStr) -> SecretStr:
    value = key.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be one line of printable ASCII characters without spaces")
    return key


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    log_level: LogLevel = "INFO"

    anthropic_api_key: Annotated[SecretStr, AfterValidator(check_key)]
    anthropic_base_url: str = Field("https://api.anthropic.com", pattern=r"^https?://\S+$")
    anthropic_model: str = "claude-haiku-4-5"

    bridge_max_attempts: int = Field(5, ge=1, le=100)
    bridge_retry_base_seconds: float = Field(2, gt=0)
    bridge_request_timeout_seconds: float = Field(30, gt=0)
    """Of one HTTP request; the SDK makes up to three for one attempt."""
    bridge_lease_seconds: float = Field(180, gt=0)
    """After this time the claim of a bridge that died may be taken over; an attempt always ends earlier."""
    bridge_port: int = Field(9100, ge=1, le=65535)

    @property
    def attempt_deadline_seconds(self) -> float:
        return self.bridge_lease_seconds * 0.8
