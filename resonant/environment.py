"""`.env.prod`: what the stack's containers are told. Made from the settings; the database's password is made once and kept."""

import secrets
from collections.abc import Mapping

from resonant.errors import ResonantError
from resonant.paths import ENVIRONMENT, SITE
from resonant.settings import Settings

HEADER = "# Written by the flows; change the settings, not this file.\n"


def parse_environment(text: str) -> dict[str, str]:
    """NAME=value lines; values are taken literally, quotes of one kind around them are removed."""
    pairs = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'") for name, _, value in pairs}


def render_environment(values: Mapping[str, str]) -> str:
    """Single quotes: Compose takes such values literally."""
    for name, value in values.items():
        if "'" in value or "\n" in value:
            raise ResonantError(f"{name} may hold neither a single quote nor a line break: Compose could not read it.")
    return HEADER + "".join(f"{name}='{value}'\n" for name, value in values.items())


def decide_environment(settings: Settings, kept: Mapping[str, str], *, has_database: bool) -> dict[str, str]:
    """The wanted variables. Raises ResonantError when a database exists and its password is lost."""
    password = kept.get("POSTGRES_PASSWORD", "")
    if has_database and not password:
        raise ResonantError(
            f"The database's volume exists on the VM but {ENVIRONMENT} with its password is gone. Restore that file, or remove "
            "the volume resonant_postgres_data if its data is not needed."
        )
    return {
        "SITE_DIR": SITE,
        "POSTGRES_USER": "resonant",
        "POSTGRES_DB": "resonant_dashboard",
        "POSTGRES_PASSWORD": password or secrets.token_urlsafe(32),
        "ANTHROPIC_API_KEY": settings.anthropic_api_key.get_secret_value(),
        "ANTHROPIC_BASE_URL": settings.anthropic_base_url,
        "ANTHROPIC_MODEL": settings.anthropic_model,
    }
