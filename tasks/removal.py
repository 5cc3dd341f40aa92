"""Removing the site's resources from OCI."""

from prefect import get_run_logger

from resonant import teardown
from resonant.oci_clients import Cloud
from resonant.settings import Settings
from resonant.teardown import Removal
from tasks.options import step


@step("plan", retries=2)
def read_removals(settings: Settings) -> list[Removal]:
    removals = teardown.read_removals(Cloud(settings), settings)
    for removal in removals:
        get_run_logger().info("would remove %s", removal.shown)
    return removals


@step("remove", timeout_seconds=1000, retries=3)
def remove(settings: Settings, removal: Removal) -> None:
    teardown.remove(Cloud(settings), settings, removal)
    get_run_logger().info("removed %s", removal.shown)
