"""`python -m tests.engine up|down`: a Docker engine for the tests. `down` stops only one that this checkout started.

Exit code 2 and one line: none can be had here, and why. Any other failure is a fault of ours.
"""

import sys

from resonant.source import CHECKOUT
from sandbox.engine.daemon import ensure_engine, stop_own_engine
from sandbox.errors import SandboxError
from sandbox.place import Place

NO_ENGINE = 2


def main(action: str) -> None:
    place = Place(CHECKOUT)
    if action == "up":
        place.open_state()
        ensure_engine(place.state)
    else:
        stop_own_engine(place.state)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SandboxError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(NO_ENGINE)
