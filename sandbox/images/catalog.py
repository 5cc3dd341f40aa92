"""Which images are built here, from which recipe."""

from dataclasses import dataclass
from pathlib import Path

RECIPES = Path(__file__).parent / "recipes"
MACHINE_FOLDER = Path(__file__).parent.parent / "vm" / "image"


@dataclass(frozen=True)
class Recipe:
    """A folder with a Dockerfile, on top of a Debian suite."""

    name: str
    folder: Path
    suite: str
    # The genuine image that this one stands in for; None when it is the sandbox's own.
    stands_in_for: str | None = None

    @property
    def version(self) -> str:
        return (self.stands_in_for or "").partition(":")[2]


TOOLS = Recipe("tools", RECIPES / "tools", "trixie")
MACHINE = Recipe("machine", MACHINE_FOLDER, "trixie")

# Every image that the stack's Compose file and the applications' Dockerfiles name; the slowest to build come first.
STAND_INS = {
    name: Recipe(folder, RECIPES / folder, suite, stands_in_for=name)
    for name, folder, suite in (
        ("postgres:15.18-bookworm", "postgres", "bookworm"),
        ("node:24-trixie-slim", "node", "trixie"),
        ("certbot/certbot:v5.8.0", "certbot", "trixie"),
        ("python:3.13-slim-trixie", "python", "trixie"),
        ("nginx:1.28.0", "nginx", "trixie"),
    )
}
SUITES = ("trixie", "bookworm")
