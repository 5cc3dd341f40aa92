"""The lease of the site, and the fence: a leased command looks at the valid token right before it starts."""

from collections.abc import Sequence

from resonant.commands.on_vm import on_vm
from resonant.commands.shell import Command
from resonant.on_vm.lease import HELD, LOST, TTL_SECONDS, VARIABLE
from resonant.paths import LEASE

__all__ = ["HELD", "LOST", "REFUSED", "TTL_SECONDS", "acquire", "fenced", "release", "renew", "show"]

REFUSED = "The fence of the site refused this command"
# The mark is in the environment before the token is read: a takeover empties the token first and then ends every marked
# process, so a command either reads the empty token or is found.
FENCE = (
    'valid=; { read -r valid < "$1/token"; } 2> /dev/null || :',
    f'[ "$valid" = "$2" ] || {{ echo "{REFUSED}: its lease is $2, the valid one ${{valid:-none}}" >&2; exit {LOST}; }}',
    "shift 2",
    'exec "$@"',
)


def fenced(token: int, command: Sequence[str]) -> Command:
    """The command, run only while this lease is the valid one; otherwise exit code LOST and REFUSED on stderr."""
    mark = f"{VARIABLE}={token}@{LEASE}"
    return ["env", mark, "sh", "-c", "\n".join(FENCE), "fence", LEASE, str(token), *command]


def acquire(request: str, ttl_seconds: float) -> Command:
    return on_vm("lease", "acquire", LEASE, request, f"{ttl_seconds:g}")


def renew(token: int) -> Command:
    return on_vm("lease", "renew", LEASE, str(token))


def release(token: int) -> Command:
    return on_vm("lease", "release", LEASE, str(token))


def show() -> Command:
    return on_vm("lease", "show", LEASE)
