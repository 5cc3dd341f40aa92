"""Docker images on the VM: which are there, fetch those that are ready-made, keep them under a name of ours."""

from collections.abc import Sequence

from resonant.commands.shell import Command, script


def list_images(names: Sequence[str]) -> Command:
    """Lines `name id architecture` of those that are there."""
    return script(
        'for name in "$@"; do',
        '  docker image inspect --format "$name {{.Id}} {{.Architecture}}" "$name" 2>/dev/null || true',
        "done",
        arguments=names,
    )


def pull(names: Sequence[str]) -> Command:
    return script('for name in "$@"; do docker pull --quiet "$name"; done', arguments=names)


def tag(pairs: Sequence[tuple[str, str]]) -> Command:
    """(image, further name): so that a kept release keeps its image when the tag moves on."""
    return script(
        "while [ $# -gt 0 ]; do", '  docker tag "$1" "$2"', "  shift 2", "done",
        arguments=[word for pair in pairs for word in pair],
    )  # fmt: skip
