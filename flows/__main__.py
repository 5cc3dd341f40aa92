"""`python -m flows NAME`: run one flow here and now, without a worker. Exit code 1 and one message when it fails."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import typer
from prefect import Flow

from resonant import remote
from resonant.errors import ResonantError


def names() -> list[str]:
    return sorted(file.stem.replace("_", "-") for file in Path(__file__).parent.glob("[a-z]*.py"))


def load(name: str) -> Flow[Any, Any]:
    module = name.replace("-", "_")
    found: Flow[Any, Any] = getattr(importlib.import_module(f"flows.{module}"), module)
    return found


def main(
    name: str = typer.Argument(help="One of: " + ", ".join(names())),
    param: list[str] = typer.Option([], help="NAME=VALUE, the value as JSON or plain text; may be repeated."),  # noqa: B008
) -> None:
    if name not in names():
        raise typer.BadParameter(f"no flow {name}; there are {', '.join(names())}")
    pairs = (entry.partition("=") for entry in param)
    try:
        load(name)(**{key: _value(text) for key, _, text in pairs})
    except ResonantError as error:
        print(f"\n{name} failed: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    finally:
        remote.close_all()


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    typer.run(main)
