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
OWN_CHECKOUT = Path(__file__).resolve().parent.parent


@app.callback()
def choose_place(
    context: typer.Context,
    checkout: Annotated[
        Path, typer.Option(help="The checkout whose sandbox is meant; this one unless said.")
    ] = OWN_CHECKOUT,
) -> None:
    context.obj = Place(checkout.resolve())


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
def up(context: typer.Context) -> None:
    """Start everything that a rehearsal needs; what is there already stays."""
    with one_message():
        bring_up(context.obj, Progress())


@app.command()
def down(
    context: typer.Context,
    images: Annotated[
        bool, typer.Option("--images", help="Remove the images as well; the next `up` builds them again.")
    ] = False,
) -> None:
    """Remove every trace of this checkout's sandbox."""
    with one_message():
        take_down(context.obj, Progress(), images=images)


@app.command()
def status(context: typer.Context) -> None:
    """Show what runs, one name=value a line."""
    with one_message():
        for name, value in read_status(context.obj).items():
            print(f"{name}={value}")


@app.command()
def env(context: typer.Context) -> None:
    """Print the settings that point the flows at this sandbox, one NAME=value a line."""
    with one_message():
        ground = read_ground(context.obj)
        if ground is None:
            raise SandboxError("There is no sandbox here yet. Run: python -m sandbox up")
        print(render_settings(ground, ensure_credentials(context.obj.state)), end="")


@app.command(hidden=True)
def serve(
    context: typer.Context, image: Annotated[str, typer.Option()], mirror: Annotated[str | None, typer.Option()] = None
) -> None:
    """The cloud's API, in the foreground; `up` starts it in the background."""
    with one_message():
        serve_cloud(context.obj, image, mirror)


if __name__ == "__main__":
    app()
