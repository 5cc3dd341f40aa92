"""The settings file of a rehearsal: what makes the sandbox the cloud that the flows talk to."""

from sandbox.lifecycle.credentials import Credentials, write_private
from sandbox.llm.container import base_url
from sandbox.place import Ground

FILE = "settings.env"
DOMAIN = "dashboard.resonant.test"


def render_settings(ground: Ground, credentials: Credentials) -> str:
    values = {
        "RESONANT_OCI_CONFIG_FILE": credentials.oci_config_file,
        "RESONANT_OCI_ENDPOINT": api_url(ground),
        "RESONANT_SSH_PRIVATE_KEY_FILE": credentials.ssh_private_key_file,
        "RESONANT_ANTHROPIC_API_KEY": credentials.llm_key_file.read_text().strip(),
        "RESONANT_ANTHROPIC_BASE_URL": base_url(ground),
        "RESONANT_CAPACITY_DELAY_SECONDS": 1,
        "RESONANT_DOMAIN": DOMAIN,
        "RESONANT_POLL_SECONDS": 0.3,
        # Nobody waits a minute for a rehearsed release, and a checkout being worked on is the rule.
        "RESONANT_SOAK_SECONDS": 5,
        "RESONANT_DRAIN_SECONDS": 5,
        "RESONANT_ALLOW_UNCOMMITTED": "true",
        "RESONANT_SSH_PORT": ground.allotment.ssh_port,
        "RESONANT_PREFECT_PORT": ground.allotment.prefect_port,
        "RESONANT_OPERATOR_FOLDER": ground.place.state / "operator",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def write_settings(ground: Ground, credentials: Credentials) -> None:
    write_private(ground.place.state / FILE, render_settings(ground, credentials).encode())


def api_url(ground: Ground) -> str:
    return f"http://127.0.0.1:{ground.allotment.api_port}"
