"""The application's source: one commit of its repository, on the VM."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from prefect import get_run_logger

from resonant import fetching, repository
from resonant import source_faults as faults
from resonant.commands import git
from resonant.commands.shell import Command
from resonant.errors import RemoteCommandFailed, SourceUnavailable
from resonant.fetching import Place, Seen, Stored
from resonant.remote import Host
from resonant.repository import Commit, LocalCommit
from resonant.settings import Settings
from resonant.source import CHECKOUT
from tasks.options import step
from tasks.shell import put, run

REFERENCE_FOLDER = "apps"
LOOK_WITHIN_SECONDS = 60
FETCH_WITHIN_SECONDS = 900
KEPT_COMMITS = 30
# An upload lies twice on the disk for a moment, and once more when git has unpacked it.
UPLOAD_NEEDS = 3


@step("source", timeout_seconds=1800, retries=2)
def fetch_source(host: Host, settings: Settings, ref: str, scratch: bool = False) -> Commit:
    """The commit that the ref names now, on the VM: one round trip when it is there already.

    With `scratch` the site stays as it is: what is missing goes to a repository beside it, see `discard_scratch`.
    Raises SourceUnavailable.
    """
    if repository.is_url(settings.application_repository):
        return _fetch_url(host, settings, ref, scratch=scratch)
    with resolve_local(settings, ref) as local:
        return _ship(host, settings, local, scratch=scratch)


@step("look at source", retries=2)
def resolve_cheaply(host: Host, settings: Settings, ref: str) -> str | None:
    """The commit's id, changing nothing: no round trip for a folder, one for a URL. None: only a fetch can tell."""
    if not repository.is_url(settings.application_repository):
        with resolve_local(settings, ref) as local:
            return local.sha
    where, place = _check(settings, ref), fetching.choose_place()
    seen = _look(host, settings, place, ref)
    target = fetching.choose_target(ref, seen.refs, where) if seen.is_prepared else None
    return target.sha or None if target else None


@step("discard scratch", retries=1)
def discard_scratch(host: Host, commit: Commit) -> None:
    """Remove what `fetch_source` made for a plan; nothing when it needed nothing."""
    if commit.repository != fetching.choose_place().repository:
        run(host, git.remove_scratch(commit.repository))


@step("prune source", timeout_seconds=900, retries=1)
def prune_source(host: Host, keep: tuple[str, ...]) -> None:
    """Forget commits beyond the newest 30, except those of `keep`."""
    run(host, git.prune(fetching.choose_place().repository, keep, KEPT_COMMITS), timeout_seconds=600)


def resolve_local(settings: Settings, ref: str) -> LocalCommit:
    """Of the folder that the settings name, or of the reference application; on this machine alone."""
    folder = Path(settings.application_repository or CHECKOUT)
    subfolder = settings.application_folder or ("" if settings.application_repository else REFERENCE_FOLDER)
    return repository.resolve_local(folder, subfolder, ref, settings.allow_uncommitted)


def _ship(host: Host, settings: Settings, local: LocalCommit, *, scratch: bool) -> Commit:
    place = fetching.choose_place()
    seen = _look(host, settings, place, "", folder=local.folder)
    if local.sha in seen.stored:
        return _as_commit(local, place)
    with ExitStack() as unfinished:
        if scratch:
            place = _create_scratch(host, settings, place)
            unfinished.callback(_discard, host, place)
            seen = replace(seen, is_prepared=False)
        _send(host, settings, place, local, seen)
        unfinished.pop_all()
    return _as_commit(local, place)


