"""What is written on a machine's disk before its first boot."""

import base64
import json

from sandbox.cloud.machines import IngressRule, MachineSpec
from sandbox.vm.seed import decode_user_data, pack, render_docker_config, render_meta_data, render_security_list, unpack


def spec(**metadata: str) -> MachineSpec:
    return MachineSpec("vm-1", "web", 2, 12, metadata)


def rules_of(*rules: IngressRule) -> list[str]:
    return [
        line.removeprefix("-A SECURITY-LIST ")
        for line in render_security_list(rules).splitlines()
        if line.startswith("-A")
    ]


def test_keys_of_the_metadata_become_public_keys():
    meta_data = json.loads(render_meta_data(spec(ssh_authorized_keys="ssh-rsa one\n\nssh-rsa two\n")))
    assert meta_data == {"instance-id": "vm-1", "local-hostname": "web", "public-keys": ["ssh-rsa one", "ssh-rsa two"]}


def test_user_data_is_decoded_and_may_be_missing():
    assert decode_user_data(spec(user_data=base64.b64encode(b"#!/bin/sh\n").decode())) == b"#!/bin/sh\n"
    assert decode_user_data(spec()).startswith(b"#cloud-config")


def test_without_rules_only_known_connections_pass():
    assert rules_of() == ["-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", "-j DROP"]


def test_rules_as_the_api_words_them():
    assert rules_of(
        IngressRule("6", "0.0.0.0/0", 443, 443),
        IngressRule("17", "10.0.0.0/16", 60000, 61000),
        IngressRule("1", "0.0.0.0/0"),
        IngressRule("all", "10.0.0.0/8"),
        IngressRule("47", "0.0.0.0/0"),
    )[1:-1] == [
        "-s 0.0.0.0/0 -p tcp -m tcp --dport 443:443 -j RETURN",
        "-s 10.0.0.0/16 -p udp -m udp --dport 60000:61000 -j RETURN",
        "-s 0.0.0.0/0 -p icmp -j RETURN",
        "-s 10.0.0.0/8 -j RETURN",
        "-s 0.0.0.0/0 -p 47 -j RETURN",
    ]


def test_mirror_is_named_twice_or_not_at_all():
    config = json.loads(render_docker_config("172.29.7.2:5000"))
    assert config == {"registry-mirrors": ["http://172.29.7.2:5000"], "insecure-registries": ["172.29.7.2:5000"]}
    assert json.loads(render_docker_config(None)) == {}


def test_files_travel_as_an_archive():
    assert unpack(pack({"var/lib/vm/addresses": b"172.29.7.200\n"})) == b"172.29.7.200\n"
