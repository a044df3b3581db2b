"""What is left of a run's name without its seed."""

from __future__ import annotations

from typing import Any

import pytest
from plain_formulas import NAN, run_info

from rolltape.curves.name_bases import name_base, own_name


@pytest.mark.parametrize(
    ("name", "seeds", "base", "seed"),
    [
        # the word says it, whatever the config has
        ("ppo-seed1", [], "ppo", 1),
        ("ppo_seed2", [7], "ppo", 2),
        ("ppo Seed=03", [], "ppo", 3),
        ("ppo.seed-4", [], "ppo", 4),
        ("ppo-lr:seed_5", [], "ppo-lr", 5),
        ("ppo--seed6", [], "ppo", 6),
        ("seed7", [], "", 7),
        ("ppo-seed", [], "ppo-seed", None),
        ("reseed8", [], "reseed8", None),
        ("ppo-seed1-lr3", [], "ppo-seed1-lr3", None),
        # an s, unless the config knows better
        ("ppo-s1", [], "ppo", 1),
        ("ppo-s1", [1], "ppo", 1),
        ("ppo_S12", [12.0], "ppo", 12),
        ("ppo-s01", ["1"], "ppo", 1),
        ("s3", [], "", 3),
        ("ppo-s1", [2], "ppo-s1", None),
        ("dreamer-s4", [1, 2, 4], "dreamer-s4", None),
        ("boss1", [], "boss1", None),
        ("ppo-s1", [True], "ppo-s1", None),
        ("ppo-s1", [None], "ppo-s1", None),
        ("ppo-s1", [[1]], "ppo-s1", None),
        ("ppo-s1", [NAN], "ppo-s1", None),
        # a bare number only where the config agrees
        ("ppo-1", [1], "ppo", 1),
        ("ppo 0", ["00"], "ppo", 0),
        ("ppo-1", [], "ppo-1", None),
        ("ppo-1", [2], "ppo-1", None),
        ("td3-2", [1, 2, 3], "td3-2", None),
        ("td3-2", [2, 1, 3], "td3-2", None),
        ("CartPole-v1", [1], "CartPole-v1", None),
        ("lr-0.1", [1], "lr-0.1", None),
        ("17", [17], "", 17),
        # CleanRL's
        ("CartPole-v1__ppo__1__1730000000", [1], "CartPole-v1__ppo", 1),
        ("CartPole-v1__ppo__1__1730000000", [], "CartPole-v1__ppo", 1),
        ("CartPole-v1__ppo__1__1730000000", [2], "CartPole-v1__ppo__1__1730000000", None),
        # whatever people write
        ("", [], "", None),
        ("Läufer s2\nzwei s3", [], "Läufer s2\nzwei", 3),
    ],
)
def test_names(name: str, seeds: list[Any], base: str, seed: int | None) -> None:
    assert name_base(name, seeds) == (base, seed)


@pytest.mark.parametrize("name", ["x-" * 50_000 + "1" * 5000, "-" * 100_000, "s-" * 50_000], ids=["1", "-", "s"])
def test_hostile_names_take_no_time(name: str) -> None:
    assert name_base(name, [1]) == (name, None)


def test_an_id_made_by_rolltape_is_no_name() -> None:
    made = "20261123-191706-a1b2c3"
    assert own_name(run_info(made, name=made)) == ""
    assert own_name(run_info("mine", name="mine")) == "mine"
    assert own_name(run_info("mine", name=made)) == made
    assert own_name(run_info(made, name="ppo")) == "ppo"
