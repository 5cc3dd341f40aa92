"""The only reader of the environment. `.env.example` and docs/reference.md are written from these fields."""

import os
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from resonant.errors import SettingsInvalid
from resonant.free_tier import MINIMUM_BOOT_VOLUME_GBS

PREFIX = "RESONANT_"
FILE_VARIABLE = "RESONANT_SETTINGS_FILE"
REFERENCE_FOLDER = "apps"
NAME_OF_KEY = "ANTHROPIC_API_KEY"


class Settings(BaseSettings):
    """One site. Values come from the environment, then from the file named by RESONANT_SETTINGS_FILE (default `.env`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    site: str = Field(
        "resonant",
        pattern=r"^[a-z][a-z0-9-]{1,30}$",
        description="Name of the site: tags and names of everything it owns.",
    )
    domain: str = Field(
        "",
        max_length=253,
        pattern=r"^$|^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$",
        description="Public name of the site; empty: reached by its address alone.",
    )
    time_zone: str = Field("UTC", description="Time zone of the schedules, as in the tz database (Asia/Tokyo).")

    connection: Literal["ssh", "local"] = Field(
        "ssh", description="How flows reach the VM: ssh from the operator's machine, local on the VM's own worker."
    )
    address: str = Field("", description="The VM's public address; empty: looked up in the tenancy by the site's tags.")
    ssh_private_key_file: Path = Field(
        Path("~/.ssh/id_ed25519"), description="Private key for the VM's login; its .pub file lies beside it."
    )
    ssh_user: str = Field("ubuntu", description="Login of the image.")
    ssh_port: int = Field(22, ge=1, le=65535, description="Port of sshd on the VM.")

    oci_config_file: Path = Field(Path("~/.oci/config"), description="The OCI SDK's configuration file.")
    oci_profile: str = Field("DEFAULT", description="Profile in that file.")
    oci_endpoint: str = Field(
        "",
        pattern=r"^$|^https?://",
        description="Base URL of every OCI service; empty: Oracle's own endpoints of the region.",
    )
    compartment_id: str = Field("", description="OCID of the compartment; empty: the tenancy's root.")
    shape: str = Field("VM.Standard.A1.Flex", description="Shape of the instance.")
    ocpus: float = Field(2, ge=1, le=80, description="OCPUs of the instance.")
    memory_in_gbs: float = Field(12, ge=1, le=512, description="Memory of the instance.")
    boot_volume_size_in_gbs: int = Field(
        100, ge=MINIMUM_BOOT_VOLUME_GBS, le=32768, description="Size of the boot volume."
    )
    allow_beyond_free: bool = Field(False, description="Allow a machine larger than the Always Free allowance.")
    operating_system: str = Field("Canonical Ubuntu", description="Operating system of the platform image.")
    operating_system_version: str = Field("24.04", description="Its version.")
    ssh_source_cidr: str = Field(
        "0.0.0.0/0",
        pattern=r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$",
        description="Who may reach port 22 through the security list.",
    )
    capacity_delay_seconds: float = Field(
        60,
        ge=0.1,
        le=3600,
        description="Mean pause between launch attempts while Oracle is out of host capacity (jittered).",
    )
    capacity_deadline_seconds: float = Field(
        86400, ge=1, description="Give up looking for capacity after this long; run again to go on."
    )
    poll_seconds: float = Field(2, ge=0.05, le=60, description="Pause between two looks at something that takes time.")

    application_repository: str = Field(
        "",
        description="Git repository of the application: a URL, or a folder on the machine that runs the flow; empty: the "
        "reference application of this checkout.",
    )
    application_ref: str = Field(
        "HEAD", min_length=1, description="Branch, tag or commit that deploy takes by default."
    )
    application_folder: str = Field(
        "", pattern=r"^$|^[^/].*$", description="Folder of the application inside its repository; empty: its root."
    )
    application_file: Path | None = Field(
        None, description="Description of the application (resonant.yaml) to use instead of the one in its repository."
    )
    deploy_key_file: Path | None = Field(
        None, description="Private SSH key that may read the application's repository; sent to the VM, 0600."
    )
    allow_uncommitted: bool = Field(
        False, description="Deploy a folder with changes that are not committed, as a commit made for the purpose."
    )
    environment: dict[str, SecretStr] = Field(
        default_factory=dict, description="Variables of the application as a JSON object; they win over the file."
    )
    environment_file: Path | None = Field(None, description="File of NAME=value lines for the application's variables.")

    health_deadline_seconds: int = Field(
        120, ge=5, le=1800, description="Longest time for a new release to become healthy before it gets any visitor."
    )
    drain_seconds: int = Field(
        30, ge=0, le=3600, description="Longest time that the old release may finish what it began after the switch."
    )
    soak_seconds: int = Field(
        60, ge=0, le=3600, description="How long a new release is watched, with the old one ready to be put back."
    )
    soak_max_error_rate: float = Field(
        0.01, ge=0, le=1, description="Share of 5xx answers during the soak above which the old release is put back."
    )
    soak_max_p95_seconds: float = Field(
        2.0,
        gt=0,
        description="95th percentile of the answer times in the soak above which the old release is put back.",
    )
    kept_releases: int = Field(
        5, ge=1, le=50, description="Releases besides the current one that can be rolled back to."
    )
    lease_wait_seconds: int = Field(
        60, ge=0, le=3600, description="How long a change of the site waits for another one to end."
    )
    build_cpus: float = Field(1.5, gt=0, le=80, description="Processors that building images may use.")
    build_memory_in_gbs: float = Field(4, ge=0.1, le=512, description="Memory that building images may use.")
    pre_release_hooks: list[str] = Field(
        default_factory=list,
        description="Shell commands run on the VM before a release changes anything (JSON list); one that fails stops it.",
    )
    post_release_hooks: list[str] = Field(
        default_factory=list, description="Shell commands run on the VM after a release was accepted (JSON list)."
    )
    hook_timeout_seconds: int = Field(300, ge=1, le=3600, description="Longest time for one hook.")
    notify_urls: list[SecretStr] = Field(
        default_factory=list, description="Where to tell of start, success and failure: Apprise URLs (JSON list)."
    )
    require_approval: bool = Field(
        False, description="Show the plan and wait for a person in the Prefect UI before a change."
    )
    approval_timeout_seconds: int = Field(3600, ge=10, le=86400, description="How long to wait for that person.")

    anthropic_api_key: SecretStr = Field(
        SecretStr(""),
        validate_default=True,
        description="Key of the Claude API, used by the reference application's intent bridge.",
    )
    anthropic_base_url: str = Field("", description="Base URL of the Claude API; empty: Anthropic's own.")
    anthropic_model: str = Field("claude-haiku-4-5", description="Model that answers the intents.")

    prefect_port: int = Field(
        4200, ge=1024, le=65535, description="Local port of the tunnel to the Prefect server on the VM."
    )
    operator_folder: Path = Field(
        Path("~/.local/state/resonant"),
        description="Folder on the operator's machine for what can be fetched again: known hosts, the tunnel's log, project.env.",
    )
    deploy_timeout_seconds: int = Field(
        1800, ge=60, le=7200, description="Longest time for one build or pull of images."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not in the tz database")
        return value

    @model_validator(mode="after")
    def _one_settings_for_one_connection(self) -> "Settings":
        if self.connection == "local" and not self.address:
            raise ValueError("RESONANT_ADDRESS is needed when RESONANT_CONNECTION=local")
        return self

    @field_validator("anthropic_api_key")
    @classmethod
    def _key_for_the_reference_application(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        """Of the field, so that it is told together with whatever else is wrong; a value for the application counts, too."""
        is_given = (
            value.get_secret_value()
            or info.data.get("environment_file")
            or NAME_OF_KEY in info.data.get("environment", {})
        )
        if info.data.get("application_repository") == "" and not is_given:
            raise ValueError("is needed by the reference application")
        return value

    @property
    def folder(self) -> str:
        """Of the application inside its repository."""
        return self.application_folder or ("" if self.application_repository else REFERENCE_FOLDER)


def read_settings() -> Settings:
    """Read the environment once; raises SettingsInvalid naming every wrong or missing setting."""
    file = Path(os.environ.get(FILE_VARIABLE, ".env"))
    if FILE_VARIABLE in os.environ and not file.is_file():
        raise SettingsInvalid(f"{FILE_VARIABLE} names {file}, which does not exist. Copy .env.example to start one.")
    try:
        return Settings(_env_file=file)
    except ValidationError as error:
        raise SettingsInvalid(render_problems(error, file)) from None


def render_problems(error: ValidationError, file: Path) -> str:
    """One line per setting; values are left out because they may be secret."""
    problems = [f"  {_variable(entry['loc'])}: {entry['msg']}" for entry in error.errors()]
    return "Settings to correct, in the environment or in " + "\n".join([f"{file}:", *problems])


def _variable(location: tuple[int | str, ...]) -> str:
    name = "_".join(str(part) for part in location).upper()
    return name if name.startswith(PREFIX) or not name else PREFIX + name
