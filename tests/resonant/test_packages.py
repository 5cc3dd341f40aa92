import pytest

from resonant.errors import ResonantError
from resonant.packages import choose_packages, decide_missing
from tests.vocabulary import live_site


def test_a_live_site_misses_nothing():
    assert decide_missing("debian", live_site().packages) == ()


@pytest.mark.parametrize("os_id", ["ubuntu", "debian"])
def test_only_what_is_missing_is_installed(os_id: str):
    wanted = choose_packages(os_id)
    assert decide_missing(os_id, frozenset()) == wanted
    assert decide_missing(os_id, {*wanted, "vim"} - {"docker.io"}) == ("docker.io",)


@pytest.mark.parametrize("os_id", ["ol", "fedora", ""])
def test_a_system_that_was_never_tried_is_refused(os_id: str):
    with pytest.raises(ResonantError, match="supported are Ubuntu and Debian"):
        choose_packages(os_id)
