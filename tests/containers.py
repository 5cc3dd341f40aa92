"""Real containers for tests: short words, images that are there, and names that belong to one test only."""

import subprocess

BUSY = "import time; time.sleep(3600)"


def docker(*arguments: str, check: bool = True, timeout: float = 120) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.strip()


def find_image(genuine: str, kind: str) -> str:
    """The sandbox's own where it built one, else the genuine image, which is then pulled."""
    for label in (f"resonant.standin.for={genuine}", f"resonant.sandbox.image={kind}"):
        if found := docker("images", "--quiet", "--filter", f"label={label}").split():
            return found[0]
    return genuine


def python_image() -> str:
    return find_image("python:3.13-slim-bookworm", "python")


def nginx_image() -> str:
    return find_image("nginx:1.28.0", "nginx")
