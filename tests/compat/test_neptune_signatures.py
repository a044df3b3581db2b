"""The stand-in's names and arguments are those of the real packages, held against them side by side."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rolltape
from peers import in_peer
from rolltape.compat import neptune
from rolltape.compat.neptune import experiments, handler, projects, stringify

Signature = list[tuple[str, str, bool]]
DESCRIBE = """
import importlib, inspect, json, sys

DUNDERS = ("__init__", "__enter__", "__exit__", "__getitem__", "__setitem__", "__delitem__")

def load(place):
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError:
        module, _, name = place.rpartition(".")
        return getattr(importlib.import_module(module), name)

def names(owner):
    if inspect.ismodule(owner):
        return [name for name in getattr(owner, "__all__", dir(owner)) if not name.startswith("_")]
    own = [name for name in DUNDERS if getattr(owner, name, None) is not getattr(object, name, None)]
    return own + [name for name in dir(owner) if not name.startswith("_")]

def signature(thing):
    if inspect.isroutine(thing):
        return [(p.name, p.kind.name, p.default is not p.empty) for p in inspect.signature(thing).parameters.values()]

described = {}
for owner, place in json.loads(sys.argv[1]).items():
    thing = load(place)
    described[owner] = {name: signature(getattr(thing, name)) for name in names(thing)}
