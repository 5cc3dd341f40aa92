"""The sandbox is for this host alone, and forgets."""

import asyncio

import httpx
import pytest

from sandbox.cloud.app import build_app
from sandbox.cloud.in_memory import InMemoryMachines
from sandbox.cloud.server import serving
from tests.sandbox.conftest import TENANCY, Clients, cloud_config
from tests.sandbox.vocabulary import create_vcn


@pytest.mark.parametrize("host", ["::", "192.0.2.1"])
def test_it_does_not_listen_to_the_world(host: str):
    app = build_app(cloud_config(), InMemoryMachines())
    with pytest.raises(ValueError, match="loopback"), serving(app, host=host):
        pass


@pytest.mark.parametrize(("client", "status"), [("127.0.0.1", 200), ("192.0.2.7", 403)])
def test_it_answers_loopback_only(client: str, status: int):
    app = build_app(cloud_config(), InMemoryMachines())

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            return await http.get("/admin/health")

    assert asyncio.run(ask()).status_code == status


def test_a_new_process_knows_nothing(start_cloud):
    create_vcn(start_cloud().clients())
    assert start_cloud().clients().network.list_vcns(TENANCY).data == []


def test_a_key_that_is_not_rsa_is_refused_at_the_start(clients: Clients):
    with pytest.raises(ValueError, match="PEM"):
        build_app(cloud_config(public_key_pem="nonsense"), InMemoryMachines())
