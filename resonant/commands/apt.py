"""Debian and Ubuntu packages."""

from collections.abc import Sequence

from resonant.commands.shell import Command, script

LOCK_TIMEOUT_SECONDS = 300


def install(packages: Sequence[str]) -> Command:
    """Install without questions, after a first boot's own apt run; the lists are fetched anew when they do not suffice."""
    options = (
        f"-y -qq -o DPkg::Lock::Timeout={LOCK_TIMEOUT_SECONDS} -o APT::Get::Always-Include-Phased-Updates=true "
        "--no-install-recommends"
    )
    return script(
        "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l",
        f'apt-get install {options} "$@" || {{ apt-get update -qq && apt-get install {options} "$@"; }}',
        arguments=list(packages),
    )
