"""Prefect on the VM: its environment, server, deployments and worker."""

from prefect import get_run_logger
from prefect.settings import PREFECT_API_URL

from resonant import environment, orchestration, paths
from resonant.commands import prefect, shell
from resonant.connection import build_api_url
from resonant.environment import parse_environment, render_environment
from resonant.facts import SERVER_UNIT, WORKER_UNIT, Facts
from resonant.remote import Host
from resonant.settings import Settings
from tasks.options import line_logger, step
from tasks.shell import put, run

SERVER_WITHIN_SECONDS = 120
DRAIN_WITHIN_SECONDS = 600
KEPT_PROJECTS = 2  # besides the current one
REPORT_FILE = f"{paths.ROOT}/go-live.md"


@step("Python environment", timeout_seconds=1200, retries=2)
def ensure_venv(host: Host, known: Facts, project: str) -> tuple[str, ...]:
    """The locked packages in a virtual environment of their own."""
    name = orchestration.read_venv_name(known["python"])
    if known["venv"] == name:
        return ()
    run(host, prefect.create_venv(name, f"{paths.PROJECTS}/{project}"), timeout_seconds=1100, on_line=line_logger())
    return (f"installed the Python environment {name}",)


@step("Prefect configuration", retries=2)
def ensure_configuration(host: Host, settings: Settings, address: str, known: Facts) -> tuple[str, ...]:
    """Environment files, 0600, with passwords made once; (changes)."""
    if not known["settings_sha256"]:
        run(host, prefect.create_user())
    server = orchestration.decide_server_environment(
        parse_environment(run(host, shell.read_file(paths.SERVER_ENVIRONMENT)))
    )
    wanted = {
        paths.SERVER_ENVIRONMENT: server,
        paths.WORKER_ENVIRONMENT: orchestration.decide_worker_environment(server),
        paths.SITE_SETTINGS: orchestration.decide_site_settings(settings, address, environment.read_given(settings)),
    }
    changes = [path for path, values in wanted.items() if _put_changed(host, path, render_environment(values))]
    return tuple(f"wrote {path}" for path in changes)


@step("switch", retries=2)
def switch_project(host: Host, known: Facts, project: str) -> None:
    """Point the units at the new flows and their environment; what runs keeps what it has loaded."""
    venv = orchestration.read_venv_name(known["python"])
    links = {paths.CURRENT_PROJECT: f"{paths.PROJECTS}/{project}", paths.CURRENT_VENV: f"{paths.VENVS}/{venv}"}
    for link, target in links.items():
        run(host, shell.switch_link(link, target))


@step("Prefect server", timeout_seconds=300)
def ensure_server(host: Host, known: Facts, *, is_stale: bool) -> tuple[str, ...]:
    """Running and answering; restarted only when what it is made of has changed."""
    changed = run(host, prefect.install_units()) if is_stale or "inactive" in known["units"] else ""
    if not is_stale and SERVER_UNIT not in changed and known["units"].splitlines()[:1] == ["active"]:
        return ()
    run(host, prefect.restart(SERVER_UNIT))
    run(host, prefect.wait_for_server(SERVER_WITHIN_SECONDS), timeout_seconds=SERVER_WITHIN_SECONDS + 10)
    return ("started the Prefect server",)


@step("drain worker", timeout_seconds=DRAIN_WITHIN_SECONDS + 60)
def drain_worker(host: Host, known: Facts) -> None:
    """Let the runs on the VM finish, then stop its worker."""
    if known["units"].splitlines() == ["active", "active"]:
        run(
            host,
            prefect.deployments("drain", "vm", WORKER_UNIT),
            timeout_seconds=DRAIN_WITHIN_SECONDS,
            on_line=line_logger(),
        )


@step("deployments", timeout_seconds=400, retries=2)
def register_deployments(host: Host, project: str) -> tuple[str, ...]:
    """Work pools, deployments, schedules and automations, as prefect.yaml says."""
    run(host, prefect.deployments("register"), timeout_seconds=360, on_line=line_logger())
    run(host, prefect.mark_registered(project))
    return ("registered the deployments",)


@step("worker")
def start_worker(host: Host) -> tuple[str, ...]:
    run(host, prefect.start_worker())
    get_run_logger().info("the worker starts when the server answers and runs of an earlier life are ended")
    return ("started the worker",)


def _put_changed(host: Host, path: str, content: str) -> bool:
    if run(host, shell.read_file(path)).strip() == content.strip():
        return False
    put(host, content.encode(), path, mode=0o600)
    return True


@step("remove old", retries=1)
def remove_old(host: Host) -> None:
    """Flows and Python environments that no unit uses any more; an environment is half a gigabyte."""
    run(host, shell.prune_folder(paths.PROJECTS, paths.CURRENT_PROJECT, KEPT_PROJECTS))
    run(host, shell.prune_folder(paths.VENVS, paths.CURRENT_VENV, 0))


@step("report on the VM", retries=2)
def publish_on_vm(host: Host, settings: Settings, page: str) -> None:
    """The same page on the VM's server, when this run reports to another one (the first go-live has no other choice)."""
    if PREFECT_API_URL.value() == build_api_url(settings):
        return
    put(host, page.encode(), REPORT_FILE, mode=0o600)
    run(host, prefect.deployments("publish", "go-live", REPORT_FILE))
