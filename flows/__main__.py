"""`python -m flows NAME`: run one flow here and now, without a worker. Exit code 1 and one message when it fails, 130 after Ctrl-C."""

import importlib
import json
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import httpx
import typer
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.exceptions import ParameterBindError, ParameterTypeError, PrefectHTTPStatusError, SignatureMismatchError
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, temporary_settings

from resonant import remote
from resonant.errors import ResonantError

INTERRUPTED = 130


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
    try:
        # Without PREFECT_API_URL a server of its own is started, which makes its database the first time.
        with temporary_settings({PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 180}):
            start_own_server()
            load(name)(**parse_parameters(param))
    except KeyboardInterrupt:
        give_up(f"{name} was interrupted. Run it again: it goes on where it stopped.", INTERRUPTED)
    except ResonantError as error:
        give_up(f"{name} failed: {error}")
    except (ParameterBindError, ParameterTypeError, SignatureMismatchError) as error:
        give_up(f"{name} was not started: {error}")
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        give_up(
            f"{name} lost the Prefect server at {PREFECT_API_URL.value()}: {error}. Is it up, and its password right?"
        )
    finally:
        remote.close_all()


def parse_parameters(entries: list[str]) -> dict[str, Any]:
    """NAME=VALUE pairs; raises typer.BadParameter for one without a value."""
    pairs = [entry.partition("=") for entry in entries]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise typer.BadParameter(f"{', '.join(wrong)}: write NAME=VALUE")
    return {name: _value(text) for name, _, text in pairs}


def start_own_server() -> None:
    """Where no server is configured: one that Ctrl-C in the terminal does not end before the run has told it that it ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the server
    try:
        get_client(sync_client=True)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def give_up(message: str, exit_code: int = 1) -> NoReturn:
    print(f"\n{message}", file=sys.stderr)
    raise typer.Exit(exit_code) from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    typer.run(main)
