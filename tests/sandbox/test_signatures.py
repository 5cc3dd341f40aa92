"""Requests are believed only when they are signed as OCI asks."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from tests.sandbox.conftest import TENANCY, USER, Clients, RunningCloud, fingerprint, private_key_pem
from tests.sandbox.vocabulary import create_vcn, refused

VCN = json.dumps({"compartmentId": TENANCY, "cidrBlocks": ["10.0.0.0/16"]})
KEY_ID = f"{TENANCY}/{USER}/{fingerprint()}"


def sign(headers: dict[str, str], target: str, names: list[str], key_id: str = KEY_ID) -> str:
    """The authorization header for these headers, by hand."""
    values = headers | {"(request-target)": target}
    text = "\n".join(f"{name}: {values[name]}" for name in names)
    key = serialization.load_pem_private_key(private_key_pem().encode(), password=None)
    signature = base64.b64encode(key.sign(text.encode(), PKCS1v15(), hashes.SHA256())).decode()
    fields = f'headers="{" ".join(names)}",keyId="{key_id}",algorithm="rsa-sha256",signature="{signature}"'
    return f'Signature version="1",{fields}'


def get_vcns(cloud: RunningCloud, at: datetime, names: str = "date (request-target) host") -> httpx.Response:
    headers = {"date": format_datetime(at, usegmt=True), "host": urlsplit(cloud.url).netloc}
    path = f"/20160918/vcns?compartmentId={TENANCY}"
    authorization = sign(headers, f"get {path}", names.split())
    return httpx.get(cloud.url + path, headers=headers | {"authorization": authorization})


def post_vcn(
    cloud: RunningCloud, sent: str, *, signed: str = VCN, names: str = "content-length content-type x-content-sha256"
) -> httpx.Response:
    """Signs one body and sends another."""
    headers = {
        "date": format_datetime(datetime.now(UTC), usegmt=True),
        "host": urlsplit(cloud.url).netloc,
        "content-type": "application/json",
        "content-length": str(len(sent)),
        "x-content-sha256": base64.b64encode(hashlib.sha256(signed.encode()).digest()).decode(),
    }
    all_names = ["date", "(request-target)", "host", *names.split()]
    headers["authorization"] = sign(headers, "post /20160918/vcns", all_names)
    return httpx.post(f"{cloud.url}/20160918/vcns", headers=headers, content=sent)


def assert_not_authenticated(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, "NotAuthenticated"), answer.text
    assert answer.headers["opc-request-id"]


def test_the_sdk_signs_what_the_sandbox_verifies(clients: Clients):
    vcn = create_vcn(clients)
    assert clients.network.get_vcn(vcn.id).data.id == vcn.id


@pytest.mark.parametrize(
    "config",
    [
        {"key_content": private_key_pem("somebody else")},
        {"fingerprint": "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"},
        {"user": "ocid1.user.oc1.." + "x" * 60},
        {"tenancy": "ocid1.tenancy.oc1.." + "x" * 60},
    ],
    ids=["key", "fingerprint", "user", "tenancy"],
)
def test_a_wrong_identity_is_refused(cloud: RunningCloud, config: dict[str, str]):
    with refused(401, "NotAuthenticated"):
        cloud.clients(**config).identity.get_tenancy(TENANCY)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_skewed_clock_is_refused(cloud: RunningCloud, minutes: int):
    answer = get_vcns(cloud, datetime.now(UTC) + timedelta(minutes=minutes))
    assert_not_authenticated(answer)
    assert "not within allowed clock skew" in answer.json()["message"]


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_slightly_skewed_clock_is_accepted(cloud: RunningCloud, minutes: int):
    assert get_vcns(cloud, datetime.now(UTC) + timedelta(minutes=minutes)).status_code == 200


@pytest.mark.parametrize("names", ["(request-target) host", "date host", "date (request-target)"])
def test_a_signature_over_too_little_is_refused(cloud: RunningCloud, names: str):
    assert_not_authenticated(get_vcns(cloud, datetime.now(UTC), names))


def test_an_unsigned_request_is_refused(cloud: RunningCloud):
    assert_not_authenticated(httpx.get(f"{cloud.url}/20160918/vcns?compartmentId={TENANCY}"))


def test_a_signature_of_another_request_is_refused(cloud: RunningCloud):
    headers = {"date": format_datetime(datetime.now(UTC), usegmt=True), "host": urlsplit(cloud.url).netloc}
    authorization = sign(headers, "get /20160918/vcns?compartmentId=other", ["date", "(request-target)", "host"])
    headers["authorization"] = authorization
    assert_not_authenticated(httpx.get(f"{cloud.url}/20160918/vcns?compartmentId={TENANCY}", headers=headers))


def test_a_body_signed_by_hand_is_accepted(cloud: RunningCloud):
    assert post_vcn(cloud, VCN).status_code == 200


def test_a_tampered_body_is_refused(cloud: RunningCloud, clients: Clients):
    assert_not_authenticated(post_vcn(cloud, VCN.replace("10.0", "10.9")))
    assert clients.network.list_vcns(TENANCY).data == []


def test_a_body_whose_digest_is_not_signed_is_refused(cloud: RunningCloud):
    assert_not_authenticated(post_vcn(cloud, VCN, names="content-length content-type"))
