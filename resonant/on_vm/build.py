"""Build images side by side with BuildKit, inside a systemd slice that leaves the running application its share.

Argument: {"folder", "compose", "environment", "images": {service: image}, "cpus", "memory_bytes"}; 0 is no limit.
BuildKit's plain progress goes to standard output, each line behind the service's name; the last lines of a build that failed
to standard error.
"""

import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from threading import Thread
from typing import Any

SLICE = "resonant-build.slice"
# Against 100 of everything else: what nobody needs may be used, and no more.
WEIGHT = 20
TAIL_LINES = 40


def main(argument: str) -> None:
    order = json.loads(argument)
    services = read_services(order)
    parent = prepare_slice(order["cpus"], order["memory_bytes"])
    builds = [Build(name, services[name]["build"], image, parent) for name, image in order["images"].items()]
    for build in builds:
        build.start()
    for build in builds:
        build.join()
    failed = [build for build in builds if build.exit_code != 0]
    for build in failed:
        print(f"failed to build {build.service} (exit code {build.exit_code})", *build.tail, sep="\n", file=sys.stderr)
    sys.exit(1 if failed else 0)


def read_services(order: Any) -> Any:
    command = ["docker", "compose", "--project-name", "resonant", "--env-file", order["environment"], "--file"]
    done = subprocess.run(
        [*command, order["compose"], "config", "--format", "json"],
        cwd=order["folder"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return unescape(json.loads(done.stdout)["services"])


def unescape(value: Any) -> Any:
    """Compose writes a dollar sign as two, because its own next reading would take one for a variable."""
    if isinstance(value, dict):
        return {name: unescape(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [unescape(entry) for entry in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def prepare_slice(cpus: float, memory_bytes: int) -> str:
    """How BuildKit has to be told, which depends on who manages Docker's control groups."""
    quota, memory = f"{cpus * 100:.0f}%" if cpus else "", str(memory_bytes or "infinity")
    limits = [f"CPUQuota={quota}", f"CPUWeight={WEIGHT}", f"MemoryMax={memory}", "MemorySwapMax=0"]
    subprocess.run(["systemctl", "set-property", "--runtime", SLICE, *limits], check=True)
    subprocess.run(["systemctl", "start", SLICE], check=True)
    driver = subprocess.run(
        ["docker", "info", "--format", "{{.CgroupDriver}}"], capture_output=True, text=True, check=True
    )
    return f"{SLICE}:docker:" if driver.stdout.strip() == "systemd" else f"/resonant.slice/{SLICE}"


class Build(Thread):
    def __init__(self, service: str, build: Any, image: str, parent: str) -> None:
        super().__init__()
        self.service = service
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.exit_code = 1
        self._command, self._environment = build_command(build, image, parent)

    def run(self) -> None:
        process = subprocess.Popen(
            self._command,
            env={**os.environ, **self._environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        for line in process.stdout or ():
            self.tail.append(line.rstrip())
            print(f"{self.service}: {line.rstrip()}", flush=True)
        self.exit_code = process.wait()


def build_command(build: Any, image: str, parent: str) -> tuple[list[str], dict[str, str]]:
    """Values of build arguments travel in the environment: a command line is there for all to read."""
    arguments = {name: str(value) for name, value in (build.get("args") or {}).items() if value is not None}
    command = ["docker", "buildx", "build", "--progress", "plain", "--load", "--cgroup-parent", parent, "--tag", image]
    command += ["--file", str(Path(build["context"]) / build.get("dockerfile", "Dockerfile"))]
    command += [word for name in arguments for word in ("--build-arg", name)]
    command += ["--target", build["target"]] if build.get("target") else []
    command += ["--network", build["network"]] if build.get("network") else []
    command += ["--shm-size", str(build["shm_size"])] if build.get("shm_size") else []
    command += ["--pull"] if build.get("pull") else []
    command += [word for name, value in (build.get("labels") or {}).items() for word in ("--label", f"{name}={value}")]
    command += [word for entry in build.get("extra_hosts") or [] for word in ("--add-host", entry)]
    contexts = build.get("additional_contexts") or {}
    command += [word for name, value in contexts.items() for word in ("--build-context", f"{name}={value}")]
    return [*command, build["context"]], arguments


if __name__ == "__main__":
    main(sys.argv[1])
