"""Which packages a host needs, by distribution."""

from collections.abc import Set

from resonant.errors import ResonantError

EVERYWHERE = ("ca-certificates", "git", "openssl", "python3-venv", "iptables", "docker.io", "docker-buildx")
BY_SYSTEM = {
    "ubuntu": ("docker-compose-v2",),
    # Debian's docker.io leaves the client to a package of its own.
    "debian": ("docker-cli", "docker-compose"),
}


def choose_packages(os_id: str) -> tuple[str, ...]:
    """Raises ResonantError on a distribution that was never tried."""
    if os_id not in BY_SYSTEM:
        raise ResonantError(
            f"The VM runs `{os_id or 'an unknown system'}`; supported are Ubuntu and Debian. Set RESONANT_OPERATING_SYSTEM="
            "'Canonical Ubuntu' and provision again."
        )
    return (*EVERYWHERE, *BY_SYSTEM[os_id])


def decide_missing(os_id: str, installed: Set[str]) -> tuple[str, ...]:
    return tuple(name for name in choose_packages(os_id) if name not in installed)
