"""`python -m deployments COMMAND`, with PREFECT_API_URL naming the site's server."""

import sys
from pathlib import Path

import typer
from prefect.artifacts import create_markdown_artifact

from deployments.drain import drain_pool
from deployments.reconcile import reconcile_pool
from deployments.register import register_all
from resonant.errors import ResonantError

app = typer.Typer(no_args_is_help=True, help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def register() -> None:
    """Work pools, every deployment of prefect.yaml and the automations; may be run again."""
    register_all()


@app.command()
def reconcile(pool: str) -> None:
    """End the runs of a pool that the server calls running although their worker is gone."""
    reconcile_pool(pool)


@app.command()
def drain(pool: str, unit: str, timeout_seconds: float = 600) -> None:
    """Wait until no run of the pool is under way (new ones wait meanwhile), then stop the worker's systemd unit."""
    drain_pool(pool, unit, timeout_seconds)


@app.command()
def publish(key: str, file: Path) -> None:
    """Make a Markdown file an artifact of the server."""
    create_markdown_artifact(key=key, markdown=file.read_text(), description="The site, as go-live left it")


if __name__ == "__main__":
    try:
        app()
    except ResonantError as error:
        print(f"deployments: {error}", file=sys.stderr)
        sys.exit(1)
