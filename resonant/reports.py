"""Runs told as Markdown: values to text, pure."""

from collections.abc import Mapping, Sequence

from resonant.facts import Facts
from resonant.release import Release
from resonant.settings import Settings


def render_changes(changes: Sequence[str]) -> str:
    return "\n".join(f"- {change}" for change in changes) if changes else "No change: everything was as it must be."


def render_provision(settings: Settings, address: str, changes: Sequence[str]) -> str:
    return "\n".join(
        [
            f"# Machine of {settings.site}",
            "",
            f"`{address}`: {settings.shape}, {settings.ocpus:g} OCPU, {settings.memory_in_gbs:g} GB, "
            f"{settings.boot_volume_size_in_gbs} GB boot volume",
            "",
            render_changes(changes),
        ]
    )


def render_deploy(release: Release, changes: Sequence[str], seconds: Mapping[str, float], facts: Facts) -> str:
    """What was done, what serves now and from what, and where the time went."""
    services = [
        f"| {name} | {entry.kind} | `{entry.image}` | `{entry.image_id.removeprefix('sha256:')[:12]}` |"
        for name, entry in release.services.items()
    ]
    return "\n".join(
        [
            f"# Release {release.id}",
            "",
            f"Commit `{release.commit[:12]}` {release.title}",
            "",
            render_changes(changes),
            "",
            "| service | kind | image | id |",
            "| --- | --- | --- | --- |",
            *services,
            "",
            render_containers(facts),
            "",
            render_seconds("stage", seconds),
        ]
    )


def render_no_change(release: str, changes: Sequence[str], facts: Facts) -> str:
    return "\n".join([f"# Release {release}", "", render_changes(changes), "", render_containers(facts)])


def render_seconds(what: str, seconds: Mapping[str, float]) -> str:
    rows = [f"| {name} | {taken:.1f} |" for name, taken in seconds.items()]
    return "\n".join([f"| {what} | seconds |", "| --- | ---: |", *rows])


def render_containers(facts: Facts) -> str:
    rows = [f"| {entry.service} | {entry.status} | `{entry.image}` |" for entry in facts.containers]
    return "\n".join(["| service | status | image |", "| --- | --- | --- |", *sorted(rows)])


def render_go_live(
    settings: Settings, address: str, facts: Facts, stages: Mapping[str, float], checks: Sequence[str]
) -> str:
    """The last page of go-live: what runs where, versions, how long each stage took, links."""
    names = [name for name in (settings.domain, address) if name]
    versions = {
        "system": facts["os_name"],
        "architecture": facts["architecture"],
        "Docker": facts["docker"],
        "Compose": facts["compose"],
        "release": facts.placement.release,
        "flows on the VM": facts["project"],
    }
    return "\n".join(
        [
            f"# {settings.site} is live",
            "",
            *[f"- <https://{name}/>" for name in names],
            f"- Prefect UI on the VM, through the tunnel: <http://127.0.0.1:{settings.prefect_port}/>",
            "",
            "## What runs where",
            "",
            render_containers(facts),
            "",
            "## Seen from outside",
            "",
            *[f"- {check}" for check in checks],
            "",
            "## Versions",
            "",
            "| part | version |",
            "| --- | --- |",
            *[f"| {part} | {version} |" for part, version in versions.items()],
            "",
            "## Stages",
            "",
            render_seconds("stage", stages),
        ]
    )
