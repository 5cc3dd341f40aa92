"""Copies of an application as repositories of their own, so that stories can change them and commit."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.applications.faults import Edit

APPLICATIONS = Path(__file__).parent
AUTHOR = ("-c", "user.name=Author", "-c", "user.email=author@example.test", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Repository:
    folder: Path

    def edit(self, edit: Edit) -> str:
        """Commit what it changes; returns the commit."""
        edit(self.folder)
        return self.commit("change")

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git(*AUTHOR, "commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def copy_application(source: Path, folder: Path, *, edit: Edit | None = None) -> Repository:
    """A repository with one commit, on the branch `main`."""
    left_out = shutil.ignore_patterns("node_modules", "__pycache__", "dist", ".pytest_cache", ".mypy_cache")
    shutil.copytree(source, folder, ignore=left_out)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", folder], check=True, timeout=60)
    if edit:
        edit(folder)
    repository = Repository(folder)
    repository.commit("first")
    return repository


def copy_guestbook(folder: Path, *, edit: Edit | None = None) -> Repository:
    return copy_application(APPLICATIONS / "guestbook", folder, edit=edit)
