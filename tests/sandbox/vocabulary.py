"""Short names for what the contract tests do again and again with the SDK."""

import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import oci
import pytest
from oci.core import models

from tests.sandbox.conftest import TENANCY, Clients

AD1, AD2, AD3 = (f"Uocm:AP-TOKYO-1-AD-{number}" for number in (1, 2, 3))
A1 = "VM.Standard.A1.Flex"
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 operator"


@contextmanager
def refused(status: int, code: str, words: str = ""):
    """The block must end in this error of the service."""
    with pytest.raises(oci.exceptions.ServiceError) as caught:
        yield caught
    assert (caught.value.status, caught.value.code) == (status, code), caught.value
    assert words in caught.value.message, caught.value
    assert caught.value.request_id


def wait_for(get: Callable[[str], Any], ocid: str, state: str) -> Any:
    """The resource once it has reached the state. (The SDK's own waiter sleeps a whole second first.)"""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        resource = get(ocid).data
        if resource.lifecycle_state == state:
            return resource
        time.sleep(0.01)
    raise AssertionError(f"{ocid} is {resource.lifecycle_state}, not {state}")


def create_vcn(clients: Clients, cidr: str = "10.0.0.0/16", **details: Any) -> Any:
    asked = models.CreateVcnDetails(compartment_id=TENANCY, cidr_blocks=[cidr], **details)
    vcn = clients.network.create_vcn(asked).data
    return wait_for(clients.network.get_vcn, vcn.id, "AVAILABLE")


def create_gateway(clients: Clients, vcn: Any) -> Any:
    asked = models.CreateInternetGatewayDetails(compartment_id=TENANCY, vcn_id=vcn.id, is_enabled=True)
    gateway = clients.network.create_internet_gateway(asked).data
    return wait_for(clients.network.get_internet_gateway, gateway.id, "AVAILABLE")


def route_to_internet(clients: Clients, vcn: Any, gateway: Any) -> Any:
    rule = models.RouteRule(network_entity_id=gateway.id, destination="0.0.0.0/0", destination_type="CIDR_BLOCK")
    details = models.UpdateRouteTableDetails(route_rules=[rule])
    return clients.network.update_route_table(vcn.default_route_table_id, details).data


def create_subnet(clients: Clients, vcn: Any, cidr: str = "10.0.0.0/24", **details: Any) -> Any:
    asked = models.CreateSubnetDetails(compartment_id=TENANCY, vcn_id=vcn.id, cidr_block=cidr, **details)
    subnet = clients.network.create_subnet(asked).data
    return wait_for(clients.network.get_subnet, subnet.id, "AVAILABLE")


def create_public_subnet(clients: Clients) -> Any:
    """A subnet from which a route leads to the internet."""
    vcn = create_vcn(clients)
    route_to_internet(clients, vcn, create_gateway(clients, vcn))
    return create_subnet(clients, vcn)


def tcp(port: int, source: str = "0.0.0.0/0") -> models.IngressSecurityRule:
    ports = models.TcpOptions(destination_port_range=models.PortRange(min=port, max=port))
    return models.IngressSecurityRule(protocol="6", source=source, tcp_options=ports)


def set_ingress(clients: Clients, security_list_id: str, *rules: models.IngressSecurityRule) -> Any:
    details = models.UpdateSecurityListDetails(ingress_security_rules=list(rules))
    return clients.network.update_security_list(security_list_id, details).data


def find_image(clients: Clients, shape: str = A1) -> Any:
    images = clients.compute.list_images(
        TENANCY, operating_system="Canonical Ubuntu", operating_system_version="24.04", shape=shape
    )
    return images.data[0]


def launch_details(clients: Clients, subnet: Any, **changes: Any) -> models.LaunchInstanceDetails:
    image_id = changes.pop("image_id", None) or find_image(clients).id
    vnic = changes.pop("vnic", {})
    source = changes.pop("source", {})
    fields = {
        "compartment_id": TENANCY,
        "availability_domain": AD1,
        "display_name": "dashboard",
        "shape": A1,
        "shape_config": models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
        "source_details": models.InstanceSourceViaImageDetails(image_id=image_id, **source),
        "create_vnic_details": models.CreateVnicDetails(subnet_id=subnet.id, **vnic),
        "metadata": {"ssh_authorized_keys": SSH_KEY},
    }
    return models.LaunchInstanceDetails(**(fields | changes))


def launch(clients: Clients, subnet: Any, **changes: Any) -> Any:
    """A running instance."""
    launched = clients.compute.launch_instance(launch_details(clients, subnet, **changes)).data
    return wait_for(clients.compute.get_instance, launched.id, "RUNNING")


def terminate(clients: Clients, instance: Any, **options: Any) -> Any:
    clients.compute.terminate_instance(instance.id, **options)
    return wait_for(clients.compute.get_instance, instance.id, "TERMINATED")


def vnic_of(clients: Clients, instance: Any) -> Any:
    (attachment,) = clients.compute.list_vnic_attachments(TENANCY, instance_id=instance.id).data
    return clients.network.get_vnic(attachment.vnic_id).data


def private_ip_of(clients: Clients, instance: Any) -> Any:
    (private_ip,) = clients.network.list_private_ips(vnic_id=vnic_of(clients, instance).id).data
    return private_ip


def reserve_address(clients: Clients, **details: Any) -> Any:
    asked = models.CreatePublicIpDetails(compartment_id=TENANCY, lifetime="RESERVED", **details)
    return clients.network.create_public_ip(asked).data


def assign(clients: Clients, public_ip: Any, private_ip_id: str) -> Any:
    details = models.UpdatePublicIpDetails(private_ip_id=private_ip_id)
    return clients.network.update_public_ip(public_ip.id, details).data


def wait_until_gone(get: Callable[[str], Any], ocid: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            get(ocid)
        except oci.exceptions.ServiceError as error:
            assert error.status == 404, error
            return
        time.sleep(0.01)
    raise AssertionError(f"{ocid} is still there")
