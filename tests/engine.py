"""`python -m tests.engine up|down`: a Docker engine for the tests. `down` stops only one that this checkout started."""

import sys

from sandbox.__main__ import PLACE, one_message
from sandbox.engine.daemon import ensure_engine, stop_own_engine


def main(action: str) -> None:
    with one_message():
        PLACE.open_state()
        print(ensure_engine(PLACE.state) if action == "up" else stop_own_engine(PLACE.state))


if __name__ == "__main__":
    main(sys.argv[1])
