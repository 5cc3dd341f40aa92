"""`python -m deployments.operator COMMAND`, with RESONANT_SETTINGS_FILE naming the site."""

import sys

import typer

from deployments.operator import connection
from deployments.operator.supervisor import supervise as keep_alive
from resonant.errors import ResonantError

app = typer.Typer(no_args_is_help=True, help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def connect() -> None:
    """Start (or find) the tunnel to the VM's Prefect server and the operator's worker, in the background; then `status`."""
    connection.connect()
    status()


@app.command()
def disconnect() -> None:
    """Stop what `connect` started."""
    connection.disconnect()


@app.command()
def status() -> None:
    """How to reach the site, one name=value a line."""
    for name, value in connection.status().items():
        print(f"{name}={value}")


@app.command()
def supervise() -> None:
    """Keep the tunnel and the operator's worker alive, in the foreground; Ctrl-C ends both."""
    keep_alive()


if __name__ == "__main__":
    try:
        app()
    except ResonantError as error:
        print(f"operator: {error}", file=sys.stderr)
        sys.exit(1)
