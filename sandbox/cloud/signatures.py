"""Verification of OCI request signatures (draft-cavage, RSA-SHA256), on every request but the admin's."""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import Request

from sandbox.cloud.config import CloudConfig
from sandbox.cloud.errors import not_authenticated

ALLOWED_SKEW = timedelta(minutes=5)
_SIGNED_ALWAYS = {"(request-target)", "host"}
_SIGNED_WITH_BODY = {"content-length", "content-type", "x-content-sha256"}


class SignatureVerifier:
    def __init__(self, config: CloudConfig) -> None:
        self._key_id = f"{config.tenancy_id}/{config.user_id}/{config.fingerprint}"
        key = load_pem_public_key(config.public_key_pem.encode())
        if not isinstance(key, RSAPublicKey):
            raise ValueError("The API key of a user must be an RSA key.")
        self._public_key = key

    async def verify(self, request: Request) -> None:
        """Raises 401 NotAuthenticated, which says no more than OCI does about what was wrong."""
        fields = parse_authorization(request.headers.get("authorization", ""))
        if (fields.get("keyId"), fields.get("algorithm")) != (self._key_id, "rsa-sha256"):
            raise not_authenticated()
        signed = fields.get("headers", "date").split()
        check_signed_headers(request, signed)
        check_date(request.headers.get("x-date") or request.headers.get("date", ""))
        self._check_signature(render_signing_string(request, signed), fields.get("signature", ""))
        if request.method in ("POST", "PUT"):
            check_body(request, await request.body())

    def _check_signature(self, signing_string: str, signature: str) -> None:
        try:
            raw = base64.b64decode(signature, validate=True)
            self._public_key.verify(raw, signing_string.encode(), PKCS1v15(), SHA256())
        except (binascii.Error, InvalidSignature) as error:
            raise not_authenticated() from error


def parse_authorization(header: str) -> dict[str, str]:
    """The fields of `Signature keyId="...",algorithm="...",...`; none when the scheme is another."""
    scheme, _, fields = header.partition(" ")
    return dict(re.findall(r'(\w+)="([^"]*)"', fields)) if scheme == "Signature" else {}


def check_signed_headers(request: Request, signed: list[str]) -> None:
    required = _SIGNED_ALWAYS | (_SIGNED_WITH_BODY if request.method in ("POST", "PUT") else set())
    absent = [name for name in signed if name != "(request-target)" and name not in request.headers]
    if required - set(signed) or not {"date", "x-date"} & set(signed) or absent:
        raise not_authenticated()


def render_signing_string(request: Request, signed: list[str]) -> str:
    path = request.scope["raw_path"].decode()
    query = request.scope["query_string"].decode()
    target = f"{request.method.lower()} {path}{'?' if query else ''}{query}"
    values = {"(request-target)": target}
    return "\n".join(f"{name}: {values.get(name) or request.headers[name]}" for name in signed)


def check_date(date: str) -> None:
    try:
        sent = parsedate_to_datetime(date)
    except ValueError as error:
        raise not_authenticated(f"Date '{date}' could not be parsed.") from error
    current = datetime.now(UTC)
    if sent.tzinfo is None or abs(current - sent) > ALLOWED_SKEW:
        raise not_authenticated(
            f"Date '{date}' is not within allowed clock skew. Current '{current:%a, %d %b %Y %H:%M:%S GMT}'."
        )


def check_body(request: Request, body: bytes) -> None:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if not hmac.compare_digest(digest, request.headers["x-content-sha256"]):
        raise not_authenticated()
