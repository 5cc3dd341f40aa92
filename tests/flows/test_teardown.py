"""Removing a site: shown first, then only what was confirmed by its name."""

import pytest

from flows.provision import provision
from flows.teardown import teardown
from resonant.errors import NotConfirmed
from tests.flows.tenancy import WHOLE_SITE, Tenancy
from tests.sandbox.conftest import TENANCY
from tests.sandbox.vocabulary import create_vcn


def test_without_a_confirmation_it_only_shows(tenancy: Tenancy, caplog: pytest.LogCaptureFixture):
    provision()
    tenancy.forget_requests()
    teardown()
    assert tenancy.changed() == 0
    shown = [line for line in caplog.messages if line.startswith("would remove")]
    assert shown[0] == "would remove instance resonant with its boot volume"
    assert len(shown) == 7


def test_another_name_is_refused(tenancy: Tenancy):
    provision()
    tenancy.forget_requests()
    with pytest.raises(NotConfirmed, match="this site is 'resonant': nothing was removed"):
        teardown(confirm_site="production")
    assert tenancy.changed() == 0


def test_confirmed_it_removes_everything_of_the_site_and_nothing_else(tenancy: Tenancy):
    provision()
    create_vcn(tenancy.clients(), "10.9.0.0/16", display_name="somebody else's")
    teardown(confirm_site="resonant")
    assert tenancy.census() == {"vcn": 1, "route table": 1, "security list": 1}
    assert tenancy.machines.machines == {}


def test_an_empty_tenancy_is_torn_down_already(tenancy: Tenancy):
    teardown(confirm_site="resonant")
    assert tenancy.changed() == 0


def test_the_site_comes_back_after_a_teardown(tenancy: Tenancy):
    provision()
    teardown(confirm_site="resonant")
    provision()
    assert tenancy.census() == WHOLE_SITE


def test_two_sites_do_not_touch_each_other(tenancy: Tenancy):
    """As far as the sandbox's one reserved address lets them: the second stops there."""
    provision()
    tenancy.set(site="other")
    teardown(confirm_site="other")
    assert tenancy.census() == WHOLE_SITE
    assert len(tenancy.clients().compute.list_instances(TENANCY).data) == 1
