"""How OCI spells things: camelCase JSON, OCIDs, tags, resources with an etag."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

TagKey = Annotated[str, StringConstraints(min_length=1, max_length=100)]
TagValue = Annotated[str, StringConstraints(max_length=256)]
FreeformTags = dict[TagKey, TagValue]
DefinedTags = dict[str, dict[str, Any]]
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=255)]

_OCID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def oci_name(field: str) -> str:
    """The JSON name of a field as the SDK spells it: `memory_in_gbs` is "memoryInGBs"."""
    name = to_camel(field)
    return name.replace("Gbs", "GBs").replace("Mbs", "MBs").replace("PerGb", "PerGB")


def new_ocid(kind: str, region: str) -> str:
    return f"ocid1.{kind}.oc1.{region}." + "".join(secrets.choice(_OCID_ALPHABET) for _ in range(60))


def new_etag() -> str:
    return secrets.token_hex(16)


def now() -> datetime:
    return datetime.now(UTC)


class Wire(BaseModel):
    """Anything that is sent as JSON."""

    model_config = ConfigDict(alias_generator=oci_name, populate_by_name=True)


class Details(Wire):
    """A request body. A field that is not emulated is refused: silence would rehearse something else than asked."""

    model_config = ConfigDict(extra="forbid")

    def given(self, *names: str) -> dict[str, Any]:
        """The fields that the caller sent, of those named; OCI's PUT changes only these."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class TaggedDetails(Details):
    display_name: DisplayName | None = None
    freeform_tags: FreeformTags | None = Field(default=None, max_length=64)
    defined_tags: DefinedTags | None = None

    def tags(self) -> dict[str, Any]:
        return {"freeform_tags": self.freeform_tags or {}, "defined_tags": self.defined_tags or {}}

    def given_names_and_tags(self) -> dict[str, Any]:
        return self.given("display_name", "freeform_tags", "defined_tags")


class Resource(Wire):
    """Anything that has an OCID. Fields marked `exclude` are the sandbox's own and never sent."""

    id: str
    compartment_id: str
    time_created: datetime = Field(default_factory=now)
    lifecycle_state: str
    etag: str = Field(default_factory=new_etag, exclude=True)


class NamedResource(Resource):
    display_name: str
    freeform_tags: dict[str, str] = Field(default_factory=dict)
    defined_tags: DefinedTags = Field(default_factory=dict)
    system_tags: DefinedTags = Field(default_factory=dict)


def default_display_name(kind: str) -> str:
    return f"{kind}{now():%Y%m%d%H%M%S}"
