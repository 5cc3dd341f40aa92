"""resonant.yaml: what a Compose file cannot say about an application, in a few lines written by its owner."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from resonant.errors import ApplicationInvalid

FILE = "resonant.yaml"
RESERVED = ("COMPOSE_", "DOCKER_")
Kind = Literal["web", "daemon", "stateful", "internal"]


def _check_not_reserved(name: str) -> str:
    if name.startswith(RESERVED) or name == "SITE_DIR":
        raise ValueError(f"{name} is a variable of the machinery; call the application's own something else")
    return name


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Path = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~!&()*+,=:@%/-]*$", max_length=200)]
# Those of Compose and of the stack would change how the application is run, not what it is told.
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_check_not_reserved)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(Strict):
    """A service that answers HTTP. A path that ends in "/" stands for all below it; a service without one is not public."""

    port: int = Field(ge=1, le=65535)
    health: Path = "/"
    paths: tuple[Path, ...] = ()
    websockets: tuple[Path, ...] = ()


class Migrate(Strict):
    """`pending` ends with 0 when the schema is up to date: then neither a dump nor a migration is made."""

    service: Name
    command: tuple[str, ...] = Field(min_length=1)
    pending: tuple[str, ...] = ()
    lock_timeout_seconds: int = Field(5, ge=1, le=600)
    timeout_seconds: int = Field(300, ge=1, le=7200)


class Database(Strict):
    """PostgreSQL of the official image's conventions; `version` is SQL that gives the schema's version."""

    service: Name
    version: str = ""
    migrate: Migrate | None = None


class EnvironmentVariable(Strict):
    """One without a default must be in the settings, unless it is a secret that may be generated once."""

    secret: bool = False
    generate: bool = False
    default: str | None = None


class Page(Strict):
    """What a visitor must find."""

    path: Path = "/"
    contains: str = ""


CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Description(Strict):
    compose: str = Field("compose.yaml", pattern=r"^[^/~][^~]*$")
    web: dict[Name, Web] = Field(min_length=1)
    daemons: tuple[Name, ...] = ()
    stateful: tuple[Name, ...] = ()
    database: Database | None = None
    independent: tuple[Name, ...] = ()
    environment: dict[Variable, EnvironmentVariable] = {}
    page: Page = Page()
    content_security_policy: str = Field(CONTENT_SECURITY_POLICY, pattern=r'^[^"\\$\n]+$')

    @model_validator(mode="after")
    def _each_service_is_one_thing(self) -> "Description":
        told = [*self.web, *self.daemons, *self.permanent]
        if twice := {name for name in told if told.count(name) > 1}:
            raise ValueError(f"{', '.join(sorted(twice))}: web, daemons and stateful exclude each other")
        paths = [path for web in self.web.values() for path in (*web.paths, *web.websockets)]
        if twice := {path for path in paths if paths.count(path) > 1}:
            raise ValueError(f"{', '.join(sorted(twice))}: a path leads to one service only")
        if "/" not in paths:
            raise ValueError("no web service has the path /")
        return self

    @property
    def permanent(self) -> tuple[str, ...]:
        """Services that hold data: exactly one container each, kept over releases."""
        database = (self.database.service,) if self.database else ()
        return tuple(dict.fromkeys((*self.stateful, *database)))

    def read_kind(self, service: str) -> Kind:
        if service in self.web:
            return "web"
        if service in self.daemons:
            return "daemon"
        return "stateful" if service in self.permanent else "internal"


def parse_description(text: str, where: str = FILE) -> Description:
    """Raises ApplicationInvalid that names every entry to correct."""
    try:
        return Description.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise ApplicationInvalid(f"{where} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        entries = [f"  {'.'.join(map(str, entry['loc'])) or where}: {entry['msg']}" for entry in error.errors()]
        raise ApplicationInvalid("\n".join([f"{where} needs a correction:", *entries])) from None


# ${NAME}, ${NAME:-default}, $NAME; `$$` is a dollar sign.
REFERENCE = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{(?P<braced>\w+)(?P<operator>:?[-+?])?|(?P<plain>[A-Za-z_]\w*))")


def find_variables(text: str) -> dict[str, bool]:
    """Variables that a Compose file's text refers to: name -> whether it needs a value.

    >>> find_variables("${A} $B ${C:-x} ${D:?no} $$E")
    {'A': True, 'B': True, 'C': False, 'D': True}
    """
    found: dict[str, bool] = {}
    for match in REFERENCE.finditer(text):
        name = match["braced"] or match["plain"]
        needs = (match["operator"] or "?").lstrip(":") == "?"
        found[name] = found.get(name, False) or needs
    return found


def check_variables(described: Mapping[str, Any], used: Mapping[str, bool]) -> None:
    missing = sorted(name for name, needs in used.items() if needs and name not in described)
    if missing:
        raise ApplicationInvalid(
            f"The Compose file uses {', '.join(missing)}, which {FILE} does not describe. Add them under `environment:`."
        )
