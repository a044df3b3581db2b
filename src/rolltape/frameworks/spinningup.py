"""Spinning Up: `spinup.utils.logx` as rolltape's, so that its algorithms record every episode with no file replaced.

    import rolltape.frameworks.spinningup
    rolltape.frameworks.spinningup.install(project="cartpole")
    from spinup import ppo_pytorch as ppo

`Logger`, `EpochLogger`, `colorize` and `restore_tf_graph` are what that module has.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rolltape.loggers import epoch_logger, tabular_logger
from rolltape.loggers.base import SupportsWrite
from rolltape.loggers.mpi import world
from rolltape.recording.init import init
from rolltape.recording.run import Run

_MODULE = "spinup.utils.logx"
_project = "default"
_directory: str | os.PathLike[str] | None = None


def install(project: str = "default", dir: str | os.PathLike[str] | None = None) -> None:
    """Have ``spinup.utils.logx`` mean this module, in this process. Call it before Spinning Up is imported.

    Each logger that is then made without a run of its own begins one, in ``project`` under ``dir``, as `rolltape.init`
    does: one run for each experiment and seed, also under MPI.

    Raises:
        ImportError: Spinning Up's own logger is imported already.
    """
    global _project, _directory
    found = sys.modules.get(_MODULE)
    if found is not None and found is not sys.modules[__name__]:
        place = getattr(found, "__file__", "nowhere")
        raise ImportError(f"{_MODULE} is imported already, from {place}: call install() before", name=_MODULE)
    _project, _directory = project, dir
    sys.modules[_MODULE] = sys.modules[__name__]


class _Logx(tabular_logger.TabularLogger):
    """What Spinning Up's loggers have besides: their arguments, a run of their own, and a saver for TensorFlow.

    Args:
        output_dir, output_fname, exp_name: as the original's.
        rolltape_run: the run, or any logger. None: a new run, called ``exp_name``.
        neptune_experiment: as in the article: also gets every number of the table, at its ``TotalEnvInteracts``, by
            ``log_metric(name, x, y)``, and the configuration by ``set_property``.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike[str] | None = None,
        output_fname: str = "progress.txt",
        exp_name: str | None = None,
        neptune_experiment: Any = None,
        rolltape_run: Run | SupportsWrite | None = None,
    ) -> None:
        if rolltape_run is None:
            rolltape_run = _one_run_for_all_ranks(exp_name)
        super().__init__(rolltape_run, output_dir, output_fname, exp_name)
        self._experiment = neptune_experiment
        self._graph: Mapping[str, Any] | None = None

    def dump_tabular(self) -> None:
        if self._experiment is not None and self._is_first:
            interacts = self.log_current_row.get("TotalEnvInteracts")
            for key, value in self.log_current_row.items():
                if hasattr(value, "__float__"):
                    self._tell_experiment("log_metric", key, interacts, value)
        super().dump_tabular()

    def save_config(self, config: Any) -> None:
        super().save_config(config)
        if self._experiment is not None and self._is_first and isinstance(config, Mapping):
            for key, value in _flat(config):
                self._tell_experiment("set_property", key, str(value))

    def _tell_experiment(self, method: str, *arguments: Any) -> None:
        try:
            *others, value = arguments
            getattr(self._experiment, method)(*others, float(value) if method == "log_metric" else value)
        except Exception as error:  # whatever the tracker or a foreign value does
            self._tell(f"{method} of the experiment: {error}")

    def setup_tf_saver(self, sess: Any, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        """Have `save_state` save this TensorFlow graph, as ``tf1_save/`` with the names of its tensors beside it."""
        self._graph = {"session": sess, "inputs": inputs, "outputs": outputs}

    def save_state(self, state_dict: Mapping[str, Any], itr: int | None = None) -> None:
        super().save_state(state_dict, itr)
        if self._graph is not None and self.output_dir is not None:
            directory = Path(self.output_dir, "tf1_save" + ("" if itr is None else str(itr)))
            shutil.rmtree(directory, ignore_errors=True)
            session, inputs, outputs = (self._graph[name] for name in ("session", "inputs", "outputs"))
            import_module("tensorflow").saved_model.simple_save(session, os.fspath(directory), inputs, outputs)
            names = {
                kind: {key: tensor.name for key, tensor in self._graph[kind].items()} for kind in ("inputs", "outputs")
            }
            (directory / "model_info.pkl").write_bytes(pickle.dumps(names))


class Logger(_Logx):
    """Spinning Up's ``Logger``."""


class EpochLogger(_Logx, epoch_logger.EpochLogger):
    """Spinning Up's ``EpochLogger``: `store` puts every value on the tape at once."""


def colorize(string: str, color: str, bold: bool = False, highlight: bool = False) -> str:
    """``string`` in a colour for terminals."""
    number = tabular_logger.COLORS[color] + (10 if highlight else 0)
    return f"\x1b[{number}{';1' if bold else ''}m{string}\x1b[0m"


def restore_tf_graph(sess: Any, fpath: str | os.PathLike[str]) -> dict[str, Any]:
    """Load what `setup_tf_saver` had saved into a session; the tensors by the names of its inputs and outputs."""
    saved_model = import_module("tensorflow").saved_model
    saved_model.loader.load(sess, [saved_model.tag_constants.SERVING], os.fspath(fpath))
    names = pickle.loads(Path(fpath, "model_info.pkl").read_bytes())
    graph = import_module("tensorflow").get_default_graph()
    return {key: graph.get_tensor_by_name(name) for kind in names.values() for key, name in kind.items()}


def _one_run_for_all_ranks(exp_name: str | None) -> Run:
    """Every rank writes raw values to the run of rank 0."""
    ranks = world()
    if ranks is None:
        return init(_project, name=exp_name, dir=_directory)
    run = init(_project, name=exp_name, dir=_directory) if ranks.Get_rank() == 0 else None
    id = ranks.bcast(run.id if run is not None else None)
    return run if run is not None else init(_project, name=exp_name, dir=_directory, id=id)


def _flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
