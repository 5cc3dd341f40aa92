"""A release: commit, images, stack and environment as one, named by its content, written as one manifest on the VM."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from resonant.application import Description, Kind
from resonant.compose_model import Model, fingerprint, parse_model
from resonant.repository import Commit
from resonant.slots import Placement, Wanted

FILE = "release.json"


class ReleasedService(BaseModel):
    """`image_id` is Docker's content address; `fingerprint` changes when the container has to be another one."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    image: str
    image_id: str
    fingerprint: str
    port: int = 0
    health: str = ""


class Release(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    commit: str
    title: str = ""
    ref: str = ""
    is_uncommitted: bool = False
    folder: str = ""
    created_at: str = ""
    stack: str
    environment_sha256: str
    environment_names: tuple[str, ...]
    description: Description
    services: dict[str, ReleasedService] = {}
    schema_version: str = ""

    @property
    def images(self) -> dict[str, str]:
        return {name: service.image for name, service in self.services.items()}

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        return tuple(
            Wanted(name, entry.kind, entry.fingerprint, entry.port, entry.health)
            for name, entry in self.services.items()
        )


@dataclass(frozen=True)
class Draft:
    """What a release will be, before images are there. `values` are the variables with their secrets: never to be shown."""

    id: str
    commit: Commit
    ref: str
    folder: str
    stack: str
    front: str
    description: Description
    values: Mapping[str, str]
    environment: str

    @property
    def environment_sha256(self) -> str:
        return _sha256(self.environment)


def choose_id(commit: str, folder: str, stack: str, front: str, description: Description, environment: str) -> str:
    """The same content is the same release: 7 digits of the commit, 6 of everything."""
    whole = json.dumps([commit, folder, stack, front, description.model_dump(mode="json"), _sha256(environment)])
    return f"{commit[:7]}-{_sha256(whole)[:6]}"


def build_release(
    draft: Draft, model: Model, image_ids: Mapping[str, str], images: Mapping[str, str], created_at: str
) -> Release:
    """`image_ids` by service, of images that are all there."""
    return Release(
        id=draft.id,
        commit=draft.commit.sha,
        title=draft.commit.title,
        ref=draft.ref,
        is_uncommitted=draft.commit.is_uncommitted,
        folder=draft.folder,
        created_at=created_at,
        stack=draft.stack,
        environment_sha256=draft.environment_sha256,
        environment_names=tuple(sorted(draft.values)),
        description=draft.description,
        services={
            service.name: ReleasedService(
                kind=draft.description.read_kind(service.name),
                image=images[service.name],
                image_id=image_ids[service.name],
                fingerprint=fingerprint(service, image_ids[service.name], draft.values),
                port=web.port if (web := draft.description.web.get(service.name)) else 0,
                health=web.health if web else "",
            )
            for service in model.services
        },
    )


def parse_release(text: str) -> Release | None:
    """None when there is none, or one of a kind that is not known any more: then everything is started anew."""
    try:
        return Release.model_validate_json(text) if text.strip() else None
    except ValidationError:
        return None


def parse_placement(text: str) -> Placement:
    try:
        return Placement.model_validate_json(text) if text.strip() else Placement()
    except ValidationError:
        return Placement()


def read_model(answer: str, description: Description, values: Mapping[str, str]) -> Model:
    parsed: Any = json.loads(answer)
    return parse_model(parsed, description, values)


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
