"""Configuration of the Prefect server and worker on the VM; passwords are made once there and kept."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr

from resonant.paths import APPLICATION_REPOSITORY, CURRENT_PROJECT, CURRENT_VENV, SITE_SETTINGS
from resonant.repository import is_url
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


# Of the operator's machine and of Oracle's account: the VM neither needs nor gets them.
OPERATORS_OWN = {
    "connection", "address", "ssh_private_key_file", "ssh_user", "ssh_port", "ssh_source_cidr", "oci_config_file", "oci_profile",
    "oci_endpoint", "compartment_id", "shape", "ocpus", "memory_in_gbs", "boot_volume_size_in_gbs", "allow_beyond_free",
    "operating_system", "operating_system_version", "capacity_delay_seconds", "capacity_deadline_seconds", "prefect_port",
    "operator_folder", "application_repository", "application_ref", "application_file", "deploy_key_file", "allow_uncommitted",
    "environment", "environment_file",
}  # fmt: skip


def decide_site_settings(settings: Settings, address: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The settings as the VM's own worker needs them: no OCI key, no SSH key; `variables` are the application's."""
    ours = {
        name: _render(getattr(settings, name))
        for name in sorted(set(Settings.model_fields) - OPERATORS_OWN)
        if getattr(settings, name) != Settings.model_fields[name].get_default(call_default_factory=True)
    }
    remote = is_url(settings.application_repository)
    wanted = {
        "site": settings.site,
        **ours,
        "connection": "local",
        "address": address,
        # Where the VM cannot reach the operator's folder it has the commits that were sent to it.
        "application_repository": settings.application_repository if remote else APPLICATION_REPOSITORY,
        "application_ref": settings.application_ref if remote else "HEAD",
        "application_folder": settings.folder,
        "environment": _render_json(dict(variables)),
    }
    return {f"{PREFIX}{name.upper()}": value for name, value in wanted.items()}


def _render_json(value: Any) -> str:
    """Without what a dotenv file would take for a quote or an escape of its own."""
    return json.dumps(value).replace("\\\\", "\\u005c").replace("'", "\\u0027")


def _render(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list):
        return _render_json([entry.get_secret_value() if isinstance(entry, SecretStr) else entry for entry in value])
    return f"{value:g}" if isinstance(value, float) else json.dumps(value) if isinstance(value, bool) else str(value)


def read_venv_name(python_version: str) -> str:
    """The virtual environment's folder: changes when the lock or the VM's Python does."""
    lock = (CHECKOUT / LOCK_FILE).read_bytes()
    return hashlib.sha256(lock + python_version.encode()).hexdigest()[:16]
