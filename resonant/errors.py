"""Every failure that a person can act on, as one tree.

ResonantError
├── SettingsInvalid               a setting is missing or wrong (all of them in one message)
├── WouldCostMoney                asked for more than the free allowance
├── NotConfirmed                  a destructive flow was run without its confirmation
├── NotReady                      waited until the deadline                           transient
├── CheckFailed                   a check from outside did not see what it must see
├── CloudError                    OCI answered with an error
│   ├── CloudUnreachable          no answer, or a 5xx that waiting may cure           transient
│   ├── TooManyRequests           429                                                 transient
│   ├── OutOfHostCapacity         500 "Out of host capacity": another placement may do
│   ├── LimitExceeded             400 LimitExceeded: the tenancy's service limit
│   ├── NotAuthenticated          401: key, fingerprint, user, tenancy or clock
│   └── NotAuthorizedOrNotFound   404
├── HostError                     the machine, seen over SSH
│   ├── HostUnreachable           no connection                                       transient
│   ├── SshRefused                the login was refused
│   └── HostKeyChanged            the machine is not the one that was pinned
├── RemoteCommandFailed           a command ended with a non-zero exit code
├── LeaseHeld                     another change of the site is under way
├── LeaseLost                     another run took the site over while this one was silent
├── SourceUnavailable             the application's repository, ref or folder cannot be had
├── ApplicationInvalid            its description or its Compose file cannot be used
├── HookFailed                    a command of the settings said no
├── NotApproved                   a person said no, or nobody answered
├── ReceiptsBroken                the chain of receipts does not hold
└── ReleaseFailed                 a release was not accepted; says why, and what serves now

`transient` says whether the same call may succeed a little later; retries look at nothing else.
"""

from dataclasses import dataclass
from typing import ClassVar


class ResonantError(Exception):
    """Base of all; `str(error)` says what failed, on which object, and what to do next."""

    transient: ClassVar[bool] = False


class SettingsInvalid(ResonantError):
    """One message that names every wrong or missing setting."""


class WouldCostMoney(ResonantError):
    """The request exceeds the free allowance and the settings do not allow it."""


class NotConfirmed(ResonantError):
    """A destructive flow needs its confirmation parameter."""


class NotReady(ResonantError):
    """The deadline passed: what was waited for, and for how long."""

    transient = True

    def __init__(self, what: str, waited_seconds: float, hint: str = "") -> None:
        super().__init__(f"{what} was not ready after {waited_seconds:.0f} s. {hint}".strip())
        self.what = what
        self.waited_seconds = waited_seconds


class CheckFailed(ResonantError):
    """A check from outside did not see what it must see."""


class CloudError(ResonantError):
    """OCI's answer: HTTP `status`, error `code` and the `opc_request_id` that Oracle's support asks for."""

    def __init__(self, message: str, status: int = 0, code: str = "", opc_request_id: str = "") -> None:
        reference = f" (status {status}, code {code}, opc-request-id {opc_request_id})" if status else ""
        super().__init__(message + reference)
        self.status = status
        self.code = code
        self.opc_request_id = opc_request_id


class CloudUnreachable(CloudError):
    transient = True


class TooManyRequests(CloudError):
    transient = True


class OutOfHostCapacity(CloudError):
    pass


class LimitExceeded(CloudError):
    pass


class NotAuthenticated(CloudError):
    pass


class NotAuthorizedOrNotFound(CloudError):
    pass


class HostError(ResonantError):
    """The machine as SSH sees it."""


class HostUnreachable(HostError):
    transient = True


class SshRefused(HostError):
    pass


class HostKeyChanged(HostError):
    pass


@dataclass
class RemoteCommandFailed(ResonantError):
    """`stderr_tail` holds the last lines only; commands never carry secrets, so all of it may be shown. `said`: more of them."""

    command: str
    exit_code: int
    stderr_tail: str
    where: str = "this machine"
    said: str = ""

    def __str__(self) -> str:
        words = {124: "ran out of time", 137: "killed: out of time or of memory"}
        why = words.get(self.exit_code, f"exit code {self.exit_code}")
        return f"`{self.command}` on {self.where} failed ({why}): {self.stderr_tail.strip() or 'it printed no error'}"


class LeaseHeld(ResonantError):
    """Names who holds the site, which flow run, and since when."""


class LeaseLost(ResonantError):
    """Nothing may be changed any more: the fencing token on the VM is a newer one."""


class SourceUnavailable(ResonantError):
    """Unknown ref, repository that cannot be reached, missing folder, or changes that are not committed."""


class ApplicationInvalid(ResonantError):
    """Names every entry of the description or the Compose file that cannot be used."""


class HookFailed(ResonantError):
    """Which hook, its exit code and its last lines."""


class NotApproved(ResonantError):
    """Refused by a person, or not answered in time; nothing was changed."""


class ReceiptsBroken(ResonantError):
    """The first line of the log that does not follow from the one before."""


class ReleaseFailed(ResonantError):
    """The cause, the evidence for it, the next step, and which release serves now."""
