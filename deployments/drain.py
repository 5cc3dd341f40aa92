"""Let the runs of a pool finish before its worker is replaced."""

import subprocess

from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from deployments.reconcile import read_under_way
from deployments.server import open_server
from resonant.polling import wait_for


def drain_pool(pool: str, unit: str, timeout_seconds: float) -> None:
    """Hand out no new run, wait for those under way, stop the worker's systemd unit; the pool is then as paused as it was."""
    with open_server() as client:
        try:
            was_paused = client.read_work_pool(pool).is_paused
        except ObjectNotFound:
            return
        client.update_work_pool(pool, WorkPoolUpdate(is_paused=True))
        try:
            wait_for(
                f"the end of the runs of pool {pool}",
                lambda: not read_under_way(client, pool),
                timeout_seconds=timeout_seconds,
                poll_seconds=1,
                hint="Cancel them in the UI, or run this again later.",
            )
            subprocess.run(["systemctl", "stop", unit], check=True, timeout=60)
        finally:
            client.update_work_pool(pool, WorkPoolUpdate(is_paused=was_paused))
