"""The emulator's life: a container at a fixed address of the sandbox's network."""

import hashlib
from pathlib import Path

from sandbox.engine.service import Service, ensure_service
from sandbox.images.building import read_files
from sandbox.place import Ground

API_PORT = 8080
ADMIN_PORT = 8081
FOLDER = Path(__file__).parent


def base_url(ground: Ground) -> str:
    """What the `anthropic` SDK on a machine is given as its base URL."""
    return f"http://{ground.llm_address}:{API_PORT}"


def admin_url(ground: Ground) -> str:
    """Where a story orders failures, from the host."""
    return f"http://127.0.0.1:{ground.allotment.llm_port}/admin/faults"


def ensure_llm(ground: Ground, tools_image: str, key_file: Path) -> None:
    code = {path: content for path, content in read_files(FOLDER).items() if path.endswith(".py")}
    service = Service(
        name="llm",
        image=tools_image,
        address=ground.llm_address,
        port=ADMIN_PORT,
        host_port=ground.allotment.llm_port,
        mounts=(f"{FOLDER}:/srv/sandbox/llm:ro", f"{key_file}:/run/llm-key:ro"),
        command=("python3", "-m", "sandbox.llm", str(API_PORT), str(ADMIN_PORT), "/run/llm-key"),
        working_folder="/srv",
        revision=hashlib.sha256(repr(sorted(code.items())).encode() + key_file.read_bytes()).hexdigest()[:12],
    )
    ensure_service(ground, service)
