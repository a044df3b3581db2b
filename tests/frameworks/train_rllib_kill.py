"""Two remote environment runners that train until they are killed. Arguments: the file of the truth."""

from __future__ import annotations

import sys

from rllib_session import ppo, session

from rolltape.frameworks.rllib import RolltapeRLlibCallback

if __name__ == "__main__":
    with session():
        algorithm = ppo(sys.argv[1], RolltapeRLlibCallback, runners=2).build_algo()
        while True:
            algorithm.train()
