"""The sandbox of this checkout: python -m sandbox up | down | status | env."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sandbox.engine.network import read_ground
from sandbox.errors import SandboxError
from sandbox.lifecycle.credentials import ensure_credentials
from sandbox.lifecycle.down import take_down
from sandbox.lifecycle.progress import Progress
from sandbox.lifecycle.server import serve_cloud
from sandbox.lifecycle.settings import render_settings
from sandbox.lifecycle.status import read_status
from sandbox.lifecycle.up import bring_up
from sandbox.place import Place

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
PLACE = Place(Path(__file__).resolve().parent.parent)


@contextmanager
def one_message() -> Iterator[None]:
    """What went wrong in plain words and exit code 2; 130 after Ctrl-C."""
    try:
        yield
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(130) from None


@app.command()
def up() -> None:
    """Start everything that a rehearsal needs; what is there already stays."""
    with one_message():
        bring_up(PLACE, Progress())


@app.command()
def down(
    images: Annotated[
        bool, typer.Option("--images", help="Remove the images as well; the next `up` builds them again.")
    ] = False,
) -> None:
    """Remove every trace of this checkout's sandbox."""
    with one_message():
        take_down(PLACE, Progress(), images=images)


@app.command()
def status() -> None:
    """Show what runs, one name=value a line."""
    with one_message():
        for name, value in read_status(PLACE).items():
            print(f"{name}={value}")


@app.command()
def env() -> None:
    """Print the settings that point the flows at this sandbox, one NAME=value a line."""
    with one_message():
        ground = read_ground(PLACE)
        if ground is None:
            raise SandboxError("There is no sandbox here yet. Run: python -m sandbox up")
        print(render_settings(ground, ensure_credentials(PLACE.state)), end="")


@app.command(hidden=True)
def serve(image: Annotated[str, typer.Option()], mirror: Annotated[str | None, typer.Option()] = None) -> None:
    """The cloud's API, in the foreground; `up` starts it in the background."""
    with one_message():
        serve_cloud(PLACE, image, mirror)


if __name__ == "__main__":
    app()
