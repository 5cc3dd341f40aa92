"""A site's resources are found by their freeform tags: the tags are the only record of what was created."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from resonant.errors import CloudError

SITE_TAG = "resonant-site"
PART_TAG = "resonant-part"
HOST_KEY_TAG = "resonant-host-key"
GONE = {"TERMINATED", "TERMINATING", "DELETED"}


@dataclass(frozen=True)
class Ensured:
    """The OCID of a resource, and what was changed to have it so (None: nothing)."""

    id: str
    change: str | None = None


def build_tags(site: str, part: str) -> dict[str, str]:
    return {SITE_TAG: site, PART_TAG: part}


def choose_tagged(resources: Iterable[Any], site: str, part: str) -> Any | None:
    """The living resource that carries the site's tags, or None; two of them are an error that a person must solve."""
    wanted = build_tags(site, part)
    living = [
        resource
        for resource in resources
        if wanted.items() <= (resource.freeform_tags or {}).items() and resource.lifecycle_state not in GONE
    ]
    if len(living) > 1:
        ids = ", ".join(resource.id for resource in living)
        raise CloudError(
            f"Two resources are tagged as the {part} of site {site}: {ids}. Delete the one that is not in use."
        )
    return living[0] if living else None
