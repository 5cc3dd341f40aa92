"""resonant.yaml: what is accepted, and that every wrong entry is named in one message."""

from typing import Any

import pytest
import yaml

from resonant.application import check_variables, find_variables, parse_description
from resonant.errors import ApplicationInvalid

LEAST: dict[str, Any] = {"web": {"site": {"port": 8080, "paths": ["/"]}}}


def described(**changes: Any) -> str:
    return yaml.safe_dump({**LEAST, **changes})


def refused(text: str) -> str:
    with pytest.raises(ApplicationInvalid) as caught:
        parse_description(text)
    return str(caught.value)


def test_a_web_service_with_a_port_and_the_root_is_enough():
    description = parse_description(described())
    assert description.compose == "compose.yaml"
    assert description.web["site"].health == "/"
    assert description.permanent == ()
    assert "default-src 'none'" in description.content_security_policy


def test_each_service_is_one_kind():
    description = parse_description(
        described(daemons=["worker"], stateful=["redis", "postgres"], database={"service": "postgres"})
    )
    kinds = {name: description.read_kind(name) for name in ("site", "worker", "redis", "postgres", "cache")}
    assert kinds == {
        "site": "web",
        "worker": "daemon",
        "redis": "stateful",
        "postgres": "stateful",
        "cache": "internal",
    }
    assert description.permanent == ("redis", "postgres")


def test_every_wrong_entry_is_named_in_one_message():
    message = refused(
        yaml.safe_dump(
            {
                "compose": "/etc/compose.yaml",
                "webs": {},
                "web": {"site": {"port": 0, "paths": ["no-slash", "/a b"], "timeout": 3}, "../x": {"port": 80}},
                "database": {"migrate": {"service": "site", "command": [], "lock_timeout_seconds": 0}},
                "environment": {"1A": {}, "COMPOSE_FILE": {}, "SITE_DIR": {}, "KEY": {"secrte": True}},
                "content_security_policy": 'default-src "self"; $x',
            }
        )
    )
    assert message.startswith("resonant.yaml needs a correction:\n")
    for entry in (
        "compose: ", "webs: Extra", "web.site.port: ", "web.site.paths.0: ", "web.site.paths.1: ", "web.site.timeout: Extra",
        "web.../x.", "database.service: Field required", "database.migrate.command: ", "database.migrate.lock_timeout_seconds: ",
        "environment.1A.", "environment.COMPOSE_FILE.", "environment.SITE_DIR.", "environment.KEY.secrte: Extra",
        "content_security_policy: ",
    ):  # fmt: skip
        assert f"\n  {entry}" in message, f"{entry}\n{message}"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "web: Field required"),
        ("- a list", "resonant.yaml: Input should be a valid dictionary"),
        ("web: {", "resonant.yaml is not YAML"),
        ("web: {}", "web: "),
        (described(web={"site": {"port": 80}}), "no web service has the path /"),
        (described(daemons=["site"]), "site: web, daemons and stateful exclude each other"),
        (
            described(daemons=["redis"], stateful=["redis"]),
            "redis: web, daemons and stateful exclude each other",
        ),
        (described(daemons=["worker", "worker"]), "worker: web, daemons and stateful exclude each other"),
        (
            described(web={"a": {"port": 80, "paths": ["/"]}, "b": {"port": 81, "paths": ["/"]}}),
            "/: a path leads to one service only",
        ),
        (
            described(web={"a": {"port": 80, "paths": ["/", "/ws"], "websockets": ["/ws"]}}),
            "/ws: a path leads to one service only",
        ),
    ],
)
def test_what_cannot_be_used_is_told(text: str, wrong: str):
    assert wrong in refused(text)


@pytest.mark.parametrize("path", ["/", "/api/", "/a.b/~user", "/!&()*+,=:@%-._~"])
def test_a_path(path: str):
    assert parse_description(described(web={"site": {"port": 1, "paths": sorted({"/", path})}}))


@pytest.mark.parametrize(
    "path", ["", "api", "/a b", "/a;b", "/a{b", "/a}b", '/a"b', "/a'b", "/a$b", "/a\\b", "/a#b", "/a?b", "/ä", "/a\n"]
)
def test_what_nginx_would_read_as_something_else_is_no_path(path: str):
    assert "web.site.paths.1" in refused(described(web={"site": {"port": 1, "paths": ["/", path]}}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nothing", {}),
        ("${A}", {"A": True}),
        ("$A$B", {"A": True, "B": True}),
        ("$A-x", {"A": True}),
        ("${A:-x}", {"A": False}),
        ("${A-x}", {"A": False}),
        ("${A-}", {"A": False}),
        ("${A:+x}", {"A": False}),
        ("${A+x}", {"A": False}),
        ("${A:?}", {"A": True}),
        ("${A?it is needed}", {"A": True}),
        ("${A:-${B}}", {"A": False, "B": True}),
        ("${A:-${B:-${C:-x}}}", {"A": False, "B": False, "C": False}),
        ("${A:-$B}", {"A": False, "B": True}),
        ("${A:-x}${A}", {"A": True}),
        ("${A}${A:-x}", {"A": True}),
        ("$$A", {}),
        ("$${A}", {}),
        ("$$$A", {"A": True}),
        ("$$$$A", {}),
        ("$$$${A}", {}),
        ("$$$$${A}", {"A": True}),
        ("a$$b$C", {"C": True}),
        ("costs 5$ or $5", {}),
        ("$_A1", {"_A1": True}),
    ],
)
def test_variables_are_found_as_compose_finds_them(text: str, found: dict[str, bool]):
    assert find_variables(text) == found


def test_variables_that_need_a_value_and_are_not_described_are_named():
    check_variables({"A": ""}, {"A": True, "B": False})
    with pytest.raises(ApplicationInvalid, match=r"uses C, D, which resonant\.yaml does not describe"):
        check_variables({"A": ""}, {"A": True, "D": True, "C": True, "B": False})
