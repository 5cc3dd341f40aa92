"""The site's lease: taken before a change, kept alive beside it, given back after it."""

import getpass
import logging
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

from prefect import get_run_logger
from prefect.context import FlowRunContext, TaskRunContext
from prefect.runtime import flow_run

from resonant import lease, remote
from resonant.commands import lease as commands
from resonant.commands.shell import Command
from resonant.errors import LeaseHeld, NotReady, RemoteCommandFailed, ResonantError
from resonant.lease import Lease, Request
from resonant.polling import wait_for
from resonant.remote import Host
from resonant.settings import Settings
from tasks.options import step

TTL_SECONDS = commands.TTL_SECONDS
RENEW_SECONDS = 10.0
RENEW_AGAIN_SECONDS = 2.0
RENEW_WITHIN_SECONDS = 8
# Ending what an earlier run left behind takes up to ten seconds.
ACQUIRE_WITHIN_SECONDS = 30
Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]


@contextmanager
def site_lease(host: Host, settings: Settings, what: str) -> Iterator[Host]:
    """The host as it may be changed: each of its commands is refused (LeaseLost) once another run has taken the site over.

    Waits for another run as long as the settings say, then raises LeaseHeld. A host that is leased already stays as it is.
    """
    if host.lease:
        yield host
        return
    leased = acquire_lease(host, settings, build_request(what))
    with _renewing(leased):
        try:
            yield leased
        finally:
            _release(leased)


@step("lease", timeout_seconds=3700, retries=2)
def acquire_lease(host: Host, settings: Settings, request: Request) -> Host:
    """The host with its fencing token; what a run that was killed had left running is ended first."""
    answers: list[Lease] = []

    def ask() -> Lease:
        answers.append(_ask(host, request))
        return answers[-1]

    try:
        taken = wait_for(
            "The lease of the site",
            ask,
            lambda answer: answer.id == request.id,
            timeout_seconds=settings.lease_wait_seconds,
            poll_seconds=settings.poll_seconds,
            on_wait=lambda waited_seconds: _tell_once(answers),
        )
    except NotReady as error:
        if not answers:
            raise
        raise LeaseHeld(lease.render_held(answers[-1], error.waited_seconds, TTL_SECONDS)) from None
    if told := lease.render_taken_over(taken):
        get_run_logger().warning("%s", told)
    return replace(host, lease=taken.token)


def read_lease(host: Host) -> Lease:
    """Who holds the site now, or held it last."""
    return lease.parse(_run_beside(host, commands.show(), RENEW_WITHIN_SECONDS))


def build_request(what: str) -> Request:
    owner = f"{getpass.getuser()}@{socket.gethostname()}"
    return Request(uuid.uuid4().hex, owner, flow_run.name or "", str(flow_run.id or ""), what)


def _ask(host: Host, request: Request) -> Lease:
    """Ours, or the one of whoever holds the site."""
    try:
        told = _run_beside(host, commands.acquire(request.render(), TTL_SECONDS), ACQUIRE_WITHIN_SECONDS)
    except RemoteCommandFailed as error:
        if error.exit_code != commands.HELD:
            raise ResonantError(f"{host} does not give its lease: {error.stderr_tail}") from error
        told = error.stderr_tail
    return lease.parse(told)


def _tell_once(answers: list[Lease]) -> None:
    if len(answers) == 1:
        get_run_logger().info("waiting for the site: %s", answers[0])


@contextmanager
def _renewing(host: Host) -> Iterator[None]:
    ended = Event()
    # Not a step: a thread has no run of its own, and a page of heartbeats would hide the story.
    thread = Thread(target=_renew_until, args=(ended, host, _logger()), name="site-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(1)


def _renew_until(ended: Event, host: Host, logger: Logger) -> None:
    pause_seconds = RENEW_SECONDS
    while not ended.wait(pause_seconds):
        try:
            _run_beside(host, commands.renew(host.lease), RENEW_WITHIN_SECONDS)
            pause_seconds = RENEW_SECONDS
        except ResonantError as error:
            if ended.is_set():
                break
            logger.warning("The lease of the site was not renewed: %s", _why(error))
            if _is_lost(error):
                break
            pause_seconds = RENEW_AGAIN_SECONDS
    if not host.is_local:
        remote.close(host)


def _release(host: Host) -> None:
    """Never hides why the change ended: a lease that cannot be given back ends by itself."""
    try:
        _run_beside(host, commands.release(host.lease), RENEW_WITHIN_SECONDS)
    except ResonantError as error:
        _logger().warning("The lease of the site was not given back, it ends by itself: %s", _why(error))


def _is_lost(error: ResonantError) -> bool:
    return isinstance(error, RemoteCommandFailed) and error.exit_code == commands.LOST


def _why(error: ResonantError) -> str:
    if not isinstance(error, RemoteCommandFailed):
        return str(error)
    return f"taken over by {lease.parse(error.stderr_tail)}" if _is_lost(error) else error.stderr_tail


def _run_beside(host: Host, command: Command, timeout_seconds: float) -> str:
    """Without prefect-shell, which wants a run and tells of each command: here threads come by, and runs that were cancelled."""
    if not host.is_local:
        return remote.run(host.unleased, command, timeout_seconds=timeout_seconds)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise RemoteCommandFailed(remote.shown(command), 124, "it ran out of time") from error
    if done.returncode:
        raise RemoteCommandFailed(remote.shown(command), done.returncode, remote.render_tail(done.stderr))
    return done.stdout


def _logger() -> Logger:
    in_run = FlowRunContext.get() or TaskRunContext.get()
    return get_run_logger() if in_run else logging.getLogger(__name__)
