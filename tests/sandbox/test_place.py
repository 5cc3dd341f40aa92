"""Two checkouts never meet; one checkout always finds itself."""

import socket
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.place import (
    Allotment,
    Ground,
    Place,
    choose_ports,
    choose_subnet,
    is_port_free,
    read_allotment,
    write_allotment,
)

ALL = IPv4Network("172.29.0.0/16")


def test_id_depends_on_the_real_path(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert Place(tmp_path).id == Place(tmp_path / "link").id != Place(tmp_path / "other").id
    assert len(Place(tmp_path).id) == 8


def test_state_is_its_owners_alone(tmp_path):
    place = Place(tmp_path)
    place.open_state()
    assert place.state.stat().st_mode & 0o777 == 0o700


def test_state_of_another_user_is_told(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(SandboxError, match="made by another user"):
        Place(tmp_path).open_state()


def test_subnet_is_the_first_free_one_after_that_of_the_id():
    assert choose_subnet("00000005", []) == IPv4Network("172.29.5.0/24")
    assert choose_subnet("00000005", [IPv4Network("172.29.4.0/23")]) == IPv4Network("172.29.6.0/24")
    assert choose_subnet("000000ff", [IPv4Network("172.29.255.0/24")]) == IPv4Network("172.29.0.0/24")


def test_no_subnet_left():
    with pytest.raises(SandboxError, match="docker network prune"):
        choose_subnet("00000005", [ALL])


def test_ports_skip_those_in_use():
    assert choose_ports("00000000", 3, lambda port: port != 20_001) == [20_000, 20_002, 20_003]
    with pytest.raises(SandboxError, match="No 3 free ports"):
        choose_ports("00000000", 3, lambda port: False)


def test_port_is_free_until_somebody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_port_free(port)
    assert is_port_free(port)


def test_allotment_is_kept(tmp_path):
    place = Place(tmp_path)
    assert read_allotment(place) is None
    place.open_state()
    ground = Ground(place, Allotment("172.29.7.0/24", 1, 2, 3, 4))
    write_allotment(ground)
    assert read_allotment(place) == ground.allotment


def test_addresses_do_not_overlap():
    ground = Ground(Place(Path("/nowhere")), Allotment("172.29.7.0/24", 1, 2, 3, 4))
    fixed = [ground.registry_address, ground.llm_address]
    everything = [*fixed, *ground.machine_addresses, *ground.public_addresses]
    assert len(everything) == len(set(everything))
    assert not set(everything) & {ground.address(host) for host in (1, *range(240, 256))}


def test_allotment_of_another_version_is_refused_in_words(tmp_path):
    place = Place(tmp_path)
    place.open_state()
    (place.state / "sandbox.json").write_text('{"subnet": "172.29.7.0/24"}')
    with pytest.raises(SandboxError, match="another version of the sandbox"):
        read_allotment(place)


def test_public_addresses_lead_to_the_network_of_the_sandbox():
    ground = Ground(Place(Path("/nowhere")), Allotment("172.29.7.0/24", 1, 2, 3, 4))
    assert ground.public_addresses[0] == "127.0.7.200"
    assert ground.inner_address("127.0.7.200") == "172.29.7.200"
    with pytest.raises(SandboxError, match="none of this sandbox's public addresses"):
        ground.inner_address("127.0.8.200")
