"""An application's Compose file as Compose itself reads it: what each service is, and by what a change of it is known."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from resonant.application import Description, check_variables, find_variables
from resonant.errors import ApplicationInvalid
from resonant.paths import RELEASES

# Of BuildKit's options, those that are passed on; any other one is told rather than ignored.
BUILD_KEYS = {
    "context",
    "dockerfile",
    "args",
    "target",
    "labels",
    "additional_contexts",
    "extra_hosts",
    "network",
    "shm_size",
    "pull",
}
KEY_LENGTH = 12
IMAGES = "resonant"


@dataclass(frozen=True)
class Service:
    """`definition` is Compose's JSON for it, `attached` for the configs and secrets that it uses; `build_key` is "" for a service
    whose image is ready-made.
    """

    name: str
    definition: Mapping[str, Any]
    attached: Mapping[str, Any]
    build_key: str
    variables: tuple[str, ...]
    trees: tuple[tuple[str, str], ...]

    @property
    def is_built(self) -> bool:
        return bool(self.build_key)

    @property
    def image(self) -> str:
        """The built image's name, or the one that is asked for."""
        return f"{IMAGES}/{self.name.lower()}:{self.build_key}" if self.is_built else str(self.definition["image"])


@dataclass(frozen=True)
class Model:
    """`dependencies` and `volumes` as the file has them; services of a profile are left out: they are run on demand."""

    services: tuple[Service, ...]
    networks: tuple[str, ...]
    volumes: tuple[tuple[str, Mapping[str, Any]], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(service.name for service in self.services)

    def __getitem__(self, name: str) -> Service:
        return next(service for service in self.services if service.name == name)


def parse_model(answer: Mapping[str, Any], description: Description, environment: Mapping[str, str]) -> Model:
    """Of what `resonant/on_vm/describe.py` printed. Raises ApplicationInvalid for whatever could not be run as it is."""
    model, trees = answer["model"], answer["trees"]
    if model is None:
        raise ApplicationInvalid(f"Compose cannot read {description.compose}: {answer['error']}")
    definitions = {
        name: entry for name, entry in (model.get("services") or {}).items() if not (entry or {}).get("profiles")
    }
    _check_names(description, definitions)
    attached = {name: _find_attached(entry, model) for name, entry in definitions.items()}
    # Compose fills in all of the file, also what is never started.
    made = [_find_used(entry, attached[name]) for name, entry in definitions.items()]
    check_variables(environment, reduce(or_, made, find_variables(json.dumps(model))))
    return Model(
        services=tuple(
            build_service(name, entry, attached[name], trees, environment)
            for name, entry in sorted(definitions.items())
        ),
        networks=tuple(sorted(model.get("networks") or {})),
        volumes=tuple(sorted((name, entry or {}) for name, entry in (model.get("volumes") or {}).items())),
    )


def build_service(
    name: str,
    definition: Mapping[str, Any],
    attached: Mapping[str, Any],
    trees: Mapping[str, str],
    environment: Mapping[str, str],
) -> Service:
    build = definition.get("build")
    if not build and not definition.get("image"):
        raise ApplicationInvalid(f"Service {name} has neither `image` nor `build`.")
    if mode := definition.get("network_mode"):
        raise ApplicationInvalid(f"Service {name}: network_mode {mode} is not supported; leave it out.")
    mounted = [path for path in _list_mounted(definition) if path.startswith((".", f"{RELEASES}/"))]
    if lost := sorted(set(mounted) - set(trees)):
        raise ApplicationInvalid(
            f"Service {name}: {', '.join(lost)} is mounted but not in this commit. What is kept belongs into a named volume, which all "
            "releases share; a folder beside the Compose file is a new one in each."
        )
    used = tuple(sorted(_find_used(_without_build(definition), attached)))
    paths = (*_list_mounted(definition), *_list_files(definition, attached))
    ours = tuple(sorted((path, trees[path]) for path in paths if path in trees))
    key = _choose_build_key(name, build, trees, environment) if build else ""
    return Service(name, definition, attached, key, used, ours)


def fingerprint(service: Service, image_id: str, environment: Mapping[str, str]) -> str:
    """Changes exactly when the service's container has to be another one."""
    reads_all = bool(service.definition.get("env_file"))
    values = dict(environment) if reads_all else {name: environment.get(name) for name in service.variables}
    return _hash(_without_build(service.definition), service.attached, image_id, values, service.trees)


def _without_build(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key != "build"}


def _find_attached(definition: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level configs and secrets that a service uses."""
    return {
        f"{kind}.{entry['source']}": (model.get(kind) or {}).get(entry["source"]) or {}
        for kind in ("configs", "secrets")
        for entry in definition.get(kind) or ()
    }


def _find_used(definition: Mapping[str, Any], attached: Mapping[str, Any]) -> dict[str, bool]:
    """Variables by whether they need a value: named in the text, passed on by their bare name, or made a secret."""
    given = definition.get("environment") or {}
    names = [name for name, value in given.items() if value is None] if isinstance(given, Mapping) else given
    passed_on = {name: False for name in names if "=" not in name}
    made = {entry["environment"]: True for entry in attached.values() if entry.get("environment")}
    return {**passed_on, **find_variables(json.dumps([definition, attached])), **made}


def _choose_build_key(
    name: str, build: Mapping[str, Any], trees: Mapping[str, str], environment: Mapping[str, str]
) -> str:
    """By content: the same context, Dockerfile and arguments are never built twice."""
    if unknown := sorted(set(build) - BUILD_KEYS):
        raise ApplicationInvalid(f"Service {name}: `build` has {', '.join(unknown)}, which is not supported.")
    context = str(build.get("context", ""))
    if context not in trees:
        raise ApplicationInvalid(f"Service {name}: the build context {context} is not a folder of this commit.")
    dockerfile = trees.get(_dockerfile(build), "")
    if not dockerfile:
        raise ApplicationInvalid(f"Service {name}: {_dockerfile(build)} is not in this commit.")
    further = [path for path in (build.get("additional_contexts") or {}).values() if path.startswith(".")]
    if unknown := sorted(set(further) - set(trees)):
        raise ApplicationInvalid(f"Service {name}: the build context {', '.join(unknown)} is not in this commit.")
    values = {variable: environment.get(variable) for variable in find_variables(json.dumps(build))}
    return _hash(build, trees[context], dockerfile, [trees[path] for path in further], values)[:KEY_LENGTH]


def _list_mounted(definition: Mapping[str, Any]) -> Iterable[str]:
    for volume in definition.get("volumes") or ():
        if isinstance(volume, Mapping) and volume.get("type") == "bind":
            yield str(volume.get("source", ""))


def _list_files(definition: Mapping[str, Any], attached: Mapping[str, Any]) -> Iterable[str]:
    for entry in definition.get("env_file") or ():
        yield str(entry.get("path", "")) if isinstance(entry, Mapping) else str(entry)
    yield from (entry["file"] for entry in attached.values() if entry.get("file"))


def _dockerfile(build: Mapping[str, Any]) -> str:
    context, file = str(build["context"]).rstrip("/"), str(build.get("dockerfile", "Dockerfile"))
    return f"{context}/{file}"


def _check_names(description: Description, definitions: Mapping[str, Any]) -> None:
    migrate = description.database.migrate if description.database else None
    told = {*description.web, *description.daemons, *description.permanent, *description.independent}
    told |= {migrate.service} if migrate else set()
    if unknown := sorted(told - set(definitions)):
        raise ApplicationInvalid(
            f"{description.compose} has no service {', '.join(unknown)}; it has {', '.join(sorted(definitions))}."
        )


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
