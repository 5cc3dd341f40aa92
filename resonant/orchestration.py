"""Configuration of the Prefect server and worker on the VM; passwords are made once there and kept."""

import hashlib
import secrets
from collections.abc import Mapping

from cryptography.fernet import Fernet

from resonant.paths import CURRENT_PROJECT, CURRENT_VENV, SITE_SETTINGS
from resonant.settings import FILE_VARIABLE, PREFIX, Settings
from resonant.source import CHECKOUT

HOME = "/var/lib/resonant-prefect"
LOCK_FILE = "requirements.lock"
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}
HEARTBEAT_SECONDS = "30"


def decide_server_environment(kept: Mapping[str, str]) -> dict[str, str]:
    """The server's environment; `kept` is what lies on the VM."""
    return {
        "PREFECT_HOME": HOME,
        "PREFECT_SERVER_API_AUTH_STRING": kept.get("PREFECT_SERVER_API_AUTH_STRING")
        or f"operator:{secrets.token_urlsafe(24)}",
        "PREFECT_SERVER_ENCRYPTION_KEY": kept.get("PREFECT_SERVER_ENCRYPTION_KEY") or Fernet.generate_key().decode(),
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": f"{HOME}/ui",
        # Relative, so that the UI works behind a tunnel on any local port.
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        **QUIET,
    }


def decide_worker_environment(server: Mapping[str, str]) -> dict[str, str]:
    return {
        "PREFECT_HOME": "/var/lib/resonant-worker",
        "PREFECT_API_URL": "http://127.0.0.1:4200/api",
        "PREFECT_API_AUTH_STRING": server["PREFECT_SERVER_API_AUTH_STRING"],
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": HEARTBEAT_SECONDS,
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PYTHONPATH": CURRENT_PROJECT,
        "PATH": f"{CURRENT_VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        FILE_VARIABLE: SITE_SETTINGS,
        **QUIET,
    }


def decide_site_settings(settings: Settings, address: str) -> dict[str, str]:
    """The settings as the VM's own worker needs them: no OCI key, no SSH key."""
    wanted = {
        "site": settings.site,
        "domain": settings.domain,
        "time_zone": settings.time_zone,
        "connection": "local",
        "address": address,
        "anthropic_api_key": settings.anthropic_api_key.get_secret_value(),
        "anthropic_base_url": settings.anthropic_base_url,
        "anthropic_model": settings.anthropic_model,
        "poll_seconds": f"{settings.poll_seconds:g}",
    }
    return {f"{PREFIX}{name.upper()}": value for name, value in wanted.items()}


def read_venv_name(python_version: str) -> str:
    """The virtual environment's folder: changes when the lock or the VM's Python does."""
    lock = (CHECKOUT / LOCK_FILE).read_bytes()
    return hashlib.sha256(lock + python_version.encode()).hexdigest()[:16]
