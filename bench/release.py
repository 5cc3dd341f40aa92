"""What a release costs its visitors and its operator: `.venv/bin/python -m bench.release [unchanged] [times] [load]`.

Measures on the rehearsal that runs (`scripts/rehearse`), at loopback addresses alone, and prints one Markdown table beside the
goals: `unchanged` against ansible-playbook and pyinfra, `times` of a changed backend line and of a rollback, and `load`: k6 over a
release, a rollback and a failing release. All three take about 20 minutes; the machine should do nothing else meanwhile.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import unchanged
from bench.changes import TITLE, Run, break_health, copy_reference, rename, run_flow, watching
from bench.load import Seen, load
from bench.site import read_status

Row = tuple[str, str, str]
Part = Callable[[dict[str, str]], list[Row]]

REQUESTS = 20_000
CALM_SECONDS = 5
BASELINE_SECONDS = 30
SHORT_SOAK_SECONDS = 5
ROLLBACK_SECONDS = 10
NAMES = [f"{TITLE} {word}" for word in ("I", "II", "III", "IV")]


def main(arguments: list[str]) -> None:
    if wrong := sorted(set(arguments) - set(PARTS)):
        sys.exit(f"bench: there is no part {', '.join(wrong)}; there are {', '.join(PARTS)}")
    site = read_status()
    rows = [row for name, part in PARTS.items() if name in (arguments or PARTS) for row in part(site)]
    print("\n| what | measured | goal |\n| --- | --- | --- |")
    for what, measured, goal in rows:
        print(f"| {what} | {measured} | {goal} |")


# Nothing has changed.


def measure_unchanged(site: dict[str, str]) -> list[Row]:
    return render_costs(unchanged.measure(site))


def render_costs(costs: list[unchanged.Cost]) -> list[Row]:
    rows = []
    for cost in costs:
        what = f"nothing changed, round trip {cost.round_trip_seconds * 1000:.0f} ms: {cost.who}"
        if cost.round_trips is None:
            rows.append((what, f"{cost.seconds:.1f} s", compare(cost, costs)))
        else:
            measured = f"{cost.seconds:.2f} s of work, {cost.round_trips} SSH round trips; whole command {cost.whole_seconds:.1f} s"
            rows.append((what, measured, f"{2 if cost.round_trip_seconds else 1.5} s, 3 round trips"))
    return rows


def compare(peer: unchanged.Cost, costs: list[unchanged.Cost]) -> str:
    """How many times faster our slower flow was, beside the factor that is the goal."""
    ours = max(
        cost.seconds
        for cost in costs
        if cost.round_trips is not None and cost.round_trip_seconds == peer.round_trip_seconds
    )
    return f"{peer.seconds / ours:.1f} × our work; goal {10 if 'ansible' in peer.who else 3} ×"


# A changed line, and back, on a quiet site.


def measure_times(site: dict[str, str]) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, watching(site) as watch:
        application = copy_reference(Path(folder) / "application")
        must_succeed(
            run_flow(site, "deploy", application, ref=rename(application, NAMES[0]), soak_seconds=SHORT_SOAK_SECONDS)
        )
        changed = must_succeed(
            run_flow(site, "deploy", application, ref=rename(application, NAMES[1]), soak_seconds=SHORT_SOAK_SECONDS)
        )
        switched = watch.since[NAMES[1]] - changed.started
        back = must_succeed(run_flow(site, "rollback", application))
        switched_back = watch.since[NAMES[0]] - back.started
    put_back(site)
    return [
        ("changed backend line, from flow start to switched", f"{switched:.1f} s: {render_steps(changed)}", "printed"),
        (
            "rollback, from flow start to switched",
            f"{switched_back:.1f} s: {render_steps(back)}",
            f"{ROLLBACK_SECONDS} s",
        ),
        ("rollback, the whole flow", f"{back.seconds:.1f} s", f"{ROLLBACK_SECONDS} s"),
    ]


def render_steps(run: Run) -> str:
    shown = [f"{name.rpartition('-')[0] or name} {seconds:.1f} s" for name, seconds in run.steps if seconds >= 0.2]
    return ", ".join(shown) or "no step took 0.2 s"


# Under load.


def measure_load(site: dict[str, str]) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        application = copy_reference(Path(folder) / "application")
        must_succeed(
            run_flow(site, "deploy", application, ref=rename(application, NAMES[2]), soak_seconds=SHORT_SOAK_SECONDS)
        )
        renamed, broken = rename(application, NAMES[3]), break_health(application)
        events: dict[str, Callable[[], object]] = {
            "nothing at all": lambda: time.sleep(BASELINE_SECONDS),
            "a release": lambda: must_succeed(run_flow(site, "deploy", application, ref=renamed)),
            "a rollback": lambda: must_succeed(run_flow(site, "rollback", application)),
            "a failing release": lambda: must_fail(run_flow(site, "deploy", application, ref=broken)),
        }
        rows = [measure_under_load(site, name, event) for name, event in events.items()]
    put_back(site)
    return rows


def measure_under_load(site: dict[str, str], name: str, event: Callable[[], object]) -> Row:
    """The load goes on after the event until it has sent enough: a short event is repeated by nobody."""
    with load(site) as running:
        time.sleep(CALM_SECONDS)
        event()
        time.sleep(CALM_SECONDS)
        running.go_on_until(0 if name == "nothing at all" else REQUESTS)
    return f"500 kept connections and newcomers over {name}", render_seen(running.seen), "0 failed"


def render_seen(seen: Seen) -> str:
    return f"{seen}{f'; k6 had no room for {seen.not_sent} newcomers' if seen.not_sent else ''}"


# What the parts share.


def put_back(site: dict[str, str]) -> None:
    """The site ends with the application of this checkout, as it began."""
    must_succeed(run_flow(site, "deploy", soak_seconds=SHORT_SOAK_SECONDS))


def must_succeed(run: Run) -> Run:
    if run.exit_code != 0:
        sys.exit(f"bench: the flow failed:\n{run.printed[-3000:]}")
    return run


def must_fail(run: Run) -> None:
    if run.exit_code == 0:
        sys.exit(f"bench: the broken release was accepted:\n{run.printed[-3000:]}")


PARTS: dict[str, Part] = {"unchanged": measure_unchanged, "times": measure_times, "load": measure_load}

if __name__ == "__main__":
    main(sys.argv[1:])
