"""Let nginx's old workers finish what they began, then stop and remove the containers that nobody is led to any more.

Arguments: seconds, nginx's container, containers to stop. Prints {"seconds", "is_drained"}.
"""

import json
import subprocess
import sys
import time

PAUSE_SECONDS = 0.25
LEAVING = "worker process is shutting down"


def main(seconds: str, nginx: str, *containers: str) -> None:
    began = time.monotonic()
    while (busy := is_busy(nginx)) and time.monotonic() - began < float(seconds):
        time.sleep(PAUSE_SECONDS)
    if containers:
        # Each by its own grace period and its own signal, all at once.
        stops = [
            subprocess.Popen(["docker", "stop", name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for name in containers
        ]
        errors = [stop.communicate()[1] for stop in stops]
        failed = [
            error.decode()
            for stop, error in zip(stops, errors, strict=True)
            if stop.returncode and b"No such container" not in error
        ]
        if failed:
            sys.exit("".join(failed))
        subprocess.run(
            ["docker", "rm", "--force", "--volumes", *containers],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    print(json.dumps({"seconds": round(time.monotonic() - began, 2), "is_drained": not busy}))


def is_busy(nginx: str) -> bool:
    done = subprocess.run(["docker", "top", nginx, "-eo", "pid,args"], capture_output=True, text=True, check=False)
    return LEAVING in done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
