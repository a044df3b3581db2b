"""Tabs of one browser share one stream of news: a Web Lock says who listens."""

from __future__ import annotations

from typing import Any

import numpy as np
from on_page import open_page, wait_for_points

import rolltape


def test_one_tab_listens_for_all_and_another_takes_over(page: Any) -> None:
    listening: list[Any] = []
    page.context.on("request", lambda one: listening.append(one.frame.page) if "api/events" in one.url else None)
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.ones(100)})
        open_page(page)
        wait_for_points(page, "loss", 100)
        second = page.context.new_page()
        open_page(second)
        wait_for_points(second, "loss", 100)
        second.wait_for_timeout(500)
        assert listening == [page], "the second one is told by the first one"

        run.log_batch({"loss": np.ones(100)})
        assert wait_for_points(second, "loss", 200) == 200
        assert wait_for_points(page, "loss", 200) == 200

        with page.context.expect_event("request", lambda one: "api/events" in one.url):
            page.close()
        assert listening == [page, second]
        run.log_batch({"loss": np.ones(100)})
        assert wait_for_points(second, "loss", 300) == 300

        third = second.context.new_page()
        open_page(third)
        wait_for_points(third, "loss", 300)
        run.log_batch({"loss": np.ones(100)})
        assert wait_for_points(third, "loss", 400) == 400
    assert listening == [page, second], "the third one listened to the second one"


def test_what_happens_while_no_tab_listens_is_not_missed(page: Any) -> None:
    """The tab that takes over asks for what came between two listeners."""
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.ones(100)})
        open_page(page)
        wait_for_points(page, "loss", 100)
        second = page.context.new_page()
        open_page(second)
        wait_for_points(second, "loss", 100)
        second.wait_for_timeout(3500)  # so long ago that the lock was asked for long ago
        held: list[Any] = []
        second.route("**/api/events", lambda route: held.append(route))
        with second.expect_request("**/api/events"):
            page.close()
        second.wait_for_timeout(1000)
        run.log_batch({"loss": np.ones(100)})
        second.wait_for_timeout(1000)
        held[0].continue_()
        assert wait_for_points(second, "loss", 200) == 200
