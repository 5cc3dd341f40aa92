"""What the VM can tell about a release that failed."""

import json
from typing import Any

from prefect import get_run_logger

from resonant.commands.on_vm import on_vm
from resonant.diagnosis import Evidence, parse_evidence
from resonant.errors import ResonantError
from resonant.remote import Host
from tasks.options import step
from tasks.shell import run

TIMEOUT_SECONDS = 20


@step("evidence", timeout_seconds=60)
def collect_evidence(host: Host, request: dict[str, Any]) -> Evidence | None:
    """The argument of `resonant/on_vm/evidence.py` in, what it saw out; None, and a line in the log, when it cannot be had.

    It is asked after something else failed, whose message must not be hidden behind one of its own.
    """
    try:
        return parse_evidence(run(host, on_vm("evidence", json.dumps(request)), timeout_seconds=TIMEOUT_SECONDS))
    except (ResonantError, ValueError, LookupError, TypeError, AttributeError) as error:
        get_run_logger().warning("No evidence could be collected: %s", error)
        return None
