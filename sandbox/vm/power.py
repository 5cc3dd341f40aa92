"""A machine that reboots itself comes back; one that powers itself off stays off, as in a cloud."""

import json
import subprocess
import threading
from types import TracebackType
from typing import Self

from sandbox.engine.command import inspect, run_docker
from sandbox.errors import DockerFailed
from sandbox.vm.machines import LABEL, DockerMachines

# How systemd as PID 1 of a container says that it was asked to reboot; after poweroff it exits with 130.
REBOOT_EXIT_CODE = 129
RETRY_SECONDS = 1.0


class PowerSwitch:
    """While entered, starts every machine of the sandbox that went down to reboot."""

    def __init__(self, machines: DockerMachines) -> None:
        self._machines = machines
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="power-switch", daemon=True)
        self._events: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._events:
            self._events.terminate()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            with self._follow_events() as events:
                self._events = events
                self._start_those_waiting()
                for line in events.stdout or []:
                    self._heed(json.loads(line)["Actor"]["Attributes"])
            self._stopping.wait(RETRY_SECONDS)

    def _follow_events(self) -> subprocess.Popen[str]:
        selection = (f"label={self._machines.ground.place.label}", f"label={LABEL}", "event=die")
        filters = [word for condition in selection for word in ("--filter", condition)]
        return subprocess.Popen(
            ["docker", "events", *filters, "--format", "{{json .}}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _heed(self, attributes: dict[str, str]) -> None:
        if int(attributes.get("exitCode", "0")) == REBOOT_EXIT_CODE:
            self._start(attributes["name"])

    def _start_those_waiting(self) -> None:
        """Machines that went down to reboot while nobody watched."""
        try:
            for name in self._machines.names():
                container = f"{self._machines.ground.place.prefix}{name}"
                found = inspect("container", container)
                if found and found["State"]["Status"] == "exited" and found["State"]["ExitCode"] == REBOOT_EXIT_CODE:
                    self._start(container)
        except DockerFailed:
            # The engine is away; its events will be, too, and the watch begins anew.
            return

    def _start(self, container: str) -> None:
        try:
            run_docker("container", "start", container)
        except DockerFailed as failure:
            # Terminated in the meantime.
            if "no such container" not in failure.stderr.lower():
                raise
