"""The resources of the networking service, as they are sent."""

from ipaddress import IPv4Network
from typing import Any, Literal

from pydantic import Field

from sandbox.cloud.wire import DefinedTags, Details, NamedResource, Resource

CIDR_BLOCK = "CIDR_BLOCK"
ANYWHERE = "0.0.0.0/0"


class PortRange(Details):
    min: int = Field(ge=1, le=65535)
    max: int = Field(ge=1, le=65535)


class PortOptions(Details):
    destination_port_range: PortRange | None = None
    source_port_range: PortRange | None = None


class IcmpOptions(Details):
    type: int = Field(ge=0, le=254)
    code: int | None = None


class SecurityRule(Details):
    protocol: Literal["all", "1", "6", "17", "58"]
    icmp_options: IcmpOptions | None = None
    tcp_options: PortOptions | None = None
    udp_options: PortOptions | None = None
    is_stateless: bool = False
    description: str | None = Field(default=None, max_length=255)


class IngressSecurityRule(SecurityRule):
    source: str
    source_type: Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK"] = "CIDR_BLOCK"


class EgressSecurityRule(SecurityRule):
    destination: str
    destination_type: Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK"] = "CIDR_BLOCK"


class RouteRule(Details):
    network_entity_id: str
    destination: str | None = None
    destination_type: Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK"] = "CIDR_BLOCK"
    cidr_block: str | None = None
    description: str | None = Field(default=None, max_length=255)
    route_type: Literal["STATIC", "LOCAL"] = "STATIC"

    @property
    def target(self) -> str | None:
        """`cidrBlock` is the deprecated name of the destination."""
        return self.destination or self.cidr_block


class Vcn(NamedResource):
    lifecycle_state: str = "PROVISIONING"
    cidr_block: str
    cidr_blocks: list[str]
    dns_label: str | None = None
    vcn_domain_name: str | None = None
    default_route_table_id: str
    default_security_list_id: str
    default_dhcp_options_id: str

    def networks(self) -> list[IPv4Network]:
        return [IPv4Network(block) for block in self.cidr_blocks]


class VcnPart(NamedResource):
    """Anything that belongs to a VCN and goes before it does."""

    lifecycle_state: str = "PROVISIONING"
    vcn_id: str


class InternetGateway(VcnPart):
    is_enabled: bool = True
    route_table_id: str | None = None


class RouteTable(VcnPart):
    route_rules: list[RouteRule] = Field(default_factory=list)


class SecurityList(VcnPart):
    ingress_security_rules: list[IngressSecurityRule] = Field(default_factory=list)
    egress_security_rules: list[EgressSecurityRule] = Field(default_factory=list)


class DhcpOptions(VcnPart):
    options: list[dict[str, Any]]
    domain_name_type: str = "CUSTOM_DOMAIN"


class Subnet(VcnPart):
    availability_domain: str | None = None
    cidr_block: str
    ipv4_cidr_blocks: list[str]
    dns_label: str | None = None
    subnet_domain_name: str | None = None
    dhcp_options_id: str
    route_table_id: str
    security_list_ids: list[str]
    prohibit_internet_ingress: bool = False
    prohibit_public_ip_on_vnic: bool = False
    virtual_router_ip: str
    virtual_router_mac: str = "00:00:17:00:00:01"

    @property
    def network(self) -> IPv4Network:
        return IPv4Network(self.cidr_block)


class Vnic(NamedResource):
    lifecycle_state: str = "PROVISIONING"
    availability_domain: str
    subnet_id: str
    hostname_label: str | None = None
    is_primary: bool = True
    mac_address: str
    private_ip: str
    public_ip: str | None = None
    nsg_ids: list[str] = Field(default_factory=list)
    skip_source_dest_check: bool = False
    machine: str = Field(exclude=True)


class PrivateIp(Resource):
    # The real resource has no life-cycle state.
    lifecycle_state: str = Field(default="AVAILABLE", exclude=True)
    availability_domain: str
    display_name: str
    hostname_label: str | None = None
    ip_address: str
    is_primary: bool = True
    subnet_id: str
    vnic_id: str
    ip_state: str = "ASSIGNED"
    lifetime: str = "EPHEMERAL"
    freeform_tags: dict[str, str] = Field(default_factory=dict)
    defined_tags: DefinedTags = Field(default_factory=dict)


class PublicIp(NamedResource):
    lifecycle_state: str = "PROVISIONING"
    ip_address: str
    lifetime: Literal["EPHEMERAL", "RESERVED"]
    scope: Literal["REGION", "AVAILABILITY_DOMAIN"]
    availability_domain: str | None = None
    private_ip_id: str | None = None
    assigned_entity_id: str | None = None
    assigned_entity_type: str | None = None


def checked_cidr(value: str) -> str:
    network = IPv4Network(value, strict=False)
    if str(network) != value:
        wanted = network.network_address
        address = value.partition("/")[0]
        raise ValueError(
            f"The requested CIDR {value} is invalid: CIDR IP {address} does not match network IP {wanted}."
        )
    if not 16 <= network.prefixlen <= 30:
        raise ValueError(f"The requested CIDR {value} is invalid: its size must be between /16 and /30.")
    return value
