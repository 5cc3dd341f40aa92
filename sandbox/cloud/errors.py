"""OCI's refusals: one exception, and a constructor for each code that the services answer with."""

from collections.abc import Iterable

from fastapi.responses import JSONResponse


class OciError(Exception):
    """Becomes the answer `{"code": ..., "message": ...}` with this status."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}

    def as_response(self) -> JSONResponse:
        return JSONResponse({"code": self.code, "message": self.message}, self.status, self.headers)


def invalid_parameter(message: str) -> OciError:
    return OciError(400, "InvalidParameter", message)


def missing_parameter(message: str) -> OciError:
    return OciError(400, "MissingParameter", message)


def limit_exceeded(names: Iterable[str]) -> OciError:
    message = (
        f"The following service limits were exceeded: {', '.join(names)}. "
        "Request a service limit increase from the service limits page in the console. "
    )
    return OciError(400, "LimitExceeded", message)


def not_authenticated(
    message: str = "The required information to complete authentication was not provided or was incorrect.",
) -> OciError:
    return OciError(401, "NotAuthenticated", message)


def not_found(message: str = "Authorization failed or requested resource not found.") -> OciError:
    return OciError(404, "NotAuthorizedOrNotFound", message)


def conflict(message: str) -> OciError:
    return OciError(409, "Conflict", message)


def still_referenced(kind: str, ocid: str, other_kind: str, other_ocid: str) -> OciError:
    return conflict(
        f"The {kind} {ocid} references the {other_kind} {other_ocid}. "
        "You must remove the reference to proceed with this operation."
    )


def incorrect_state(message: str) -> OciError:
    return OciError(409, "IncorrectState", message)


def invalidated_retry_token() -> OciError:
    message = (
        "The provided retry token was used in an earlier request that resulted in a system update, "
        "but a subsequent operation invalidated the token, or the earlier request was not the same."
    )
    return OciError(409, "InvalidatedRetryToken", message)


def no_etag_match(etag: str) -> OciError:
    return OciError(412, "NoEtagMatch", f"The if-match header does not match the current etag {etag}.")


def too_many_requests(retry_after: int | None = None) -> OciError:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return OciError(429, "TooManyRequests", "Too many requests for the user.", headers)


def internal_error(message: str = "Internal server error.") -> OciError:
    return OciError(500, "InternalError", message)


def out_of_host_capacity() -> OciError:
    return internal_error("Out of host capacity.")


def not_emulated(message: str) -> OciError:
    """501 is the one server error that the SDK never retries."""
    return OciError(501, "NotImplemented", f"The sandbox does not emulate this: {message}.")
