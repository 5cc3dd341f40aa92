"""`.env.prod`: what the application's containers are told. Made from the settings; generated secrets are made once and kept."""

import hashlib
import secrets
from collections.abc import Mapping

from resonant.application import Description
from resonant.errors import ResonantError, SettingsInvalid
from resonant.paths import ENVIRONMENT, SECRETS, SITE
from resonant.settings import PREFIX, Settings

HEADER = "# Written by the flows; change the settings, not this file.\n"
SECRET_BYTES = 32


def parse_environment(text: str) -> dict[str, str]:
    """NAME=value lines; values are taken literally, one pair of quotes around them is removed."""
    lines = (line.strip().removeprefix("export ") for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): _unquote(value.strip()) for name, _, value in pairs}


def render_environment(values: Mapping[str, str]) -> str:
    """Single quotes: Compose takes such values literally."""
    for name, value in values.items():
        if "'" in value or len(f"{value} ".splitlines()) > 1 or value.endswith("\\"):
            raise ResonantError(
                f"{name} may hold neither a single quote nor a line break, nor end with a backslash: Compose could not read it."
            )
    return HEADER + "".join(f"{name}='{value}'\n" for name, value in values.items())


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def read_given(settings: Settings) -> dict[str, str]:
    """What the settings say of the application's variables; the later wins: shorthands, the file, the JSON object."""
    shorthands = {
        "ANTHROPIC_API_KEY": settings.anthropic_api_key.get_secret_value(),
        "ANTHROPIC_BASE_URL": settings.anthropic_base_url,
        "ANTHROPIC_MODEL": settings.anthropic_model,
    }
    return {
        **{name: value for name, value in shorthands.items() if value},
        **_read_file(settings),
        **{name: value.get_secret_value() for name, value in settings.environment.items()},
    }


def decide_environment(
    description: Description, given: Mapping[str, str], kept: Mapping[str, str], *, has_data: bool
) -> dict[str, str]:
    """The wanted variables, and no other. Raises SettingsInvalid naming all that are missing.

    `kept` is the file on the VM, for secrets that were generated; `has_data` tells that losing them would lock the data in.
    """
    wanted, missing = {"SITE_DIR": SITE}, []
    for name, variable in description.environment.items():
        value = given.get(name)
        if value is None or (variable.secret and not value):
            value = _choose_value(name, description, kept, has_data=has_data)
        if value is None:
            missing.append(name)
        else:
            wanted[name] = value
    if missing:
        raise SettingsInvalid(
            f"The application needs {', '.join(missing)}. Give them in the file that {PREFIX}ENVIRONMENT_FILE names, in "
            f"{PREFIX}ENVIRONMENT (JSON), or as Prefect Secret blocks."
        )
    return wanted


def find_ungiven(description: Description, given: Mapping[str, str]) -> tuple[str, ...]:
    """Variables that only a Prefect Secret block could still give."""
    return tuple(
        name
        for name, variable in description.environment.items()
        if not given.get(name) and variable.default is None and not variable.generate
    )


def choose_secrets(description: Description, kept: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Every secret that was ever generated: another application may run in between, and its data stays."""
    made = {name: values[name] for name, variable in description.environment.items() if variable.generate}
    return {**kept, **made}


def _choose_value(name: str, description: Description, kept: Mapping[str, str], *, has_data: bool) -> str | None:
    variable = description.environment[name]
    if not variable.generate:
        return variable.default
    if not kept and has_data:
        raise ResonantError(
            f"The application's data is on the VM but {name}, made with it, is in neither {SECRETS} nor {ENVIRONMENT} any more. "
            f"Restore one of them, give {name} in the settings, or remove the application's volumes if the data is not needed."
        )
    return kept.get(name) or secrets.token_urlsafe(SECRET_BYTES)


def _read_file(settings: Settings) -> dict[str, str]:
    if settings.environment_file is None:
        return {}
    file = settings.environment_file.expanduser()
    try:
        return parse_environment(file.read_text())
    except OSError as error:
        raise SettingsInvalid(f"{PREFIX}ENVIRONMENT_FILE: {file} cannot be read ({error.strerror}).") from None
