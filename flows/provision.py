"""From a tenancy to a machine that one can log in to."""

from prefect import flow

from resonant.remote import Host
from resonant.reports import render_provision
from resonant.settings import read_settings
from tasks.compute import check_request, ensure_host_key, ensure_instance, read_private_ip
from tasks.host import read_ssh_public_key, wait_for_login
from tasks.network import ensure_network, ensure_public_ip
from tasks.report import publish_markdown


@flow(name="provision")
def provision() -> Host:
    """Create the site's network, public address and VM in Oracle Cloud, or find them there unchanged.

    Run it as often as you like: what exists is recognised by its tags and left alone, and after an interruption the next run
    goes on where the last one ended. When Oracle is out of host capacity it keeps trying every availability domain and fault
    domain until the deadline in the settings. It ends with an SSH login to the machine, whose host key it has pinned.
    """
    settings = read_settings()
    public_key = read_ssh_public_key(settings)
    check_request(settings)
    subnet_id, network_changes = ensure_network(settings)
    instance_id, instance_changes = ensure_instance(settings, subnet_id, public_key)
    private_ip_id = read_private_ip(settings, instance_id)
    address, address_changes = ensure_public_ip(settings, private_ip_id)
    host_key, key_changes = ensure_host_key(settings, instance_id)
    host = wait_for_login(settings, address, host_key)
    changes = network_changes + instance_changes + address_changes + key_changes
    publish_markdown("provision", render_provision(settings, address, changes), "What provision did")
    return host
