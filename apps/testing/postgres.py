"""A throwaway PostgreSQL 15 cluster on a Unix socket; tests may stop and start it at will."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

BIN = Path("/usr/lib/postgresql/15/bin")
ROLE = "resonant"


class Cluster:
    """PostgreSQL refuses to run as root: then it runs as the user `postgres` that Debian's package makes."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # socket paths are short
        self._data = self.directory / "data"
        self._databases = 0
        self._owner: dict[str, str] = {}
        if os.geteuid() == 0:
            self._owner = {"user": "postgres", "group": "postgres"}
            shutil.chown(self.directory, **self._owner)
            self.directory.chmod(0o755)
        self._run("initdb", "-U", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self) -> None:
        options = f"-k {self.directory} -c listen_addresses='' -c fsync=off -c timezone=Asia/Tokyo"
        self._run("pg_ctl", "start", "-w", "-l", str(self.directory / "log"), "-o", options)

    def stop(self) -> None:
        """As after a power cut: connections break without a farewell."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def remove(self) -> None:
        # A failed test may have left it stopped.
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory)

    def create_database(self, template: str = "template0") -> "Database":
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(host=str(self.directory), user=ROLE, dbname="postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return Database(self, name)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(BIN / program), "-D", str(self._data), *arguments],
            check=True,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._owner,  # type: ignore[call-overload]
        )


class Database:
    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    @property
    def environment(self) -> dict[str, str]:
        """libpq's variables."""
        return {
            "PGHOST": str(self.cluster.directory),
            "PGPORT": "5432",
            "PGUSER": ROLE,
            "PGPASSWORD": "not asked for",
            "PGDATABASE": self.name,
        }

    def query(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(
            host=str(self.cluster.directory), user=ROLE, dbname=self.name, autocommit=True
        ) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
