"""A release before it runs: what it is, its files on the VM, its manifest."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import get_run_logger
from prefect.blocks.system import Secret

from resonant import environment, paths, source
from resonant.application import FILE, Description, parse_description
from resonant.commands import compose, shell
from resonant.commands.on_vm import on_vm
from resonant.compose_model import Model
from resonant.errors import ApplicationInvalid, RemoteCommandFailed, SettingsInvalid
from resonant.facts import Facts
from resonant.names import render_nginx_names
from resonant.release import Draft, Release, build_release, choose_id, read_model
from resonant.remote import Host
from resonant.repository import Commit
from resonant.settings import PREFIX, Settings
from tasks.options import step
from tasks.shell import put, run

MODEL = "model.json"


@dataclass(frozen=True)
class Private:
    """What only root may read on the VM, and the certificate; `variables` are the last release's, `secrets` all ever generated."""

    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    certificate_pem: str

    @property
    def kept(self) -> Mapping[str, str]:
        """Where secrets that were generated are found again."""
        return {**self.variables, **self.secrets}


@step("read files", retries=2)
def read_private(host: Host) -> Private:
    certificate = f"{paths.CURRENT_TLS}/fullchain.pem"
    files = json.loads(run(host, shell.read_files(paths.ENVIRONMENT, paths.SECRETS, certificate)))
    variables, secrets = (
        environment.parse_environment(files.get(path, "")) for path in (paths.ENVIRONMENT, paths.SECRETS)
    )
    return Private(variables, secrets, files.get(certificate, ""))


@step("description", retries=2)
def read_description(host: Host, settings: Settings, commit: Commit) -> Description:
    """resonant.yaml of the commit, or the file that the settings name. Raises ApplicationInvalid."""
    if settings.application_file is not None:
        file = settings.application_file.expanduser()
        try:
            return parse_description(file.read_text(), str(file))
        except OSError as error:
            raise SettingsInvalid(f"{PREFIX}APPLICATION_FILE: {file} cannot be read ({error.strerror}).") from None
    path = "/".join(part for part in (commit.folder, FILE) if part)
    command = ["git", "--git-dir", commit.repository, "show", f"{commit.sha}:{path}"]
    try:
        text = run(host, command)
    except RemoteCommandFailed:
        raise ApplicationInvalid(
            f"{path} is not in commit {commit.sha[:12]}. Write one that says which services are web, which are daemons and which "
            f"keep data (docs/releases.md shows how), or name a file of yours in {PREFIX}APPLICATION_FILE."
        ) from None
    return parse_description(text, path)


def build_draft(
    settings: Settings, address: str, commit: Commit, ref: str, description: Description, private: Private, known: Facts
) -> Draft:
    """What a release of this commit would be. Raises SettingsInvalid when a variable is missing."""
    given = environment.read_given(settings)
    ungiven = environment.find_ungiven(description, given)
    values = environment.decide_environment(
        description, {**given, **_read_blocks(settings, ungiven)}, private.kept, has_data=bool(known["volumes"])
    )
    text = environment.render_environment(values)
    stack, front = source.read_source(("stack",)).digest, render_nginx_names(settings, address)
    folder = commit.folder
    return Draft(
        id=choose_id(commit.sha, folder, stack, front, description, text),
        commit=commit,
        ref=ref,
        folder=folder,
        stack=stack,
        front=front,
        description=description,
        values=values,
        environment=text,
    )


@step("files", timeout_seconds=600, retries=2)
def ship_files(host: Host, draft: Draft, private: Private) -> None:
    """Stack files, and the variables twice: the site's own file, and the release's copy that a rollback brings back."""
    secrets = environment.choose_secrets(draft.description, private.secrets, draft.values)
    if secrets != private.secrets:
        put(host, environment.render_environment(secrets).encode(), paths.SECRETS, mode=0o600)
    folder = f"{paths.RELEASES}/{draft.id}"
    stack = source.read_source(("stack",))
    archive = f"{paths.RELEASES}/.{draft.id}.tar.gz"
    put(host, source.build_archive(stack), archive, mode=0o600)
    run(host, shell.write_files(archive, folder))
    put(host, draft.environment.encode(), compose.environment_file(draft.id), mode=0o600)
    put_environment.fn(host, draft.environment)


@step("environment", retries=2)
def put_environment(host: Host, content: str) -> None:
    """`.env.prod` of the site, 0600: what serves, or is about to."""
    put(host, content.encode(), paths.ENVIRONMENT, mode=0o600)


@step("application", timeout_seconds=300, retries=2)
def describe_application(host: Host, draft: Draft, *, scratch: bool = False) -> Model:
    """Unpack the commit on the VM and read its Compose file there. `scratch` leaves nothing behind."""
    target = f"/tmp/resonant-plan-{draft.id}-{time.time_ns()}" if scratch else compose.application_folder(draft.id)  # noqa: S108
    answer = run(
        host,
        on_vm(
            "describe", draft.commit.repository, draft.commit.sha, draft.folder, target, draft.description.compose,
            compose.environment_file(draft.id), "scratch" if scratch else "keep",
        ),
    )  # fmt: skip
    model = read_model(answer, draft.description, draft.values)
    if not scratch:
        put(host, answer.encode(), f"{paths.RELEASES}/{draft.id}/{MODEL}", mode=0o600)
    return model


@step("manifest", retries=2)
def record_release(
    host: Host, draft: Draft, model: Model, images: Mapping[str, str], image_ids: Mapping[str, str]
) -> Release:
    release = build_release(draft, model, image_ids, images, datetime.now(UTC).isoformat(timespec="seconds"))
    _write(host, release)
    return release


@step("schema in manifest", retries=2)
def record_schema(host: Host, release: Release, version: str) -> None:
    """The version that the database has once the release serves."""
    _write(host, release.model_copy(update={"schema_version": version}))


def _write(host: Host, release: Release) -> None:
    put(host, release.model_dump_json(indent=1).encode(), f"{paths.RELEASES}/{release.id}/release.json", mode=0o600)


@step("kept release", retries=2)
def read_kept(host: Host, release_id: str) -> tuple[Release, Model, str]:
    """A release that is still on the VM, its model and its variables' file."""
    folder = f"{paths.RELEASES}/{release_id}"
    names = {name: f"{folder}/{name}" for name in ("release.json", MODEL, ".env.prod")}
    files = json.loads(run(host, shell.read_files(*names.values())))
    if missing := [name for name, path in names.items() if path not in files]:
        raise ApplicationInvalid(f"Release {release_id} on the VM is not whole: {', '.join(missing)} is missing.")
    release = Release.model_validate_json(files[names["release.json"]])
    variables = files[names[".env.prod"]]
    model = read_model(files[names[MODEL]], release.description, environment.parse_environment(variables))
    return release, model, variables


def _read_blocks(settings: Settings, names: tuple[str, ...]) -> dict[str, str]:
    """Prefect Secret blocks `<site>-<variable>`, lower case with dashes; those that do not exist are left out."""
    found = {}
    for name in names:
        block = f"{settings.site}-{name.lower().replace('_', '-')}"
        try:
            found[name] = str(Secret.load(block).get())  # type: ignore[union-attr]
        except ValueError:
            get_run_logger().info("there is no Secret block %s", block)
    return found
