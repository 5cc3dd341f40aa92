"""Bring the containers to what the accepted release says: a release on trial is put back, strays are removed, the rest is started.

Run by a change that failed, before the next one, by a timer when the run that watched a trial is gone, and at boot. It may be
interrupted anywhere and run again.
Arguments: the folder of the activations, and the Compose project where it is not "resonant".
Prints {"activation", "release", "put_back", "removed", "started"}.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CONFIGURATION = "/etc/nginx/site/current/nginx.conf"
RELOADED_WITHIN_SECONDS = 10.0
RELOAD_AGAIN_SECONDS = 2.0
# What is being answered by the release that is put back may end, but not for long.
DRAINED_WITHIN_SECONDS = 3.0
HEALTHY_WITHIN_SECONDS = 30.0
LEAVING = "worker process is shutting down"
ONCE = ("no", "on-failure", "")


def main(folder: str, project: str = "resonant") -> None:
    activations, nginx = Path(folder), f"{project}-nginx-1"
    placement, put_back = choose(activations)
    if placement is None:
        print(json.dumps({"activation": 0, "release": "", "put_back": "", "removed": [], "started": []}))
        return
    link(activations, placement["activation"])
    there = list_containers(project)
    is_reloaded = there.get(nginx, ("",))[0] == "running" and lead(nginx, placement["activation"])
    placed = {container(project, entry) for entry in placement["running"]}
    strays = [name for name in there if re.match(rf"{project}-[ab]-", name) and name not in placed]
    if strays and is_reloaded:
        drain(nginx)
    remove(strays)
    stopped = sorted(name for name in placed if has_stopped(there.get(name)))
    started = [name for name in stopped if start(name)]
    wait_for_health(started)
    told = {"activation": placement["activation"], "release": placement["release"], "put_back": put_back}
    print(json.dumps({**told, "removed": strays, "started": started}))


def choose(activations: Path) -> tuple[Any, str]:
    """(the placement that counts, the release on trial that has to give way or "")."""
    current = read(activations / "current")
    if current is None:
        return find_accepted(activations), ""
    if (activations / "current" / "accepted").exists():
        return current, ""
    previous = read(activations / name(current.get("previous_activation", 0)))
    return (previous, current["release"]) if previous else (current, "")


def find_accepted(activations: Path) -> Any:
    """The newest one, for when the link leads nowhere or to what a power cut has spoiled."""
    accepted = sorted((file.parent for file in activations.glob("*/accepted")), reverse=True)
    return next((placement for folder in accepted if (placement := read(folder))), None)


def read(folder: Path) -> Any:
    try:
        return json.loads((folder / "placement.json").read_text())
    except (OSError, ValueError):
        return None


def name(activation: int) -> str:
    return f"{activation:06d}"


def container(project: str, entry: Any) -> str:
    return f"{project}-{entry['slot']}-{entry['service']}-1" if entry["slot"] else f"{project}-{entry['service']}-1"


def link(activations: Path, activation: int) -> None:
    current, following = activations / "current", activations / "current.next"
    if current.is_symlink() and str(current.readlink()) == name(activation):
        return
    following.unlink(missing_ok=True)
    following.symlink_to(name(activation))
    following.replace(current)


def lead(nginx: str, activation: int) -> bool:
    """Until nginx serves the activation; True when it had to be told.

    Asked even when the link was right: a run that was killed may have left nginx with what it read before. Ends the program when
    nginx cannot be brought to it: then no container may be removed, because visitors may be led there.
    """
    began, told_at = time.monotonic(), 0.0
    while not serves(nginx, activation):
        now = time.monotonic()
        if now - began > RELOADED_WITHIN_SECONDS:
            sys.exit(f"{nginx} does not take the configuration of activation {activation}: {check(nginx)}")
        if now - told_at > RELOAD_AGAIN_SECONDS:
            told_at = now
            run("exec", nginx, "nginx", "-c", CONFIGURATION, "-s", "reload")
        time.sleep(0.1)
    return bool(told_at)


def serves(nginx: str, activation: int) -> bool:
    asked = ("curl", "--silent", "--max-time", "2", "http://127.0.0.1:8081/healthz")
    return run("exec", nginx, *asked).stdout.strip() == str(activation)


def check(nginx: str) -> str:
    return run("exec", nginx, "nginx", "-c", CONFIGURATION, "-t", "-q").stderr.strip() or "it does not answer"


def drain(nginx: str) -> None:
    deadline = time.monotonic() + DRAINED_WITHIN_SECONDS
    while time.monotonic() < deadline and LEAVING in run("top", nginx, "-eo", "pid,args").stdout:
        time.sleep(0.1)


def remove(strays: list[str]) -> None:
    if strays:
        # By their own signal and grace period: a daemon finishes what it has in hand.
        run("stop", *strays)
        run("rm", "--force", "--volumes", *strays)


def has_stopped(state: tuple[str, int, str] | None) -> bool:
    """What ran once and ended well stays as it is."""
    if state is None:
        return False
    status, exit_code, policy = state
    return status in ("exited", "created", "dead") and not (status == "exited" and exit_code == 0 and policy in ONCE)


def start(container: str) -> bool:
    return run("start", container).returncode == 0


def wait_for_health(started: list[str]) -> None:
    """For a while: whoever looks next would take what is still starting for something to be replaced."""
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    template = "{{with .State.Health}}{{.Status}}{{end}}"
    while started and time.monotonic() < deadline:
        if "starting" not in run("inspect", "--format", template, *started).stdout.split():
            return
        time.sleep(0.25)


def list_containers(project: str) -> dict[str, tuple[str, int, str]]:
    """Status, exit code and restart policy by name."""
    listed = run("ps", "--all", "--quiet", "--filter", f"name=^{project}-")
    if listed.returncode != 0:
        sys.exit(listed.stderr)
    template = "{{.Name}}\t{{.State.Status}}\t{{.State.ExitCode}}\t{{.HostConfig.RestartPolicy.Name}}"
    ids = listed.stdout.split()
    rows = run("inspect", "--format", template, *ids).stdout.splitlines() if ids else []
    entries = (row.split("\t") for row in rows)
    return {name.lstrip("/"): (status, int(exit_code), policy) for name, status, exit_code, policy in entries}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
