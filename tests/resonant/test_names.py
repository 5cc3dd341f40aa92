import pytest

from resonant.names import parse_alternative_names, read_names, render_alternative_names, render_nginx_names
from tests.vocabulary import ADDRESS, settings

WITH_DOMAIN, BARE = settings(domain="example.org"), settings()


def test_the_domain_comes_first_and_the_address_always():
    assert read_names(WITH_DOMAIN, ADDRESS) == ("example.org", ADDRESS)
    assert read_names(BARE, ADDRESS) == (ADDRESS,)


def test_names_of_the_certificate():
    assert render_alternative_names(WITH_DOMAIN, ADDRESS) == ("DNS:example.org", f"IP:{ADDRESS}")
    assert render_alternative_names(BARE, ADDRESS) == (f"IP:{ADDRESS}",)


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("    DNS:example.org, IP Address:203.0.113.10", {"DNS:example.org", "IP:203.0.113.10"}),
        ("IP Address:203.0.113.10", {"IP:203.0.113.10"}),
        ("", set()),
        ("Certificate will expire", {"Certificate will expire"}),
    ],
)
def test_names_as_openssl_prints_them(printed: str, names: set[str]):
    assert parse_alternative_names(printed) == names


def test_a_strange_host_is_sent_to_the_canonical_name():
    assert render_nginx_names(WITH_DOMAIN, ADDRESS).splitlines() == [
        "map $host $canonical_host {",
        '    default "example.org";',
        '    "example.org" "example.org";',
        f'    "{ADDRESS}" "{ADDRESS}";',
        "}",
    ]
