"""The tree that errors.py draws is the tree that it defines."""

import re

import pytest

from resonant import errors
from resonant.errors import CloudError, RemoteCommandFailed, ResonantError


def drawn() -> dict[str, tuple[str, bool]]:
    """Class name -> (parent, transient), as in the drawing."""
    tree: dict[str, tuple[str, bool]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^([│ ├└─]*)([A-Z]\w+)(?:  (.*))?$", line):
            depth, name, rest = len(found[1]) // 4, found[2], found[3] or ""
            path[depth:] = [name]
            tree[name] = (path[depth - 1] if depth else "Exception", rest.rstrip().endswith(" transient"))
        elif path:
            break
    return tree


def defined() -> dict[str, tuple[str, bool]]:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ResonantError)]
    return {entry.__name__: (entry.__bases__[0].__name__, entry.transient) for entry in classes}


def test_the_drawing_is_the_tree():
    assert drawn() == defined()


def test_a_cloud_error_keeps_what_oracles_support_asks_for():
    error = CloudError("launch_instance: no.", 500, "InternalError", "req-1")
    assert str(error) == "launch_instance: no. (status 500, code InternalError, opc-request-id req-1)"
    assert str(CloudError("none found")) == "none found"


@pytest.mark.parametrize(("exit_code", "words"), [(7, "exit code 7"), (124, "ran out of time"), (137, "killed")])
def test_a_failed_command_says_why(exit_code: int, words: str):
    assert words in str(RemoteCommandFailed("apt-get install x", exit_code, "E: no such package\n"))


def test_a_silent_command_is_not_followed_by_nothing():
    assert str(RemoteCommandFailed("true", 1, "\n")).endswith("it printed no error")
