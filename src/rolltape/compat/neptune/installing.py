"""`install`: from now on `import neptune` means the stand-in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from rolltape.compat.neptune import (
    exceptions,
    experiments,
    handler,
    legacy,
    new,
    projects,
    runs,
    scale,
    stringify,
    types,
)
from rolltape.compat.neptune.nothing import not_offered

_MEANING = {
    "neptune.legacy": legacy,
    "neptune.legacy.experiments": experiments,
    "neptune.legacy.projects": projects,
    "neptune.legacy.sessions": projects,
    "neptune.legacy.exceptions": exceptions,
    "neptune.legacy.api_exceptions": exceptions,
    "neptune.experiments": experiments,
    "neptune.projects": projects,
    "neptune.sessions": projects,
    "neptune.api_exceptions": exceptions,
    "neptune.exceptions": exceptions,
    "neptune.handler": handler,
    "neptune.metadata_containers": runs,
    "neptune.types": types,
    "neptune.utils": stringify,
    "neptune.new": new,
    "neptune.new.exceptions": exceptions,
    "neptune.new.handler": handler,
    "neptune.new.run": runs,
    "neptune.new.types": types,
    "neptune.new.utils": stringify,
    "neptune_scale": scale,
    "neptune_scale.api": scale,
    "neptune_scale.api.run": scale,
    "neptune_scale.exceptions": exceptions,
    "neptune_scale.types": scale,
}


def install() -> None:
    """Have `import neptune` and `import neptune_scale` mean the stand-ins, in this process. Again: does nothing.

    Modules of the real packages that have no counterpart are importable too, and what is in them does nothing.

    Raises:
        ImportError: the real package is imported already; the message names it.
    """
    if any(isinstance(finder, _Unknown) for finder in sys.meta_path):
        return
    meaning = {"neptune": sys.modules["rolltape.compat.neptune"], **_MEANING}
    for name in ("neptune", "neptune_scale"):
        if name in sys.modules:
            place = getattr(sys.modules[name], "__file__", "nowhere")
            raise ImportError(f"{name} is imported already, from {place}: call install() before", name=name)
    sys.modules.update(meaning)
    for name, module in meaning.items():
        vars(module).setdefault("__path__", [])  # what was a package in Neptune has modules that mean nothing here
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(meaning[parent], child, module)
    sys.meta_path.insert(0, _Unknown())


class _Unknown(MetaPathFinder, Loader):
    """Makes modules that do nothing of all names below ``neptune`` and ``neptune_scale`` that mean nothing here."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.startswith(("neptune.", "neptune_scale.")):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: Any = ModuleType(spec.name)
        module.__getattr__ = partial(not_offered, spec.name)
        return module  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        pass
