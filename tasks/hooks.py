"""Commands of the settings, before and after a release."""

import time
from collections.abc import Mapping, Sequence

from prefect import get_run_logger

from resonant.commands import hooks as commands
from resonant.errors import HookFailed, RemoteCommandFailed
from resonant.remote import Host
from tasks.options import line_logger, step
from tasks.shell import run

# The step's own limit comes after that of the command, which names the hook.
GRACE_SECONDS = 60


def run_hooks(
    host: Host,
    hooks: Sequence[str],
    when: str,
    release_folder: str,
    variables: Mapping[str, str],
    timeout_seconds: float,
) -> None:
    """One after the other as root on the VM, up to the first that fails; raises HookFailed naming it.

    `when` is how messages call them: "pre-release". `variables` are told by their names, RESONANT_RELEASE and so on, and end
    up in a command line: no secrets.
    """
    for number, hook in enumerate(hooks, 1):
        name = f"{when} hook {number} of {len(hooks)}"
        bounded = run_hook.with_options(task_run_name=name, timeout_seconds=timeout_seconds + GRACE_SECONDS)
        bounded(host, name, hook, release_folder, dict(variables), timeout_seconds)


@step("hook")
def run_hook(
    host: Host, name: str, hook: str, release_folder: str, variables: dict[str, str], timeout_seconds: float
) -> None:
    get_run_logger().info("%s: %s", name, hook)
    command, started = commands.run_hook(hook, release_folder, variables), time.monotonic()
    try:
        run(host, command, timeout_seconds=timeout_seconds, on_line=line_logger())
    except RemoteCommandFailed as error:
        is_late = time.monotonic() - started >= timeout_seconds
        why = f"was not done after {timeout_seconds:g} s" if is_late else f"failed with exit code {error.exit_code}"
        tail = error.stderr_tail.strip() or "(it printed nothing)"
        raise HookFailed(f"The {name}, `{shown(hook)}`, {why}. Its last lines:\n{tail}") from error


def shown(hook: str) -> str:
    line = " ".join(hook.split())
    return line if len(line) <= 160 else line[:157] + "…"
