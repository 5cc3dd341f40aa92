"""Decide whether the stack is as it must be, and say why one that did not start did not."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from resonant.commands.compose import SERVICES
from resonant.errors import ReleaseFailed
from resonant.facts import Facts


@dataclass(frozen=True)
class ServiceState:
    """One container as `docker compose ps --format json` tells it."""

    service: str
    state: str
    health: str
    exit_code: int

    @property
    def is_well(self) -> bool:
        return self.state == "running" and self.health in ("", "healthy")

    def __str__(self) -> str:
        return f"{self.service} is {self.health or self.state}" + (
            f" (exit code {self.exit_code})" if self.state == "exited" else ""
        )


BUILD_STEP = re.compile(r"#\d+ (\[(?!internal)|ERROR|.*\berror\b)", re.IGNORECASE)


def is_build_step(line: str) -> bool:
    """True for the lines of BuildKit's plain progress that say which step begins or what went wrong."""
    return BUILD_STEP.match(line) is not None


def is_current(known: Facts, release: str, environment_sha256: str) -> bool:
    """True when nothing has to be built, migrated or started."""
    same = (known["release"], known["environment_sha256"]) == (release, environment_sha256)
    return same and known.are_well(SERVICES)


def parse_services(text: str) -> list[ServiceState]:
    """One JSON object a line, as Compose 2.21 and newer print them, or one array, as older ones do."""
    joined = text if text.lstrip().startswith("[") else f"[{','.join(filter(str.strip, text.splitlines()))}]"
    rows = json.loads(joined)
    return [ServiceState(row["Service"], row["State"], row.get("Health", ""), int(row["ExitCode"])) for row in rows]


def build_failure(release: str, states: list[ServiceState], logs: Mapping[str, str], error: str) -> ReleaseFailed:
    """One message: which service, in which state, and its last words."""
    unwell = [state for state in states if not state.is_well]
    told = [f"{state}. Its last lines:\n{logs.get(state.service, '').strip() or '(no output)'}" for state in unwell]
    return ReleaseFailed("\n".join([f"Release {release} did not come up.", *(told or [error])]))
