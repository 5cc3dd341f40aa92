"""An application in a real git repository, as the VM has it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from resonant.on_vm import describe
from tests.vocabulary import RECORDINGS

PROGRAM = Path(describe.__file__)
FILES = {
    "web/main.js": "serve()\n",
    "docker/web.Dockerfile": "FROM scratch\n",
    "Dockerfile": "FROM scratch\n",
    "shared/words.txt": "words\n",
    "web.ini": "[web]\n",
    "pepper.txt": "not a secret\n",
    "limits.toml": "most = 3\n",
    "settings/worker.env": "SPEED=slow\n",
}


class Repository:
    """`bare` is what the program reads; `folder` the application's place in it."""

    def __init__(self, bare: Path, work: Path, folder: str = "shop") -> None:
        self.bare, self.work, self.folder = bare, work, folder
        self.application = work / folder
        self._git("init", "-q", str(work), where=None)
        for name, content in FILES.items():
            self.write(name, content)
        self.write("compose.yaml", (RECORDINGS / "compose_model/everything.yaml").read_text())
        self.commit = self.save()

    def write(self, name: str, content: str) -> None:
        file = self.application / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def save(self) -> str:
        """Commit everything; the bare repository has it too."""
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        self._git("add", "-A")
        self._git(*identity, "commit", "-qm", "change", "--allow-empty")
        if not self.bare.exists():
            self._git("clone", "-q", "--bare", str(self.work), str(self.bare), where=None)
        self._git("push", "-q", str(self.bare), "HEAD:refs/heads/main")
        self.commit = self._git("rev-parse", "HEAD").strip()
        return self.commit

    def describe(
        self, target: Path, environment: dict[str, str], *, how: str = "keep", variables: str = "/nonexistent/.env.prod"
    ) -> Any:
        done = self.run(target, environment, how=how, variables=variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(
        self, target: Path, environment: dict[str, str], *, how: str = "keep", variables: str = "/nonexistent/.env.prod"
    ) -> subprocess.CompletedProcess[str]:
        """As on the VM: sent as text."""
        command = [sys.executable, "-c", PROGRAM.read_text(), str(self.bare), self.commit, self.folder, str(target)]
        command += ["compose.yaml", variables, how]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def _git(self, *arguments: str, where: Path | None = Path()) -> str:
        folder = () if where is None else ("-C", str(self.work))
        return subprocess.run(["git", *folder, *arguments], capture_output=True, text=True, check=True).stdout
