"""Oracle's free machines are arm64: everything that production installs must exist for it. Resolved, not emulated."""

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from resonant.packages import choose_packages
from resonant.source import CHECKOUT
from tests.vocabulary import recorded

LOCKS = ["requirements-uv.lock", "requirements.lock", "apps/backend/requirements.lock", "apps/bridge/requirements.lock"]
# Debian 13 is what a Debian VM runs; its package names are asked of the mirror that this machine uses.
SUITE = "trixie"


def resolve_wheels(requirements: list[str], python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    uv = Path(sys.executable).with_name("uv")
    target = ["--python-platform", "aarch64-manylinux_2_28", "--python-version", python, "--target", str(folder)]
    command = [str(uv), "pip", "install", "--quiet", "--dry-run", "--only-binary", ":all:", *target, *requirements]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("python", ["3.12", "3.13"])
@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_wheel_exists(lock: str, python: str, tmp_path: Path):
    done = resolve_wheels(["--require-hashes", "-r", str(CHECKOUT / lock)], python, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_wheel_for_intel_alone_would_be_seen(tmp_path: Path):
    done = resolve_wheels(["intel-openmp==2024.0.0"], "3.12", tmp_path)
    assert "no wheels with a matching platform tag" in " ".join(done.stderr.split())


def test_every_native_npm_package_has_its_arm64_twin():
    packages = json.loads((CHECKOUT / "apps/frontend/package-lock.json").read_text())["packages"]
    intel = [name for name, entry in packages.items() if is_for(entry, "x64")]
    assert intel
    arm = {name for name, entry in packages.items() if is_for(entry, "arm64")}
    assert [name for name in intel if name.replace("x64", "arm64") not in arm] == []


def is_for(entry: dict[str, list[str]], cpu: str) -> bool:
    return cpu in entry.get("cpu", []) and "linux" in entry.get("os", []) and "musl" not in entry.get("libc", [])


def read_image_names() -> Iterator[str]:
    """Of the Compose files and of every Dockerfile that ships; our own images are built from them."""
    for file in ("stack/compose.yaml", "apps/compose.yaml"):
        for service in yaml.safe_load((CHECKOUT / file).read_text())["services"].values():
            if "build" not in service:
                yield service["image"]
    for dockerfile in (CHECKOUT / "apps").glob("*/Dockerfile"):
        text = dockerfile.read_text()
        yield from re.findall(r"^ARG \w+=(\S+:\S+)$", text, re.MULTILINE)
        for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            assert image.startswith("${"), f"{dockerfile}: name the image in an ARG, so that it can be checked"


def test_every_image_is_published_for_arm64_and_pinned():
    known = json.loads(recorded("image_platforms.json"))
    names = set(read_image_names())
    assert len(names) >= 5
    for image in names:
        name, _, tag = image.partition(":")
        assert "arm64" in known[name]["architectures"] and known[name]["source"].startswith("https://"), image
        assert re.search(r"\d", tag), f"{image} is not pinned"


@pytest.fixture
def arm64_apt(tmp_path: Path) -> list[str]:
    """apt's options for an arm64 machine of the suite, with lists and caches of its own."""
    if shutil.which("apt-get") is None or platform.freedesktop_os_release()["ID"] != "debian":
        pytest.skip("only a Debian machine knows a mirror of Debian")
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines()
    uri = next(line.split()[0] for line in listed if line.endswith(" main") and "security" not in line)
    for folder in ("lists/partial", "cache/archives/partial"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "status").touch()
    (tmp_path / "sources").write_text(f"deb {uri} {SUITE} main\n")
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Dir::Etc::SourceList": tmp_path / "sources",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": tmp_path,
        "Dir::State::Lists": tmp_path / "lists",
        "Dir::State::Status": tmp_path / "status",
        "Dir::Cache": tmp_path / "cache",
        "APT::Sandbox::User": "root",
    }
    arguments = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    subprocess.run(["apt-get", "-qq", *arguments, "update"], check=True, capture_output=True, timeout=120)
    return arguments


def test_every_debian_package_can_be_installed(arm64_apt: list[str]):
    wanted = list(choose_packages("debian"))
    command = ["apt-get", "-s", "-qq", *arm64_apt, "install", "--no-install-recommends", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [name for name in wanted if f"Inst {name} " not in done.stdout] == []
    assert "[arm64]" in done.stdout and "[amd64]" not in done.stdout
