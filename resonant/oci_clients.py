"""The only importer of the OCI SDK: clients built from the settings, and OCI's errors in our words."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import oci
import requests

from resonant.errors import (
    CloudError,
    CloudUnreachable,
    LimitExceeded,
    NotAuthenticated,
    NotAuthorizedOrNotFound,
    OutOfHostCapacity,
    SettingsInvalid,
    TooManyRequests,
)
from resonant.settings import Settings

TIMEOUT_SECONDS = (10, 60)
# The SDK's own default, but with an end that a person waits for: it would go on for ten minutes. Tasks retry after it.
RETRY_STRATEGY = (
    oci.retry.RetryStrategyBuilder(
        service_error_retry_config=oci.retry.retry_checkers.RETRYABLE_STATUSES_AND_CODES,
        service_error_retry_on_any_5xx=True,
    )
    .add_max_attempts(6)
    .add_total_elapsed_time(45)
    .get_retry_strategy()
)


class Cloud:
    """One tenancy seen through the SDK. Calls retry by the SDK for at most 45 s; `call(..., retry=False)` does not retry."""

    def __init__(self, settings: Settings) -> None:
        self._endpoint = settings.oci_endpoint
        self._config = read_config(settings)
        self.tenancy_id: str = self._config["tenancy"]
        self.compartment_id = settings.compartment_id or self.tenancy_id
        self.region: str = self._config["region"]

    @cached_property
    def identity(self) -> Any:
        return self._client(oci.identity.IdentityClient)

    @cached_property
    def network(self) -> Any:
        return self._client(oci.core.VirtualNetworkClient)

    @cached_property
    def compute(self) -> Any:
        return self._client(oci.core.ComputeClient)

    @property
    def models(self) -> Any:
        """Request bodies of the core services (network and compute)."""
        return oci.core.models

    def call(self, operation: Callable[..., Any], *args: Any, retry: bool = True, **kwargs: Any) -> Any:
        """The answer's data; raises CloudError or one of its kinds."""
        strategy = RETRY_STRATEGY if retry else oci.retry.NoneRetryStrategy()
        try:
            return operation(*args, retry_strategy=strategy, **kwargs).data
        except oci.exceptions.ServiceError as error:
            raise translate(error, operation.__name__) from error
        except (oci.exceptions.RequestException, requests.exceptions.RequestException) as error:
            raise CloudUnreachable(
                f"OCI did not answer {operation.__name__} in region {self.region}: {error}. Check the network and the region."
            ) from error

    def call_all(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Every page of a listing."""

        def listing(*listed: Any, retry_strategy: Any, **more: Any) -> Any:
            return oci.pagination.list_call_get_all_results(operation, *listed, retry_strategy=retry_strategy, **more)

        listing.__name__ = operation.__name__
        found: list[Any] = self.call(listing, *args, **kwargs)
        return found

    def _client(self, kind: Any) -> Any:
        options: dict[str, Any] = {"timeout": TIMEOUT_SECONDS}
        if self._endpoint:
            options["service_endpoint"] = self._endpoint
        return kind(self._config, **options)


def read_config(settings: Settings) -> dict[str, Any]:
    """The SDK's configuration, checked; raises SettingsInvalid with what to correct in the file."""
    file = settings.oci_config_file.expanduser()
    where = f"OCI configuration {file}, profile {settings.oci_profile}"
    try:
        config: dict[str, Any] = oci.config.from_file(str(file), settings.oci_profile)
        oci.config.validate_config(config)
        oci.signer.load_private_key_from_file(config["key_file"], config.get("pass_phrase"))
    except oci.exceptions.InvalidConfig as error:
        raise SettingsInvalid(f"{where}: wrong or missing {error}.") from error
    except (oci.exceptions.ClientError, OSError, ValueError) as error:
        raise SettingsInvalid(f"{where}: {error}. docs/production.md shows how to make one.") from error
    return config


def translate(error: Any, operation: str) -> CloudError:
    """Our error for a ServiceError of the SDK."""
    kind, advice = _kind_and_advice(int(error.status), str(error.code), str(error.message))
    request_id = (error.headers or {}).get("opc-request-id", "")
    return kind(f"{operation}: {error.message} {advice}".strip(), int(error.status), str(error.code), request_id)


def _kind_and_advice(status: int, code: str, message: str) -> tuple[type[CloudError], str]:
    if status >= 500 and "capacity" in message.lower():
        return (
            OutOfHostCapacity,
            "Oracle has no free host of this shape there now; another placement or a later time may do.",
        )
    if status == 401:
        return NotAuthenticated, (
            "Check user, tenancy, fingerprint and key_file in the OCI configuration, that the API key is still listed in the "
            "console, and this machine's clock."
        )
    if status == 404:
        return NotAuthorizedOrNotFound, "Check the compartment and that the user's group may manage these resources."
    if status == 429:
        return TooManyRequests, "Oracle asks to slow down."
    if code == "LimitExceeded" or code == "QuotaExceeded":
        return LimitExceeded, "The tenancy's service limit is reached: look for forgotten instances and volumes."
    if status >= 500:
        return CloudUnreachable, "Oracle had an internal error."
    return CloudError, ""
