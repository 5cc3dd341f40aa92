"""Serve the sandbox cloud, on loopback and nowhere else."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn
from fastapi import FastAPI


def check_loopback(host: str) -> None:
    """Addresses only: a name could lead anywhere."""
    if not ip_address(host).is_loopback:
        raise ValueError(f"The sandbox cloud listens on loopback addresses only, not on {host}.")


@contextmanager
def serving(app: FastAPI, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve from a thread while the block runs; yields the URL (port 0: a free one)."""
    check_loopback(host)
    with socket.create_server((host, port)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
