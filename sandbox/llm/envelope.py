"""Errors as Anthropic's API words them."""

from dataclasses import dataclass, field

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


@dataclass(frozen=True)
class ApiError(Exception):
    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    def render(self, request_id: str) -> dict[str, object]:
        detail = {"type": ERROR_TYPES[self.status], "message": self.message}
        return {"type": "error", "error": detail, "request_id": request_id}
