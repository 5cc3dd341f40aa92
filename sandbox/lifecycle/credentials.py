"""Keys of the sandbox, made once: the API signing key, the SSH key pair, the Claude API key. Every file is its owner's alone."""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

REGION = "ap-tokyo-1"


@dataclass(frozen=True)
class Credentials:
    """Paths of the secret files, and what of them is public."""

    oci_config_file: Path
    tenancy_id: str
    user_id: str
    fingerprint: str
    api_public_key_pem: str
    ssh_private_key_file: Path
    llm_key_file: Path


def ensure_credentials(state: Path) -> Credentials:
    api_key = _ensure_api_key(state / "oci" / "api_key.pem")
    public = api_key.public_key()
    seed = hashlib.sha256(str(state.resolve()).encode()).hexdigest()
    credentials = Credentials(
        oci_config_file=state / "oci" / "config",
        tenancy_id=f"ocid1.tenancy.oc1..{seed[:60]}",
        user_id=f"ocid1.user.oc1..{seed[::-1][:60]}",
        fingerprint=_fingerprint(public),
        api_public_key_pem=public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        ssh_private_key_file=_ensure_ssh_key(state / "ssh" / "id_ed25519"),
        llm_key_file=_ensure_llm_key(state / "llm" / "api-key"),
    )
    write_private(credentials.oci_config_file, _render_oci_config(credentials, state / "oci" / "api_key.pem").encode())
    return credentials


def write_private(path: Path, content: bytes) -> None:
    """Readable by its owner alone from the first byte on, and never half written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _ensure_api_key(path: Path) -> rsa.RSAPrivateKey:
    if not path.exists():
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        write_private(path, fresh.private_bytes(*encoding))
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 (made above)
    return key


def _fingerprint(public: rsa.RSAPublicKey) -> str:
    """MD5 of the key, as Oracle names API keys."""
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.md5(der, usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, 32, 2))


def _ensure_ssh_key(path: Path) -> Path:
    if not path.exists():
        fresh = ed25519.Ed25519PrivateKey.generate()
        encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        public = fresh.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        write_private(path.with_name("id_ed25519.pub"), public + b" rehearsal\n")
        # Last, so that a key that exists always has its public half.
        write_private(path, fresh.private_bytes(*encoding))
    return path


def _ensure_llm_key(path: Path) -> Path:
    if not path.exists():
        write_private(path, f"sk-ant-rehearsal-{secrets.token_urlsafe(32)}\n".encode())
    return path


def _render_oci_config(credentials: Credentials, key_file: Path) -> str:
    return (
        "[DEFAULT]\n"
        f"user={credentials.user_id}\n"
        f"fingerprint={credentials.fingerprint}\n"
        f"tenancy={credentials.tenancy_id}\n"
        f"region={REGION}\n"
        f"key_file={key_file}\n"
    )