print("described", json.dumps(described))
"""
REAL_NEPTUNE = {
    "Experiment": "neptune.legacy.experiments.Experiment",
    "File": "neptune.types.File",
    "FileSeries": "neptune.types.FileSeries",
    "FileSet": "neptune.types.FileSet",
    "Float": "neptune.types.Float",
    "FloatSeries": "neptune.types.FloatSeries",
    "Handler": "neptune.handler.Handler",
    "Project": "neptune.legacy.projects.Project",
    "Run": "neptune.Run",
    "Session": "neptune.legacy.sessions.Session",
    "StringSeries": "neptune.types.StringSeries",
    "StringSet": "neptune.types.StringSet",
    "legacy": "neptune.legacy",
    "neptune": "neptune",
    "types": "neptune.types",
    "utils": "neptune.utils",
}
REAL_SCALE = {
    "scale": "neptune_scale",
    "scale.File": "neptune_scale.types.File",
    "scale.Histogram": "neptune_scale.types.Histogram",
    "scale.NeptuneLoggingHandler": "neptune_scale.NeptuneLoggingHandler",
    "scale.Run": "neptune_scale.Run",
    "scale.SourceTrackingConfig": "neptune_scale.api.run.SourceTrackingConfig",
}
OURS: dict[str, Any] = {
    "Experiment": experiments.Experiment,
    "File": neptune.types.File,
    "FileSeries": neptune.types.FileSeries,
    "FileSet": neptune.types.FileSet,
    "Float": neptune.types.Float,
    "FloatSeries": neptune.types.FloatSeries,
    "Handler": handler.Handler,
    "Project": projects.Project,
    "Run": neptune.Run,
    "Session": neptune.Session,
    "StringSeries": neptune.types.StringSeries,
    "StringSet": neptune.types.StringSet,
    "legacy": neptune.legacy,
    "neptune": neptune,
    "types": neptune.types,
    "utils": stringify,
    "scale": neptune.scale,
    "scale.File": neptune.scale.File,
    "scale.Histogram": neptune.scale.Histogram,
    "scale.NeptuneLoggingHandler": neptune.scale.NeptuneLoggingHandler,
    "scale.Run": neptune.scale.Run,
    "scale.SourceTrackingConfig": neptune.scale.SourceTrackingConfig,
}
NOT_OFFERED: dict[str, set[str]] = {
    "Experiment": {
        "IMAGE_SIZE_LIMIT_MB", "limits",
        "download_artifact", "download_artifacts", "download_sources",
        "get_channels", "get_hardware_utilization", "get_logs", "get_numeric_channels_values", "get_system_properties",
    },
    "File": {"accept", "file_type"},
    "Handler": {
        "download", "download_last", "fetch_extension", "fetch_files_list", "fetch_hash", "fetch_last", "fetch_values",
        "list_fileset_files",
    },
    "Project": {"create_notebook", "get_experiments", "get_leaderboard", "get_members", "get_notebook"},
    "Run": {
        "LEGACY_METHODS", "container_type", "get_attribute", "get_structure", "lock", "monitoring_namespace", "ping",
        "print_structure", "set_attribute", "start",
    },
    "Session": {"get_projects"},
    "legacy": {"CURRENT_KWARGS", "InvalidNeptuneBackend", "NeptuneIncorrectImportException", "constants", "envs"},
    "neptune": {"Model", "ModelVersion", "Project", "init_model", "init_model_version", "init_project"},
    "types": {"Artifact", "GitRef"},
    "utils": {"NullProgressBar", "TqdmProgressBar", "stop_synchronization_callback"},
}  # fmt: skip
ON_INSTANCES = {"Project": {"full_id"}}
LEFT_OUT = {
    "Experiment": {
        "__init__",
        "__getitem__",
        "__setitem__",
        "__delitem__",
    },  # the last only say that they are not there
    "Project": {"__init__"},  # for functions to call
}
ARGUMENTS_ONLY = {  # the other methods serve Neptune itself
    "FileSeries", "FileSet", "Float", "FloatSeries", "StringSeries", "StringSet",
    "scale.Histogram", "scale.NeptuneLoggingHandler",
}  # fmt: skip


@pytest.fixture(scope="module")
def real() -> dict[str, dict[str, Signature | None]]:
    """owner -> name -> (name, kind, has a default) of each parameter, None for what is no function."""
    described = {}
    for peer, places in (("neptune", REAL_NEPTUNE), ("neptune-scale", REAL_SCALE)):
        said = in_peer(peer, DESCRIBE, json.dumps(places))
        described |= json.loads(said.partition("described ")[2])
    return described


@pytest.mark.parametrize("owner", sorted(OURS))
def test_every_public_name_is_here_with_the_same_arguments(real: Any, owner: str) -> None:
    thing = OURS[owner]
    theirs = {name: signature for name, signature in real[owner].items() if name not in LEFT_OUT.get(owner, ())}
    if owner in ARGUMENTS_ONLY:
        theirs = {"__init__": theirs["__init__"]}
    names = {*vars(thing)} if isinstance(thing, ModuleType) else {*dir(thing), *ON_INSTANCES.get(owner, ())}
    assert theirs.keys() - names == NOT_OFFERED.get(owner, set())
    for name, signature in theirs.items():
        if signature is None or name not in names:
            continue
        ours = getattr(thing, name)
        mine = [(p.name, p.kind.name, p.default is not p.empty) for p in inspect.signature(ours).parameters.values()]
        assert [p[:2] for p in mine] == [tuple(p[:2]) for p in signature], f"{owner}.{name}"
        for (parameter, _, default), (_, _, their_default) in zip(mine, signature, strict=True):
            assert default or not their_default, f"{owner}.{name}({parameter}) must have a default"


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner in NOT_OFFERED for name in sorted(NOT_OFFERED[owner])]
)
def test_what_is_not_offered_warns_once_and_does_nothing(tapes: Path, owner: str, name: str) -> None:
    project = neptune.init("ws/p")
    makers: dict[str, Callable[[], Any]] = {
        "Experiment": project.create_experiment,
        "File": lambda: neptune.types.File("a.txt"),
        "Handler": lambda: neptune.init_run()["a"],
        "Project": lambda: project,
        "Run": neptune.init_run,
        "Session": neptune.Session,
    }
    thing = makers.get(owner, lambda: OURS[owner])()
    with pytest.warns(rolltape.RolltapeWarning, match=rf"{name} is not offered .* it does nothing") as told:
        nothing = getattr(thing, name)
        getattr(thing, name)
    assert len(told) == 1
    assert told[0].filename == __file__, "it points at the script"
    with nothing("a", b=1).c["d"] as inner:
        inner["x"] = inner[0]
        del inner["x"]
    assert list(inner) == []
    assert not inner
    assert not hasattr(nothing, "__array__"), "protocols of Python and NumPy are no part of the API"
    assert repr(inner).startswith("<nothing")


@pytest.mark.parametrize(
    "thing", [neptune, neptune.legacy, neptune.new, neptune.types, neptune.scale, stringify, neptune.exceptions]
)
def test_private_names_are_no_part_of_the_api(thing: ModuleType) -> None:
    assert not hasattr(thing, "_private")
    assert not hasattr(thing, "__wrapped__")
