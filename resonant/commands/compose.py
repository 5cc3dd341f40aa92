"""Docker Compose, always for one release folder and the site's environment file."""

from resonant.commands.shell import Command, joined
from resonant.paths import ENVIRONMENT, RELEASES

PROJECT = "resonant"
DATABASE = "postgres"
BUILT = ("backend", "frontend", "intent_bridge")
SERVICES = ("nginx", DATABASE, *BUILT)


def compose(release: str, *arguments: str) -> Command:
    return [
        "docker", "compose", "--project-name", PROJECT, "--env-file", ENVIRONMENT,
        "--file", f"{RELEASES}/{release}/stack/compose.yaml", *arguments,
    ]  # fmt: skip


def pull(release: str) -> Command:
    """Fetch the ready images that are not there yet."""
    return compose(release, "--profile", "certificate", "pull", "--quiet", "--ignore-buildable", "--policy", "missing")


def build(release: str) -> Command:
    return compose(release, "--progress", "plain", "build", *BUILT)


def start(release: str, *services: str, timeout_seconds: int, remove_orphans: bool = False) -> Command:
    """Start and wait until healthy."""
    orphans = ["--remove-orphans"] if remove_orphans else []
    return compose(
        release, "up", "--detach", "--no-build", "--quiet-pull", *orphans, "--wait", "--wait-timeout", str(timeout_seconds),
        *services,
    )  # fmt: skip


def migrate(release: str) -> Command:
    return compose(release, "run", "--rm", "--no-deps", "-T", "backend", "alembic", "upgrade", "head")


def list_services(release: str) -> Command:
    return compose(release, "ps", "--all", "--format", "json")


def read_logs(release: str, service: str, lines: int = 15) -> Command:
    return compose(release, "logs", "--no-color", "--no-log-prefix", "--tail", str(lines), service)


def reload_nginx(release: str) -> Command:
    """Check the configuration first: a bare reload signal would hide an error."""
    nginx = "nginx -c /etc/nginx/resonant/nginx.conf"
    return compose(release, "exec", "-T", "nginx", "sh", "-c", f"{nginx} -t && {nginx} -s reload")


def prune_images() -> Command:
    """Images that no tag names any more, and build cache beyond what speeds up the next build; volumes are never touched."""
    return joined(
        ["docker", "image", "prune", "--force"],
        ["docker", "builder", "prune", "--force", "--keep-storage", "5GB"],
    )
