"""The worker of the pool `operator`: ends what an earlier life left running, then serves."""

import os
import socket
import sys

from deployments.reconcile import reconcile_pool
from resonant.errors import ResonantError

POOL = "operator"


def main() -> None:
    """Replaces this process by `prefect worker start`, so that signals reach the worker itself."""
    reconcile_pool(POOL)
    name = f"operator-{socket.gethostname()}"
    command = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", name, "--limit", "4"]
    os.execv(sys.executable, [sys.executable, "-m", *command])  # noqa: S606  # no shell is meant


if __name__ == "__main__":
    try:
        main()
    except ResonantError as error:
        sys.exit(f"operator worker: {error}")
