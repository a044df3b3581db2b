"""Groups: what belongs together, what does not, and what groups are called."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_formulas import run_info

import rolltape
from rolltape.curves import SEED_NAMES, Group, group_runs
from rolltape.store import RunInfo


def runs(*configs: dict[str, Any], **about: str) -> list[RunInfo]:
    """A run for each config, with ids 0, 1, …"""
    return [run_info(str(i), config, **about) for i, config in enumerate(configs)]


def ids(groups: list[Group]) -> list[str]:
    """The ids of each group's runs, written together."""
    return ["".join(info.id for info in group.runs) for group in groups]


def names(groups: list[Group]) -> list[str]:
    return [group.name for group in groups]


def test_runs_that_differ_in_their_seed_are_a_group() -> None:
    infos = runs(*({"lr": lr, "seed": seed, "net": {"width": 64}} for lr in (3e-4, 1e-3) for seed in (1, 2, 3)))
    one, two = group_runs(infos)
    assert one == Group(
        one.id, "lr=0.0003", "p", {"lr": 3e-4, "net.width": 64}, infos[:3], {"p/0": 1, "p/1": 2, "p/2": 3}
    )
    assert two == Group(
        two.id, "lr=0.001", "p", {"lr": 1e-3, "net.width": 64}, infos[3:], {"p/3": 1, "p/4": 2, "p/5": 3}
    )


@pytest.mark.parametrize(
    "key",
    [
        *SEED_NAMES,
        "train.seed",
        "args.seed",
        "a.b.Random_Seed",
        "SEED",
        "random-seed",
        "rngSeed",
        "params/seed",
        "seed.torch",
    ],
)
def test_seeds_are_found_by_their_names(key: str) -> None:
    (group,) = group_runs(runs({key: 4, "lr": 1}, {key: 9, "lr": 1}))
    assert group.seeds == {"p/0": 4, "p/1": 9}
    assert group.config == {"lr": 1}


@pytest.mark.parametrize("key", ["seeds_total", "num_seeds", "seedling", "use_seed", "reseed_every", "seed_count"])
def test_what_only_sounds_like_a_seed_is_none(key: str) -> None:
    assert len(group_runs(runs({key: 4}, {key: 9}))) == 2


def test_nested_seeds_are_found() -> None:
    (group,) = group_runs(runs({"train": {"seed": 1, "lr": 1}}, {"train": {"seed": 2, "lr": 1}}))
    assert group.seeds == {"p/0": 1, "p/1": 2}
    assert group.config == {"train.lr": 1}


def test_of_several_seeds_the_plainest_is_the_runs() -> None:
    config = {"env_seed": 1, "algo": {"seed": 2}, "seed": 3, "torch_seed": 4}
    assert group_runs(runs(config))[0].seeds == {"p/0": 3}
    del config["seed"]
    assert group_runs(runs(config))[0].seeds == {"p/0": 2}
    del config["algo"]
    assert group_runs(runs(config))[0].seeds == {"p/0": 4}
    assert group_runs(runs(config))[0].config == {}


def test_the_seed_key_can_be_set() -> None:
    infos = runs({"trial": 1, "seed": 5, "x": {"Trial": 7}}, {"trial": 2, "seed": 5, "x": {"Trial": 8}})
    assert ids(group_runs(infos)) == ["0", "1"]
    (group,) = group_runs(infos, "trial")
    assert (group.seeds, group.config) == ({"p/0": 1, "p/1": 2}, {"seed": 5})
    assert ids(group_runs(infos, "X.trial")) == ["0", "1"], "only the nested one"
    (group,) = group_runs(infos, ["X.trial", "trial"])
    assert group.seeds == {"p/0": 7, "p/1": 8}, "the first that is named"
    assert ids(group_runs(runs({"seed": 1}, {"seed": 2}), [])) == ["0", "1"], "no seed at all"