def _send(host: Host, settings: Settings, place: Place, local: LocalCommit, seen: Seen) -> None:
    if not seen.is_prepared:
        _prepare(host, settings, place)
    bundle = repository.build_bundle(local, seen.stored)
    assert bundle is not None  # noqa: S101  (the caller looked)
    if len(bundle) * UPLOAD_NEEDS > seen.free_bytes:
        raise faults.no_space(_where(settings), str(host), len(bundle) * UPLOAD_NEEDS, seen.free_bytes)
    get_run_logger().info("sending commit %s: %d KB", local.sha[:12], len(bundle) // 1024)
    file = f"{place.repository}/incoming-{local.sha}"
    try:
        put(host, bundle, file, mode=0o600)
    except RemoteCommandFailed as error:
        raise _explain(error, settings, place, local.sha) from error
    command = git.fetch_bundle(place.repository, local.folder, local.sha, file, local.shallow)
    _run(host, settings, place, local.sha, command, FETCH_WITHIN_SECONDS)


def _fetch_url(host: Host, settings: Settings, ref: str, *, scratch: bool) -> Commit:
    where, place = _check(settings, ref), fetching.choose_place()
    seen = _look(host, settings, place, ref)
    if not seen.is_prepared and not scratch:
        _prepare(host, settings, place)
        seen = _look(host, settings, place, ref)
    if seen.is_prepared:
        found = _choose_stored(ref, seen, where)
        if found or not scratch:
            return _finish(settings, place, found or _fetch(host, settings, place, ref, seen))
    return _fetch_aside(host, settings, place, ref)


def _fetch_aside(host: Host, settings: Settings, site: Place, ref: str) -> Commit:
    place = _create_scratch(host, settings, site)
    with ExitStack() as unfinished:
        unfinished.callback(_discard, host, place)
        _prepare(host, settings, place)
        seen = _look(host, settings, place, ref)
        stored = _choose_stored(ref, seen, _where(settings)) or _fetch(host, settings, place, ref, seen)
        commit = _finish(settings, place, stored)
        unfinished.pop_all()
    return commit


def _fetch(host: Host, settings: Settings, place: Place, ref: str, seen: Seen) -> Stored:
    where, folder = _where(settings), _folder(settings)
    target = fetching.choose_target(ref, seen.refs, where)
    build = {"ref": git.fetch_ref, "commit": git.fetch_commit, "beginning": git.fetch_beginning}[target.kind]
    printed = _run(host, settings, place, ref, build(place.repository, folder, target.name), FETCH_WITHIN_SECONDS)
    if candidates := fetching.parse_candidates(printed):
        raise faults.ambiguous_commit(ref, where, [sha[:12] for sha in candidates])
    (stored,) = fetching.parse_seen(printed).stored.values()
    get_run_logger().info("fetched commit %s of %s", stored.sha[:12], where)
    return stored


def _choose_stored(ref: str, seen: Seen, where: str) -> Stored | None:
    return seen.stored.get(fetching.choose_target(ref, seen.refs, where).sha)


def _finish(settings: Settings, place: Place, stored: Stored) -> Commit:
    folder = _folder(settings)
    if not stored.has_folder:
        raise faults.missing_folder(folder, _where(settings), stored.sha)
    return Commit(stored.sha, stored.title, folder=folder, repository=place.repository)


def _as_commit(local: LocalCommit, place: Place) -> Commit:
    return Commit(local.sha, local.title, local.is_uncommitted, local.folder, place.repository)


def _look(host: Host, settings: Settings, place: Place, ref: str, folder: str | None = None) -> Seen:
    key = _read_key(settings)
    command = git.look(
        place.repository, _folder(settings) if folder is None else folder, ref,
        configuration_sha256=fetching.digest(_configuration(settings, place).encode()),
        key_file=place.key_file, key_sha256=fetching.digest(key) if key else "",
    )  # fmt: skip
    return fetching.parse_seen(_run(host, settings, place, ref, command, LOOK_WITHIN_SECONDS))


def _prepare(host: Host, settings: Settings, place: Place) -> None:
    key = _read_key(settings)
    unused = "" if key else place.key_file
    _run(host, settings, place, "", git.init(place.repository, unused_key_file=unused), LOOK_WITHIN_SECONDS)
    try:
        if key:
            put(host, key, place.key_file, mode=0o600)
        put(host, _configuration(settings, place).encode(), place.configuration, mode=0o600)
    except RemoteCommandFailed as error:
        raise _explain(error, settings, place, "") from error


def _create_scratch(host: Host, settings: Settings, site: Place) -> Place:
    path = _run(host, settings, site, "", git.create_scratch(site.repository), LOOK_WITHIN_SECONDS).strip()
    return fetching.choose_place(path)


def _discard(host: Host, place: Place) -> None:
    if place != fetching.choose_place():
        run(host, git.remove_scratch(place.repository))


def _run(host: Host, settings: Settings, place: Place, ref: str, command: Command, timeout_seconds: float) -> str:
    try:
        return run(host, command, timeout_seconds=timeout_seconds)
    except RemoteCommandFailed as error:
        raise _explain(error, settings, place, ref) from error


def _explain(error: RemoteCommandFailed, settings: Settings, place: Place, ref: str) -> SourceUnavailable:
    url = settings.application_repository
    login = _login_hint(settings) if repository.is_url(url) else ""
    return faults.explain(error, where=_where(settings), ref=ref, repository=place.repository, login=login)


def _login_hint(settings: Settings) -> str:
    if not fetching.uses_ssh(settings.application_repository):
        return "Does the address hold a user and a valid token (https://USER:TOKEN@…)?"
    if settings.deploy_key_file is None:
        return "Set RESONANT_DEPLOY_KEY_FILE to a private key that may read it."
    return (
        f"Is the public half of RESONANT_DEPLOY_KEY_FILE ({settings.deploy_key_file}) registered there, and the key without "
        "a passphrase?"
    )


def _read_key(settings: Settings) -> bytes:
    """Only for a server that is reached by SSH; b"" when there is none."""
    file = settings.deploy_key_file
    if file is None or not fetching.uses_ssh(settings.application_repository):
        return b""
    try:
        return fetching.normalise_key(file.expanduser().read_bytes(), str(file))
    except OSError as error:
        raise SourceUnavailable(f"RESONANT_DEPLOY_KEY_FILE: {file} cannot be read: {error.strerror}.") from error


def _configuration(settings: Settings, place: Place) -> str:
    url = settings.application_repository
    has_key = bool(_read_key(settings))
    return fetching.render_configuration(url if repository.is_url(url) else "", place, has_key=has_key)


def _check(settings: Settings, ref: str) -> str:
    repository.check_url(settings.application_repository)
    fetching.check_ref(ref, _where(settings))
    return _where(settings)


def _where(settings: Settings) -> str:
    return repository.redact(settings.application_repository) or str(CHECKOUT)


def _folder(settings: Settings) -> str:
    return repository.normalise_folder(settings.application_folder)
