"""The environment, read once. PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE are libpq's own and read by it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    log_level: LogLevel = "INFO"
    port: int = Field(8000, ge=1, le=65535)
