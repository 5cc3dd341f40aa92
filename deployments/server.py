"""The Prefect server that PREFECT_API_URL names."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client

from resonant.errors import HostUnreachable
from resonant.polling import wait_for

READY_WITHIN_SECONDS = 180


@contextmanager
def open_server(timeout_seconds: float = READY_WITHIN_SECONDS) -> Iterator[SyncPrefectClient]:
    """A client, once the server answers; raises NotReady when it does not in time."""
    with get_client(sync_client=True) as client:
        wait_for(
            f"the Prefect server at {client.api_url}",
            lambda: _is_healthy(client),
            timeout_seconds=timeout_seconds,
            poll_seconds=0.5,
            hint="Look at `journalctl -u resonant-prefect-server` on the VM.",
        )
        yield client


def _is_healthy(client: SyncPrefectClient) -> bool:
    try:
        return client.hello().status_code == 200
    except httpx.HTTPStatusError:
        raise
    except httpx.HTTPError as error:
        raise HostUnreachable(str(error) or type(error).__name__) from error
