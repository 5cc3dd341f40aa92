"""How long the rehearsal takes and what it needs: `.venv/bin/python -m bench.rehearsal [--cold]` from the checkout.

Starts over (with --cold also from no images and no Python environment), runs go-live again on the live site, reboots the VM,
and prints one Markdown table beside the goals. The machine should do nothing else meanwhile.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

CHECKOUT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 1800
SERVICES = ("resonant-prefect-server", "resonant-prefect-worker")


def main(arguments: list[str]) -> None:
    rows = [*measure_start(is_cold="--cold" in arguments)]
    rows.append(("go-live again, nothing changed", measure_again(), "10 s"))
    site = read_status()
    rows.append(("VM rebooted until it serves again", measure_reboot(site), "20 s"))
    rows.append(("Prefect server and worker on the VM", measure_memory(site), "700 MB"))
    rows.append(("disk: images, machine, environment", measure_disk(), "8 GB"))
    print("\n| what | measured | goal |\n| --- | ---: | ---: |")
    for what, measured, goal in rows:
        print(f"| {what} | {measured} | {goal} |")


def measure_start(*, is_cold: bool) -> list[tuple[str, str, str]]:
    if is_cold:
        run(["scripts/rehearse", "--down"])
        shutil.rmtree(CHECKOUT / ".venv", ignore_errors=True)
        return [("cold start", timed(lambda: run(["scripts/rehearse"])), "7 min")]
    run([sys.executable, "-m", "deployments.operator", "disconnect"])
    run([sys.executable, "-m", "sandbox", "down"])
    return [("warm start: images built, a new machine", timed(lambda: run(["scripts/rehearse"])), "75 s")]


def measure_again() -> str:
    """The flow's own seconds, as Prefect counted them, of a run that finds everything as it must be."""
    site = read_status()
    run(["sh", "-c", f"{site['project_env']}; python -m flows go-live"])
    script = "prefect flow-run ls --flow-name go-live --limit 1 --output json"
    printed = run(["sh", "-c", f"{site['project_env']}; {script}"])
    return f"{float(httpx.Response(200, text=printed).json()[0]['total_run_time']):.1f} s"


def measure_reboot(site: dict[str, str]) -> str:
    ssh = shlex.split(site["ssh"])
    subprocess.run([*ssh, "sudo systemctl reboot"], check=False, timeout=30, capture_output=True)
    client = httpx.Client(verify=site["ca_file"], timeout=2, trust_env=False)
    until(lambda: not is_serving(client, site))
    seconds = timed(lambda: until(lambda: is_serving(client, site)))
    until(
        lambda: (
            subprocess.run([*ssh, "systemctl", "is-active", *SERVICES], capture_output=True, check=False).returncode
            == 0
        )
    )
    return seconds


def measure_memory(site: dict[str, str]) -> str:
    """Resident, of the two services' main processes, once both have one."""
    script = " && ".join(f"ps -o rss= -p $(systemctl show -P MainPID {name})" for name in SERVICES)
    command = [*shlex.split(site["ssh"]), script]
    until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0)
    return f"{sum(map(int, run(command).split())) / 1000:.0f} MB"


def measure_disk() -> str:
    """What Docker says of its own, and the checkout's environment."""
    sizes = run(["docker", "system", "df", "--format", "{{.Type}} {{.Size}}"])
    environment = run(["du", "-sh", ".venv"]).split()[0]
    return f"{', '.join(sizes.strip().splitlines())}, .venv {environment}"


def read_status() -> dict[str, str]:
    lines = run(["scripts/rehearse", "--status"]).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def is_serving(client: httpx.Client, site: dict[str, str]) -> bool:
    try:
        return client.get(f"{site['dashboard']}api/health").status_code == 200
    except httpx.HTTPError:
        return False


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit("bench: waited for three minutes in vain")
        time.sleep(0.2)


def timed(action: Callable[[], object]) -> str:
    started = time.monotonic()
    action()
    return f"{time.monotonic() - started:.1f} s"


def run(command: list[str]) -> str:
    settings = {"RESONANT_SETTINGS_FILE": str(CHECKOUT / ".rehearsal" / "settings.env")}
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"bench: {shlex.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
