"""The JSON API under /api."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Response
from psycopg import OperationalError
from pydantic import BaseModel

from backend.intents import Intent, NewIntent, Page, PageQuery
from backend.services import CurrentServices
from backend.store import IntentStore

HEALTH_DEADLINE_SECONDS = 1.5

router = APIRouter(prefix="/api")


class Health(BaseModel):
    status: str
    database: str


@router.get("/health")
async def health(services: CurrentServices, response: Response) -> Health:
    """200 with the server's version, or 503 with the class of the failure."""
    try:
        return Health(status="ok", database=await read_version_in_time(services.store))
    except (OperationalError, TimeoutError) as error:
        response.status_code = 503
        return Health(status="unavailable", database=type(error).__name__)


async def read_version_in_time(store: IntentStore) -> str:
    probe = asyncio.create_task(store.read_server_version())
    done, _ = await asyncio.wait({probe}, timeout=HEALTH_DEADLINE_SECONDS)
    if not done:
        # Not awaited: with a frozen server psycopg's cancellation waits for an answer, too.
        probe.cancel()
        raise TimeoutError
    return probe.result()


@router.get("/intents")
async def list_intents(services: CurrentServices, query: Annotated[PageQuery, Query()]) -> Page:
    return Page(items=await services.store.read_page(query), counts=await services.counts.read())


@router.post("/intents", status_code=201)
async def create_intent(services: CurrentServices, new: NewIntent, response: Response) -> Intent:
    intent = await services.store.create(new)
    services.counts.forget()
    response.headers["Location"] = f"/api/intents/{intent.id}"
    return intent


@router.get("/intents/{intent_id}")
async def read_intent(services: CurrentServices, intent_id: UUID) -> Intent:
    intent = await services.store.read(intent_id)
    if intent is None:
        raise HTTPException(404, "no such intent")
    return intent


@router.delete("/intents/{intent_id}", status_code=204)
async def delete_intent(services: CurrentServices, intent_id: UUID) -> None:
    if not await services.store.delete(intent_id):
        raise HTTPException(404, "no such intent")
    services.counts.forget()
