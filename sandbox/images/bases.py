"""Debian itself as an image: from packages where no image registry answers, else the official one; trusting what the host trusts."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.engine.command import inspect, run_docker
from sandbox.engine.logged import run_logged
from sandbox.errors import SandboxError
from sandbox.images.building import IMAGE_LABEL, REPOSITORY, build, read_files
from sandbox.images.catalog import RECIPES, Recipe

HOST_CERTIFICATES = Path("/usr/local/share/ca-certificates")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
TRUST_VARIABLES = ("NODE_EXTRA_CA_CERTS", "PIP_CERT", "SSL_CERT_FILE")
MERGED_USR_HOOK = Path("/usr/share/mmdebstrap/hooks/merged-usr")
BUILD_TIMEOUT_SECONDS = 900

BOOTSTRAP_OPTIONS = (
    *("--quiet", "--variant=minbase", "--include=ca-certificates,usr-is-merged", f"--hook-dir={MERGED_USR_HOOK}"),
    *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright"),
    *("--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*"),
    '--aptopt=Acquire::Languages "none"',
)
# In a hook, because as an --aptopt it would empty mmdebstrap's own cache.
KEEP_NO_DOWNLOADS = (
    "printf '%s\\n' "
    "'DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };' "
    '\'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\' '
    '> "$1/etc/apt/apt.conf.d/docker-clean"'
)


def read_host_certificates() -> dict[str, bytes]:
    """Certificates that the host's owner added; empty on most machines."""
    return {path: content for path, content in read_files(HOST_CERTIFICATES).items() if path.endswith(".crt")}


def ensure_base(suite: str, *, genuine: bool, log: Path) -> str:
    """Tag of the base image for this suite."""
    if genuine:
        return _ensure_from_registry(suite, log)
    return _ensure_bootstrapped(suite, log)


def trust_environment() -> list[str]:
    """pip and npm bring certificates of their own and must be told; where the host adds none, nothing is set."""
    return [f"{variable}={BUNDLE}" for variable in TRUST_VARIABLES] if read_host_certificates() else []


def _ensure_from_registry(suite: str, log: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="base-", dir=log.parent) as temporary:
        folder = Path(temporary)
        instructions = (RECIPES / "base" / "Dockerfile").read_text()
        (folder / "Dockerfile").write_text(
            instructions + "".join(f"ENV {setting}\n" for setting in trust_environment())
        )
        (folder / "certificates").mkdir()
        for path, content in read_host_certificates().items():
            (folder / "certificates" / Path(path).name).write_bytes(content)
        return build(Recipe(f"base-{suite}", folder, suite), f"debian:{suite}-slim", log)


def _ensure_bootstrapped(suite: str, log: Path) -> str:
    options = _bootstrap_options()
    identity = repr((suite, options, sorted(read_host_certificates().items()), trust_environment()))
    tag = f"{REPOSITORY}/base-{suite}:{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if inspect("image", tag) is None:
        _bootstrap(suite, options, tag, log)
    return tag


def _bootstrap_options() -> list[str]:
    hooks = [KEEP_NO_DOWNLOADS, 'rm -rf "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/*_*']
    if read_host_certificates():
        hooks = [f"copy-in {HOST_CERTIFICATES} /usr/local/share", 'chroot "$1" update-ca-certificates --fresh', *hooks]
    return [*BOOTSTRAP_OPTIONS, *(f"--customize-hook={hook}" for hook in hooks)]


def _bootstrap(suite: str, options: Sequence[str], tag: str, log: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="base-", dir=log.parent) as temporary:
        archive = Path(temporary) / "base.tar"
        _run_mmdebstrap([*options, *_read_apt_proxy(), suite, str(archive)], log)
        changes = [
            f"LABEL {IMAGE_LABEL}=base-{suite}",
            'CMD ["bash"]',
            *(f"ENV {setting}" for setting in trust_environment()),
        ]
        run_docker("import", *(word for change in changes for word in ("--change", change)), str(archive), tag)


def _run_mmdebstrap(arguments: Sequence[str], log: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise SandboxError(
            "mmdebstrap is missing, and no image registry answers. Run as root: apt-get install mmdebstrap"
        )
    run_logged(
        ["mmdebstrap", *arguments],
        log,
        what="Building a Debian base (mmdebstrap)",
        timeout_seconds=BUILD_TIMEOUT_SECONDS,
    )


def _read_apt_proxy() -> list[str]:
    """The host's own way to Debian's packages, when apt has one configured."""
    if shutil.which("apt-config") is None:
        return []
    command = ["apt-config", "shell", "PROXY", "Acquire::http::Proxy"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    proxy = answer.strip().removeprefix("PROXY=").strip("'")
    return [f'--aptopt=Acquire::http::Proxy "{proxy}"'] if proxy else []
