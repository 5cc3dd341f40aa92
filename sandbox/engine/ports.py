"""Ports of the loopback interface: free, or held by whom."""

import psutil

from sandbox.errors import SandboxError
from sandbox.place import is_port_free

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (read, not bound)
OTHER_PORTS = "Stop that, or let the sandbox choose other ports: `python -m sandbox down`, then `up`."


def check_port(port: int, purpose: str, address: str = "127.0.0.1", advice: str = OTHER_PORTS) -> None:
    """SandboxError that names the process when the port is taken."""
    if not is_port_free(port, address):
        raise SandboxError(
            f"Port {port} on {address}, wanted for the sandbox's {purpose}, is taken by {describe_holder(port, address)}. {advice}"
        )


def describe_holder(port: int, address: str = "127.0.0.1") -> str:
    """Who listens there, or on every address; the same port of another address is somebody else's business."""
    wanted = {(one, port) for one in (address, *EVERYWHERE)}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr in wanted:
            return _describe_process(connection.pid)
    return "a process that is going away"


def _describe_process(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.NoSuchProcess:
        return f"process {pid}, which has just ended"
