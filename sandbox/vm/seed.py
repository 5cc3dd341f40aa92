"""What a machine finds on its disk at the first boot: cloud-init's NoCloud seed and the cloud's side of its network."""

import base64
import io
import json
import tarfile
from collections.abc import Mapping, Sequence

from sandbox.cloud.machines import IngressRule, MachineSpec

SEED_FOLDER = "var/lib/cloud/seed/nocloud"
SECURITY_LIST_FILE = "var/lib/vm/security-list"
ADDRESSES_FILE = "var/lib/vm/addresses"
DOCKER_CONFIG_FILE = "etc/docker/daemon.json"

CHAIN = "SECURITY-LIST"
PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp"}


def render_meta_data(spec: MachineSpec) -> str:
    """JSON, which is YAML as well. The keys go to the image's default user, as Oracle's ssh_authorized_keys do."""
    keys = [line.strip() for line in spec.metadata.get("ssh_authorized_keys", "").splitlines() if line.strip()]
    return json.dumps({"instance-id": spec.name, "local-hostname": spec.hostname, "public-keys": keys})


def decode_user_data(spec: MachineSpec) -> bytes:
    encoded = spec.metadata.get("user_data")
    return base64.b64decode(encoded) if encoded else b"#cloud-config\n{}\n"


def render_security_list(rules: Sequence[IngressRule]) -> str:
    """Input of iptables-restore: one chain that lets pass what a rule allows, and what belongs to a known connection."""
    lines = ["-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", *(_render_rule(rule) for rule in rules), "-j DROP"]
    return "\n".join(["*mangle", f":{CHAIN} - [0:0]", *(f"-A {CHAIN} {line}" for line in lines), "COMMIT", ""])


def _render_rule(rule: IngressRule) -> str:
    words = [f"-s {rule.source}"]
    if rule.protocol != "all":
        name = PROTOCOLS.get(rule.protocol, rule.protocol)
        words.append(f"-p {name}")
        if rule.port_min is not None:
            words.append(
                f"-m {name} --dport {rule.port_min}:{rule.port_max if rule.port_max is not None else rule.port_min}"
            )
    return " ".join([*words, "-j RETURN"])


def render_docker_config(mirror: str | None) -> str:
    """Both keys are needed: with the mirror alone, a build's FROM would speak https to it."""
    config = {"registry-mirrors": [f"http://{mirror}"], "insecure-registries": [mirror]} if mirror else {}
    return json.dumps(config, indent=2) + "\n"


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of root's files with these paths, as `docker cp - CONTAINER:/` takes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o644 if path == DOCKER_CONFIG_FILE else 0o600
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def unpack(archive: bytes) -> bytes:
    """Content of the one file in an archive, as `docker cp CONTAINER:FILE -` gives it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        content = opened.extractfile(opened.getmembers()[0])
        return content.read() if content else b""