def test_keys_are_ignored_only_when_told() -> None:
    infos = runs({"log": {"dir": "a"}, "lr": 1, "seed": 1}, {"log": {"dir": "b"}, "lr": 1, "seed": 2})
    assert ids(group_runs(infos)) == ["0", "1"]
    for ignore in ("log", "log.dir", ["Log.Dir"], ["x", "log"]):
        (group,) = group_runs(infos, ignore=ignore)
        assert group.config == {"lr": 1}
    assert ids(group_runs(infos, ignore=["dir", "lo"])) == ["0", "1"], "whole keys from their beginning"


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": math.nan}, {"a": float("nan")}, True),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": None}, {}, False),
        ({"a": {}}, {}, False),
        ({"a": {"b": 1}}, {"a.b": 1}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"b": 1}, False),
    ],
)
def test_configs_that_are_equal(one: dict[str, Any], other: dict[str, Any], together: bool) -> None:
    assert len(group_runs(runs(one, other))) == (1 if together else 2)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["ppo", "dqn"], {"ppo": "0", "dqn": "1"}),
        (["ppo-s1", "ppo-s2", "dqn-s1"], {"ppo": "01", "dqn": "2"}),
        (["ppo_seed2", "ppo-seed1", "ppo"], {"ppo": "012"}),
        (["ppo-1", "ppo-2"], {"ppo-1": "0", "ppo-2": "1"}),
        (["td3", "sac", "td3"], {"td3": "02", "sac": "1"}),
    ],
)
def test_names_without_any_config(given: list[str], expected: dict[str, str]) -> None:
    groups = group_runs([run_info(str(i), name=name) for i, name in enumerate(given)])
    assert dict(zip(names(groups), ids(groups), strict=True)) == expected


def test_a_name_tells_the_seed_where_the_config_does_not() -> None:
    groups = group_runs([run_info("a", name="ppo-s3"), run_info("b", name="ppo-s4"), run_info("c", name="ppo")])
    assert groups[0].seeds == {"p/a": 3, "p/b": 4, "p/c": None}
    (group,) = group_runs([run_info("a", {"seed": 5}, name="ppo-seed3")])
    assert group.seeds == {"p/a": 5}, "the config is asked first"


def test_a_number_that_stays_the_same_over_seeds_is_no_seed() -> None:
    infos = [run_info(f"{name}{seed}", {"seed": seed}, name=name) for name in ("s4-s4", "s4-s5") for seed in (4, 5)]
    assert ids(group_runs(infos)) == ["s4-s44s4-s45", "s4-s54s4-s55"]
    numbered = [run_info(str(seed), {"seed": seed}, name=f"ppo-{seed}") for seed in (4, 5)]
    assert ids(group_runs(numbered)) == ["45"]
    # the same name with other settings says nothing about it
    other = [run_info("x", {"seed": 1, "lr": 1}, name="ppo-4")]
    assert ids(group_runs(numbered + other)) == ["45", "x"]


def test_runs_that_were_given_no_name_are_one_group(tapes: Path) -> None:
    for seed in (1, 2):
        rolltape.init(project="p", config={"seed": seed, "net": {"width": 8}}).close()
    rolltape.init(project="p", id="mine", config={"seed": 3, "net": {"width": 8}}).close()
    one, two = sorted(group_runs(rolltape.open().runs()), key=lambda group: len(group.runs))
    assert (one.name, list(one.seeds.values())) == ("mine", [3])
    assert (two.name, sorted(two.seeds.values())) == ("p", [1, 2])
    assert two.config == {"net.width": 8}


def test_projects_are_apart() -> None:
    infos = [run_info("a", {"lr": 1}), run_info("b", {"lr": 1}, project="q"), run_info("c", {"lr": 2})]
    groups = group_runs(infos)
    assert ids(groups) == ["a", "b", "c"]
    assert names(groups) == ["p · lr=1", "q · lr=1", "p · lr=2"]
    assert [group.project for group in groups] == ["p", "q", "p"]


def test_the_order_is_that_of_first_appearance() -> None:
    infos = runs(*({"lr": lr, "seed": seed} for seed in (1, 2) for lr in (3, 1, 2)))
    assert ids(group_runs(infos)) == ["03", "14", "25"]


def test_names_have_what_differs_and_nothing_else() -> None:
    configs = [{"lr": 3e-4, "env": "a", "batch": 64}, {"lr": 1e-3, "env": "a", "batch": 64}]
    assert names(group_runs(runs(*configs))) == ["lr=0.0003", "lr=0.001"]
    infos = [run_info(f"{name}{i}", config, name=name) for name in ("ppo", "dqn") for i, config in enumerate(configs)]
    assert names(group_runs(infos)) == ["ppo · lr=0.0003", "ppo · lr=0.001", "dqn · lr=0.0003", "dqn · lr=0.001"]
    assert names(group_runs(infos[:1])) == ["ppo"]
    assert names(group_runs(runs({"b": 1, "a": 2}, {"a": 3, "b": 4}))) == ["a=2 · b=1", "a=3 · b=4"]
    assert names(group_runs(runs({"b": 1}, {"a": 3}))) == ["b=1", "a=3"]
    assert names(group_runs(runs({"a": 1}, {}))) == ["a=1", "ppo"]
    assert names(group_runs(runs({"a": 1}, {"a": "1"}, {"a": True}, {"a": None}))) == [
        "a=1",
        "a='1'",
        "a=True",
        "a=None",
    ]


