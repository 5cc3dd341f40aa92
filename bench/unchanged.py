"""Nothing has changed: our flows against ansible-playbook and pyinfra, on the same machine, in the same run."""

import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench import survey, tools
from bench.relay import delayed
from bench.site import CHECKOUT, read_environment, run

PEERS = Path(__file__).parent / "peers"
RUNS = 3
SSH_PORT = 22
LIMIT_SECONDS = 300
ROUND_TRIPS = (0.0, 0.05)
PAGE_CONTAINS = 'id="root"'


@dataclass(frozen=True)
class Cost:
    """Seconds of the median run: inside the flow where it is ours, of the whole command where it is a peer's."""

    who: str
    round_trip_seconds: float
    seconds: float
    whole_seconds: float
    round_trips: int | None = None


def measure(site: dict[str, str]) -> list[Cost]:
    tools.ensure_tools()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        found = survey.read(site, folder, PAGE_CONTAINS)
        (folder / "survey.json").write_text(json.dumps(found))
        return [cost for round_trip in ROUND_TRIPS for cost in measure_at(site, folder, round_trip)]


def measure_at(site: dict[str, str], folder: Path, round_trip_seconds: float) -> list[Cost]:
    far = delayed(site["address"], SSH_PORT, round_trip_seconds) if round_trip_seconds else nullcontext(SSH_PORT)
    with far as port:
        known_hosts = write_known_hosts(site, folder, port)
        costs = [measure_flow(site, name, port, round_trip_seconds) for name in ("deploy", "host-setup")]
        peers: dict[str, Callable[[], None]] = {
            "ansible-playbook": lambda: run_ansible(site, folder, port, known_hosts),
            "pyinfra": lambda: run_pyinfra(site, folder, port, known_hosts),
        }
        for name, play in peers.items():
            play()
            seconds = statistics.median(timed(play) for _ in range(RUNS))
            costs.append(Cost(name, round_trip_seconds, seconds, seconds))
    return costs


def measure_flow(site: dict[str, str], name: str, port: int, round_trip_seconds: float) -> Cost:
    """The first run is a warm-up, as it is for the peers."""
    settings = {"RESONANT_SSH_PORT": str(port), "RESONANT_ADDRESS": site["address"]} if port != SSH_PORT else {}
    runs = [run_counted(site, name, settings) for _ in range(RUNS + 1)][1:]
    return Cost(
        f"ours: {name}", round_trip_seconds,
        seconds=statistics.median(told["work_seconds"] for told in runs),
        whole_seconds=statistics.median(told["whole_seconds"] for told in runs),
        round_trips=max(int(told["round_trips"] + told["files_sent"]) for told in runs),
    )  # fmt: skip


def run_counted(site: dict[str, str], name: str, settings: dict[str, str]) -> dict[str, float]:
    started = time.monotonic()
    printed = run([sys.executable, "-m", "bench.counted", name], {**read_environment(site), **settings})
    told: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    return {**told, "whole_seconds": time.monotonic() - started}


def run_ansible(site: dict[str, str], folder: Path, port: int, known_hosts: Path) -> None:
    login = read_login(site)
    ssh = f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes"
    inventory = folder / f"inventory-{port}.ini"
    inventory.write_text(
        f"site ansible_host={site['address']} ansible_port={port} ansible_user={login.user} "
        f"ansible_ssh_private_key_file={login.key} ansible_ssh_common_args='{ssh}'\n"
    )
    command = [
        tools.find("ansible-playbook"),
        "-i",
        str(inventory),
        "-e",
        f"@{folder / 'survey.json'}",
        str(PEERS / "playbook.yaml"),
    ]
    printed = play(
        command, {"ANSIBLE_CONFIG": str(PEERS / "ansible.cfg"), "ANSIBLE_LOCAL_TEMP": str(folder / "ansible")}
    )
    if not re.search(r"changed=0\s+unreachable=0\s+failed=0", printed):
        sys.exit(f"bench: ansible-playbook changed something or failed:\n{printed[-3000:]}")


def run_pyinfra(site: dict[str, str], folder: Path, port: int, known_hosts: Path) -> None:
    login = read_login(site)
    data = {
        "ssh_user": login.user, "ssh_port": port, "ssh_key": login.key, "ssh_known_hosts_file": str(known_hosts),
        "ssh_strict_host_key_checking": "yes",
    }  # fmt: skip
    inventory = folder / "inventory.py"
    inventory.write_text(f"hosts = [({site['address']!r}, {data!r})]\n")
    command = [tools.find("pyinfra"), "-y", "--sudo", str(inventory), str(PEERS / "deploy.py")]
    printed = play(command, {"BENCH_SURVEY": str(folder / "survey.json")})
    if not re.search(r"Grand total +(\d+) +- +- +\1\b", printed):  # of all operations none made a change or failed
        sys.exit(f"bench: pyinfra changed something or failed:\n{printed[-3000:]}")


@dataclass(frozen=True)
class Login:
    user: str
    key: str


def read_login(site: dict[str, str]) -> Login:
    words = shlex.split(site["ssh"])
    return Login(words[-1].partition("@")[0], words[words.index("-i") + 1])


def write_known_hosts(site: dict[str, str], folder: Path, port: int) -> Path:
    """The pinned key under the name that the relay's port gives it."""
    words = shlex.split(site["ssh"])
    pinned = next(word.partition("=")[2] for word in words if word.startswith("UserKnownHostsFile="))
    keys = [line.split()[1:3] for line in Path(pinned).read_text().splitlines() if line.strip()]
    name = site["address"] if port == SSH_PORT else f"[{site['address']}]:{port}"
    file = folder / f"known_hosts-{port}"
    file.write_text("".join(f"{name} {kind} {key}\n" for kind, key in keys))
    return file


def play(command: list[str], environment: dict[str, str]) -> str:
    own = {
        "PATH": f"{tools.FOLDER / 'bin'}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, **own, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=LIMIT_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"bench: {Path(command[0]).name} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def timed(action: Callable[[], None]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started
