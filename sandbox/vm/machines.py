"""Machines on Docker. All state is the containers': labels, their volume, and the files under /var/lib/vm."""

import os
import threading
from collections.abc import Sequence
from typing import Any

from sandbox.cloud.machines import IngressRule, MachineSpec
from sandbox.engine.command import inspect, names_of, run_docker, run_docker_raw
from sandbox.errors import DockerFailed, SandboxError
from sandbox.place import Ground
from sandbox.vm import seed

LABEL = "resonant.machine"
GRACEFUL_SECONDS = 60
GIB = 1024**3

# All that systemd and a nested engine need; with less than --privileged: none of the host's devices are inside.
LIKE_A_MACHINE = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--cgroupns=private"),
    *(
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--security-opt=systempaths=unconfined",
    ),
    *("--tmpfs=/run", "--tmpfs=/run/lock", "--stop-signal=SIGRTMIN+3", "--restart=no"),
)
# The terminal is the machine's serial console; `docker logs` is its history.
CONSOLE = ("--tty", "--log-driver=json-file", "--log-opt=max-size=20m", "--log-opt=max-file=2")


class DockerMachines:
    """Implements `sandbox.cloud.machines.Machines` for one sandbox."""

    def __init__(self, ground: Ground, image: str, mirror: str | None) -> None:
        """`mirror` is host:port of the registry that the machines' own engines ask first; None to ask none."""
        self.ground = ground
        self.image = image
        self.mirror = mirror
        self._lock = threading.RLock()

    def create(self, spec: MachineSpec) -> None:
        with self._lock:
            existing = self._find(spec.name)
            if existing and existing["State"]["Status"] != "created":
                return self.start(spec.name)
            if existing:
                # An earlier attempt was interrupted before its first boot.
                run_docker("container", "rm", "--force", self._container(spec.name))
            self._create_container(spec)
            self._write(spec.name, self._first_files(spec))
        return self.start(spec.name)

    def start(self, name: str) -> None:
        self._require(name)
        run_docker("container", "start", self._container(name))

    def stop(self, name: str, *, graceful: bool) -> None:
        """Graceful asks systemd to shut down and cuts the power when that takes too long."""
        if not self.is_running(name):
            return
        how = ("stop", "-t", str(GRACEFUL_SECONDS)) if graceful else ("kill",)
        try:
            run_docker("container", *how, self._container(name))
        except DockerFailed as failure:
            # It powered itself off in between.
            if "is not running" not in failure.stderr:
                raise

    def reset(self, name: str, *, graceful: bool) -> None:
        self.stop(name, graceful=graceful)
        self.start(name)

    def terminate(self, name: str) -> None:
        """Leaves nothing of the machine, its disk included; nothing to do when it is gone already."""
        for kind, thing in (("container", self._container(name)), ("volume", self._volume(name))):
            if inspect(kind, thing):
                run_docker(kind, "rm", "--force", thing)

    def is_running(self, name: str) -> bool:
        return bool(self._require(name)["State"]["Running"])

    def read_console(self, name: str) -> bytes:
        self._require(name)
        return run_docker_raw("container", "logs", self._container(name))

    def allow_ingress(self, name: str, rules: Sequence[IngressRule]) -> None:
        with self._lock:
            self._require(name)
            self._write(name, {seed.SECURITY_LIST_FILE: seed.render_security_list(rules).encode()})
            self._apply_network(name)

    def publish(self, address: str, name: str) -> None:
        """Give the machine the inner address that this public one leads to."""
        inner = self.ground.inner_address(address)
        with self._lock:
            self._require(name)
            self._withdraw(inner, keep=name)
            addresses = self._read_addresses(name)
            if inner not in addresses:
                self._write_addresses(name, [*addresses, inner])
            self._apply_network(name)

    def withdraw(self, address: str) -> None:
        with self._lock:
            self._withdraw(self.ground.inner_address(address))

    def names(self) -> list[str]:
        containers = names_of("container", f"label={self.ground.place.label}", f"label={LABEL}")
        return sorted(container.removeprefix(self.ground.place.prefix) for container in containers)

    def read_address(self, name: str) -> str:
        """The machine's own address on the sandbox's network, fixed for its life."""
        networks = self._require(name)["NetworkSettings"]["Networks"]
        return str(networks[self.ground.place.network]["IPAMConfig"]["IPv4Address"])

    def _container(self, name: str) -> str:
        return f"{self.ground.place.prefix}{name}"

    def _volume(self, name: str) -> str:
        return f"{self._container(name)}-docker"

    def _find(self, name: str) -> dict[str, Any] | None:
        return inspect("container", self._container(name))

    def _require(self, name: str) -> dict[str, Any]:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def _create_container(self, spec: MachineSpec) -> None:
        place = self.ground.place
        labels = ("--label", place.label, "--label", f"{LABEL}={spec.name}")
        memory_bytes = int(spec.memory_in_gbs * GIB)
        # More processors than the host has are refused, so a bigger shape gets them all.
        processors = min(spec.ocpus, os.cpu_count() or 1)
        run_docker("volume", "create", *labels, self._volume(spec.name))
        run_docker(
            *("container", "create", "--name", self._container(spec.name), "--hostname", spec.hostname, *labels),
            *("--network", place.network, "--ip", self._choose_address()),
            *("--memory", str(memory_bytes), "--memory-swap", str(memory_bytes), "--cpus", str(processors)),
            *("--volume", f"{self._volume(spec.name)}:/var/lib/docker", *LIKE_A_MACHINE, *CONSOLE, self.image),
        )

    def _choose_address(self) -> str:
        taken = {self.read_address(name) for name in self.names()}
        for address in self.ground.machine_addresses:
            if address not in taken:
                return address
        raise SandboxError(f"All {len(taken)} machine addresses of the sandbox are taken; terminate a machine.")

    def _first_files(self, spec: MachineSpec) -> dict[str, bytes]:
        return {
            f"{seed.SEED_FOLDER}/meta-data": seed.render_meta_data(spec).encode(),
            f"{seed.SEED_FOLDER}/user-data": seed.decode_user_data(spec),
            seed.SECURITY_LIST_FILE: seed.render_security_list([]).encode(),
            seed.ADDRESSES_FILE: b"",
            seed.DOCKER_CONFIG_FILE: seed.render_docker_config(self.mirror).encode(),
        }

    def _write(self, name: str, files: dict[str, bytes]) -> None:
        run_docker("cp", "-", f"{self._container(name)}:/", stdin=seed.pack(files))

    def _read_addresses(self, name: str) -> list[str]:
        return (
            seed.unpack(run_docker_raw("cp", f"{self._container(name)}:/{seed.ADDRESSES_FILE}", "-")).decode().split()
        )

    def _write_addresses(self, name: str, addresses: Sequence[str]) -> None:
        self._write(name, {seed.ADDRESSES_FILE: "".join(f"{address}\n" for address in addresses).encode()})

    def _withdraw(self, address: str, keep: str | None = None) -> None:
        for name in self.names():
            addresses = self._read_addresses(name)
            if name != keep and address in addresses:
                self._write_addresses(name, [one for one in addresses if one != address])
                self._apply_network(name)

    def _apply_network(self, name: str) -> None:
        """At once on a running machine; a stopped one does it itself at the start of its next boot."""
        if not self.is_running(name):
            return
        try:
            run_docker("container", "exec", self._container(name), "vm-network")
        except DockerFailed as failure:
            if "is not running" not in failure.stderr:
                raise
