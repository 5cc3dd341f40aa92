"""The Prefect server and worker on the VM."""

from resonant.commands.shell import Command, script
from resonant.facts import SERVER_UNIT, WORKER_UNIT
from resonant.paths import CONFIGURATION, CURRENT_PROJECT, CURRENT_VENV, VENVS, WORKER_ENVIRONMENT

USER = "resonant-prefect"
HEALTH_URL = "http://127.0.0.1:4200/api/health"


def create_venv(name: str, project: str) -> Command:
    """A virtual environment with exactly the hashed lock's packages; complete or not linked at all.

    What the services import is compiled once here, because the server's user may not write there.
    """
    return script(
        # An interrupted run may have left one of these at work: wait for it, then find its result.
        f"mkdir -p {VENVS} && exec 9> {VENVS}/.lock && flock 9",
        f'venv="{VENVS}/$1"',
        '[ -e "$venv/.complete" ] && exit 0',
        'rm -rf "$venv" && python3 -m venv "$venv"',
        '"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$2/requirements-uv.lock"',
        '"$venv/bin/uv" pip sync --quiet --system-certs --python "$venv/bin/python" --require-hashes "$2/requirements.lock"',
        '"$venv/bin/python" -c "import prefect.server.api.server, prefect.cli, prefect.workers.process, prefect_shell, fabric, httpx"',
        'touch "$venv/.complete"',
        arguments=[name, project],
    )


def create_user() -> Command:
    return script(
        'id "$1" >/dev/null 2>&1 || useradd --system --home-dir "/var/lib/$1" --no-create-home --shell /usr/sbin/nologin "$1"',
        f"install -d -m 755 {CONFIGURATION}",
        arguments=[USER],
    )


def install_units() -> Command:
    """Unit files and the `prefect` command; prints "changed" when a unit is not as it was."""
    source = f"{CURRENT_PROJECT}/stack"
    return script(
        f"for unit in {SERVER_UNIT} {WORKER_UNIT}; do",
        f'  cmp -s "{source}/systemd/$unit" "/etc/systemd/system/$unit" && continue',
        f'  install -m 644 "{source}/systemd/$unit" "/etc/systemd/system/$unit"; echo "changed $unit"',
        "done",
        f"ln -sfn {source}/prefect /usr/local/bin/prefect",
        f"systemctl daemon-reload && systemctl enable --quiet {SERVER_UNIT} {WORKER_UNIT}",
    )


def restart(unit: str) -> Command:
    return script('systemctl reset-failed "$1" 2>/dev/null || true', 'systemctl restart "$1"', arguments=[unit])


def start_worker() -> Command:
    """Without waiting: its start ends only when the server answers and old runs are reconciled."""
    return ["systemctl", "restart", "--no-block", WORKER_UNIT]


def wait_for_server(timeout_seconds: int) -> Command:
    return ["curl", "--fail", "--silent", "--output", "/dev/null", "--retry", str(timeout_seconds), "--retry-delay", "1",
            "--retry-max-time", str(timeout_seconds), "--retry-connrefused", HEALTH_URL]  # fmt: skip


def deployments(*arguments: str) -> Command:
    """`python -m deployments …` of the shipped project, speaking to the VM's server."""
    return script(
        f"set -a; . {WORKER_ENVIRONMENT}; set +a; cd {CURRENT_PROJECT}",
        f'exec {CURRENT_VENV}/bin/python -m deployments "$@"',
        arguments=arguments,
    )


def mark_registered(mark: str) -> Command:
    return script(f'printf %s "$1" > {CURRENT_PROJECT}/.registered', arguments=[mark])
