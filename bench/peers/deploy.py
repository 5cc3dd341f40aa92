"""The same as playbook.yaml, as its author would write it for pyinfra: `pyinfra … deploy.py`; BENCH_SURVEY names the survey."""

import json
import os
import ssl
import urllib.request
from pathlib import Path

from pyinfra import host
from pyinfra.facts.files import Sha256File
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, systemd

survey = json.loads(Path(os.environ["BENCH_SURVEY"]).read_text())


def must(is_so: bool, what: str) -> None:
    if not is_so:
        raise AssertionError(what)


apt.packages(name="Packages are installed", packages=survey["packages"])
systemd.service(name="Docker runs and is enabled", service="docker.service", running=True, enabled=True)
# Its operation does not recognise a rule with several matches, and would insert it again each time.
rule = "-p tcp -m conntrack --ctstate NEW -m multiport --dports 80,443 -m comment --comment resonant-web -j ACCEPT"
host.get_fact(Command, f"iptables -C INPUT {rule}")
for entry in survey["directories"]:
    files.directory(name=entry["path"], path=entry["path"], user=entry["owner"], mode=entry["mode"])
for entry in survey["files"]:
    source = f"{survey['folder']}/{entry['name']}"
    files.put(name=entry["path"], src=source, dest=entry["path"], user=entry["owner"], mode=entry["mode"])
for entry in survey["secrets"]:
    files.file(name=entry["path"], path=entry["path"], user="root", mode="600")
    must(host.get_fact(Sha256File, path=entry["path"]) == entry["sha256"], entry["path"])
for entry in survey["links"]:
    files.link(name=entry["path"], path=entry["path"], target=entry["target"])
for unit in survey["units"]:
    systemd.service(name=unit, service=unit, running=True, enabled=True)
for entry in survey["containers"]:
    line = "'{{.Name}} {{.State.Status}} {{.State.Health.Status}} {{.Image}}'"
    must(host.get_fact(Command, f"docker inspect --format {line} {entry['name']}") == entry["line"], entry["name"])
host.get_fact(Command, " ".join(survey["nginx_test"]) + " 2>&1")
host.get_fact(Command, f"openssl x509 -in {survey['certificate']} -noout -checkend 172800")

trusted = ssl.create_default_context(cafile=survey["ca_file"])
with urllib.request.urlopen(survey["url"], context=trusted, timeout=10) as answer:  # noqa: S310  # the survey's own https URL
    must(survey["page_contains"] in answer.read().decode(), survey["url"])
