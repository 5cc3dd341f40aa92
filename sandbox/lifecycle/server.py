"""The process behind the cloud's API: the emulator on one side, Docker's machines on the other."""

import uvicorn

from sandbox.cloud.app import build_app
from sandbox.cloud.config import CloudConfig
from sandbox.engine.network import read_ground
from sandbox.errors import SandboxError
from sandbox.lifecycle.credentials import REGION, ensure_credentials
from sandbox.place import Place
from sandbox.vm.machines import DockerMachines
from sandbox.vm.power import PowerSwitch


def serve_cloud(place: Place, image: str, mirror: str | None) -> None:
    """Until the process is told to end. Listens on the loopback interface alone."""
    ground = read_ground(place)
    if ground is None:
        raise SandboxError("There is no sandbox here yet. Run: python -m sandbox up")
    credentials = ensure_credentials(place.state)
    config = CloudConfig(
        tenancy_id=credentials.tenancy_id,
        user_id=credentials.user_id,
        fingerprint=credentials.fingerprint,
        public_key_pem=credentials.api_public_key_pem,
        public_addresses=tuple(ground.public_addresses),
        region=REGION,
    )
    machines = DockerMachines(ground, image, mirror)
    for name in machines.names():
        # A fresh cloud knows nothing of the machines of one that died, so nobody could ever terminate them.
        machines.terminate(name)
    with PowerSwitch(machines):
        uvicorn.run(build_app(config, machines), host="127.0.0.1", port=ground.allotment.api_port, log_level="info")
