"""Every resource of the tenancy, in memory. Touched from the event loop only, so it needs no lock."""

from typing import Any, TypeVar

from sandbox.cloud.errors import no_etag_match, not_found
from sandbox.cloud.wire import Resource, new_etag

R = TypeVar("R", bound=Resource)


class Store:
    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}

    def add(self, resource: R) -> R:
        self._resources[resource.id] = resource
        return resource

    def all(self, kind: type[R]) -> list[R]:
        return [resource for resource in self._resources.values() if isinstance(resource, kind)]

    def find(self, kind: type[R], ocid: str | None) -> R | None:
        resource = self._resources.get(ocid or "")
        return resource if isinstance(resource, kind) else None

    def get(self, kind: type[R], ocid: str | None, if_match: str | None = None) -> R:
        """Refuses an unknown OCID with 404, and an etag that is no longer the resource's with 412."""
        resource = self.find(kind, ocid)
        if resource is None:
            raise not_found()
        if if_match not in (None, "*", resource.etag):
            raise no_etag_match(resource.etag)
        return resource

    def change(self, resource: R, **changes: Any) -> R:
        for name, value in changes.items():
            setattr(resource, name, value)
        resource.etag = new_etag()
        return resource

    def move(self, resource: Resource, before: str, after: str) -> None:
        """Change the life-cycle state, unless something else has changed it in the meantime."""
        if resource.lifecycle_state == before:
            self.change(resource, lifecycle_state=after)

    def remove(self, resource: Resource) -> None:
        self._resources.pop(resource.id, None)

    def exists(self, ocid: str) -> bool:
        resource = self._resources.get(ocid)
        return resource is not None and resource.lifecycle_state not in ("TERMINATING", "TERMINATED")
