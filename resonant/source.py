"""What is shipped to the VM: files of this checkout, named by their content."""

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from resonant.errors import ResonantError

CHECKOUT = Path(__file__).resolve().parent.parent
PROJECT_PATHS = (
    "flows", "tasks", "resonant", "deployments", "stack", "apps", "prefect.yaml", "pyproject.toml", "requirements.lock",
    "requirements-uv.lock",
)  # fmt: skip
NEVER = {"__pycache__", "node_modules", "dist", ".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".registered"}


@dataclass(frozen=True)
class Source:
    """Files to ship; `digest` names them: 16 hex digits of a SHA-256 over paths, modes and contents."""

    digest: str
    files: tuple[str, ...]


def read_source(paths: Iterable[str], checkout: Path = CHECKOUT) -> Source:
    files = tuple(sorted(_list(paths, checkout)))
    if not files:
        raise ResonantError(f"Nothing to ship: {', '.join(paths)} not found in {checkout}.")
    digest = hashlib.sha256()
    for name in files:
        path = checkout / name
        digest.update(f"{name}\0{os.access(path, os.X_OK):d}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return Source(digest.hexdigest()[:16], files)


def read_checksums(folder: str, checkout: Path = CHECKOUT) -> dict[str, str]:
    """SHA-256 of each file by its path below the folder."""
    files = read_source((folder,), checkout).files
    return {
        name.removeprefix(f"{folder}/"): hashlib.sha256((checkout / name).read_bytes()).hexdigest() for name in files
    }


def build_archive(source: Source, checkout: Path = CHECKOUT) -> bytes:
    """A gzipped tar archive, the same bytes for the same source."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name in source.files:
            archive.add(checkout / name, arcname=name, recursive=False, filter=_neutral)
    return buffer.getvalue()


def _neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry


def _list(paths: Iterable[str], checkout: Path) -> Iterable[str]:
    """Tracked and new files of a git checkout; every file of a shipped tree, which has no .git."""
    wanted = [path for path in paths if (checkout / path).exists()]
    if (checkout / ".git").exists():
        listing = ["git", "-C", str(checkout), "ls-files", "-z", "-co", "--exclude-standard", "--", *wanted]
        listed = subprocess.run(listing, capture_output=True, check=True, timeout=60).stdout.decode().split("\0")
        return [name for name in listed if name and (checkout / name).is_file()]
    roots = [checkout / path for path in wanted]
    found = [file for root in roots for file in ([root] if root.is_file() else root.rglob("*")) if file.is_file()]
    return [str(file.relative_to(checkout)) for file in found if not NEVER & set(file.relative_to(checkout).parts)]
