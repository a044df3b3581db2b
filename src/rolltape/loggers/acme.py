"""Makes rolltape's loggers instances of Acme's base class, without ever importing Acme.

Importing Acme can take seconds (TensorFlow, JAX, Reverb), and fails where Launchpad is missing. Nobody can ask
``isinstance(logger, acme.utils.loggers.base.Logger)`` before Acme itself has been imported; so that is when ours are
registered with it (docs/decisions/005-acme-base.md).
"""

from __future__ import annotations

import sys
from abc import ABC
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_MODULE = "acme.utils.loggers.base"


def are_acme_loggers(ours: type[ABC]) -> None:
    """Register ``ours`` with Acme's base class: now, or as soon as Acme is imported."""
    module = sys.modules.get(_MODULE)
    if module is not None:
        module.Logger.register(ours)
    else:
        sys.meta_path.insert(0, _OnImport(ours))


class _OnImport(MetaPathFinder, Loader):
    """Finds Acme's module as everyone else does, and registers ours when it has been loaded."""

    def __init__(self, ours: type[ABC]) -> None:
        self._ours = ours
        self._loader: Loader

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in others if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        module.Logger.register(self._ours)
        sys.meta_path.remove(self)
