"""`python -m bench.counted FLOW [--param …]` runs a flow as `python -m flows` does, and prints what it cost as its last line, in JSON.

Work is the time inside the flow, from its first line to its last: beyond Prefect's own start and end. A round trip is a command
run over SSH or a file sent.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from fabric import Connection

import flows.__main__ as runner

counts: Counter[str] = Counter()
spent: dict[str, float] = {}


def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        counts[name] += 1
        return function(*arguments, **options)

    return call


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent["work_seconds"] = time.perf_counter() - started

    call.__wrapped__ = function  # type: ignore[attr-defined]  # its signature is the form of the flow
    return call


def main(arguments: list[str]) -> None:
    flow = runner.load(arguments[0])
    flow.fn = timed(flow.fn)
    for name in ("run", "sftp"):
        setattr(Connection, name, counted(name, getattr(Connection, name)))
    sys.argv = ["flows", *arguments]
    try:
        typer.run(runner.main)
    finally:
        print(json.dumps({**spent, "round_trips": counts["run"], "files_sent": counts["sftp"]}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main(sys.argv[1:])