def test_ignored_keys_and_seeds_are_not_in_names() -> None:
    infos = runs({"lr": 1, "dir": "a", "seed": 1}, {"lr": 2, "dir": "b", "seed": 2})
    assert names(group_runs(infos, ignore=["dir"])) == ["lr=1", "lr=2"]


def test_names_are_unique() -> None:
    long = "x" * 60
    infos = runs({"a": long + "1"}, {"a": long + "2"}, {"a": long + "3"}, {"a": "x" * 39 + "… (2)"})
    found = names(group_runs(infos))
    assert len(set(found)) == 4
    assert found[1] == found[0] + " (2)" and found[2] == found[0] + " (3)"
    named = [run_info("a", {"k": 1}), run_info("b", {}), run_info("c", {}, name="ppo · k=1")]
    assert names(group_runs(named)) == ["ppo · k=1", "ppo", "ppo · k=1 (2)"]


configs = st.fixed_dictionaries(
    {"seed": st.integers(0, 2), "lr": st.sampled_from([1, 1.0, True, "1", None, [1], math.nan])},
    optional={"env_seed": st.integers(0, 2), "net": st.fixed_dictionaries({}, optional={"width": st.integers(1, 2)})},
)


@given(st.lists(st.tuples(configs, st.sampled_from(["a", "b", "a-seed1"]), st.sampled_from("pq")), max_size=12))
def test_every_run_is_in_one_group_in_any_order(given: list[tuple[dict[str, Any], str, str]]) -> None:
    infos = [run_info(str(i), config, name=name, project=project) for i, (config, name, project) in enumerate(given)]
    groups = group_runs(infos)
    assert sorted(info.key for group in groups for info in group.runs) == sorted(info.key for info in infos)
    assert len(set(names(groups))) == len(groups)
    for group in groups:
        assert list(group.seeds) == [info.key for info in group.runs]
        assert {info.project for info in group.runs} == {group.project}
        for info in group.runs:
            assert group.seeds[info.key] == info.config["seed"]
    shuffled = random.Random(0).sample(infos, len(infos))
    again = {frozenset(group.seeds) for group in group_runs(shuffled)}
    assert again == {frozenset(group.seeds) for group in groups}


def test_no_runs() -> None:
    assert group_runs([]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_runs([run_info("a"), run_info("b"), run_info("a")]), "infos holds run 'p/a' twice"),
        (lambda: group_runs([], seed_key=[""]), "seed_key holds '', but must be names of config keys"),
        (lambda: group_runs([], ignore=[3]), "ignore holds 3, but must be names of config keys"),  # type: ignore[list-item]
    ],
)
def test_what_cannot_be_answered_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_groups_id_is_the_same_whatever_the_others_are_and_however_it_is_written() -> None:
    infos = runs(
        *({"lr": lr, "seed": seed, "net": {"b": [1, 2.5], "a": None}} for lr in (3e-4, 1.0) for seed in (1, 2))
    )
    one, two = group_runs(infos)
    assert one.id != two.id
    assert [group.id for group in group_runs(infos[2:])] == [two.id]
    again = runs({"net": {"a": None, "b": (1.0, 2.5)}, "lr": 1, "seed": 7})
    assert group_runs(again)[0].id == two.id
    assert group_runs(runs({"net": {"a": None, "b": [1, 2]}, "lr": 1, "seed": 7}))[0].id != two.id
    assert two.id == "f4b3f8bb0c8d", "addresses that people share hold it"


def test_a_deeply_nested_config_has_an_id() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": [deep]}
    assert len(group_runs(runs({"deep": [deep]}))[0].id) == 12


def test_what_a_name_stands_for_is_not_said_again() -> None:
    infos = [
        replace(info, name=f"{info.config['algo']}_{info.config['env']}_seed{info.config['seed']}")
        for info in runs(
            *(
                {"algo": algo, "env": "Ant", "lr": lr, "seed": s}
                for algo, lr in (("ppo", 1), ("sac", 1), ("sac", 2))
                for s in (1, 2)
            )
        )
    ]
    assert [group.name for group in group_runs(infos)] == ["ppo_Ant · lr=1", "sac_Ant · lr=1", "sac_Ant · lr=2"]
