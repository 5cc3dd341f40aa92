"""What goes wrong around the sandbox, told in one message each: what failed, where, and what to do next."""


class SandboxError(Exception):
    """Printed as it is, without a traceback; `python -m sandbox` then exits with 2."""


class DockerFailed(SandboxError):
    """A docker command came back with an error."""

    def __init__(self, command: list[str], exit_code: int, stderr: str) -> None:
        self.command = command
        self.exit_code = exit_code
        self.stderr = stderr.strip()
        super().__init__(f"`docker {' '.join(command)}` failed with {exit_code}: {self.stderr[-2000:]}")
