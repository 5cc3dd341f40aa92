"""What the API accepts and returns."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

TEXT_MAX_LENGTH = 2000
PAGE_SIZE = 50


class State(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"


def check_storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_MAX_LENGTH),
    AfterValidator(check_storable),
]


class NewIntent(BaseModel):
    """A request body. A synthetic intent belongs to a load check or a probe: it is answered without calling the API."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    synthetic: bool = False


class Intent(BaseModel):
    id: UUID
    text: str
    state: State
    result: str | None
    error: str | None
    attempts: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Counts(BaseModel):
    pending: int = 0
    processing: int = 0
    done: int = 0
    failed: int = 0


class PageQuery(BaseModel):
    """Query parameters of the list; `before` is the `created_at` of the last intent of the previous page."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    limit: int = Field(PAGE_SIZE, ge=1, le=200)
    before: AwareDatetime | None = None


class Page(BaseModel):
    items: list[Intent]
    counts: Counts


class Snapshot(Page):
    type: Literal["snapshot"] = "snapshot"


class Changed(BaseModel):
    type: Literal["changed"] = "changed"
    intent: Intent
    counts: Counts


class Deleted(BaseModel):
    type: Literal["deleted"] = "deleted"
    id: UUID
    counts: Counts


Message = Snapshot | Changed | Deleted
