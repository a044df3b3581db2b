"""Tapes are given out to one user at a time, and those that nobody used for long are forgotten."""

from __future__ import annotations

import threading
from pathlib import Path

from rolltape.server.collecting.held_tapes import HeldTapes


def test_one_user_at_a_time(there: Path) -> None:
    tapes = HeldTapes()
    inside: list[int] = []
    entered = threading.Event()

    def use() -> None:
        with tapes.using(str(there), "w"):
            inside.append(1)
            entered.set()

    thread = threading.Thread(target=use)
    with tapes.using(str(there), "w"):
        thread.start()
        assert not entered.wait(0.2)
        with tapes.using(str(there), "another"):
            pass
        assert inside == []
    thread.join()
    assert inside == [1]


def test_those_of_long_ago_are_forgotten_unless_they_are_used(there: Path) -> None:
    tapes = HeldTapes(most=3)
    with tapes.using(str(there), "0") as held:
        for number in range(1, 20):
            with tapes.using(str(there), str(number)):
                pass
            assert len(tapes) == min(number + 1, 3)
        again = threading.Thread(target=lambda: tapes.using(str(there), "0").__enter__())
        again.daemon = True
        again.start()
        again.join(0.2)
        assert again.is_alive(), "it is still the same tape, and in use"
        assert held.users == 2
