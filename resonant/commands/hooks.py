"""A hook of the settings: one line of shell, run in the release's folder."""

from collections.abc import Mapping

from resonant.commands.shell import Command, script


def run_hook(hook: str, release_folder: str, variables: Mapping[str, str]) -> Command:
    """Strict bash with the variables in its environment; what it prints comes in one stream, in the order it was printed."""
    assignments = [f"{name}={value}" for name, value in variables.items()]
    return script(
        'cd "$1"',
        'hook="$2"',
        "shift 2",
        'exec env "$@" bash -euo pipefail -c "$hook" hook 2>&1 </dev/null',
        arguments=[release_folder, hook, *assignments],
    )
