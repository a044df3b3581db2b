"""Under a real MPI: statistics over all ranks, one table, and every rank's raw values on the tape."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import rolltape

RECORDED = Path(__file__).parent / "spinningup"


def with_ranks(ranks: int, code: str, tmp_path: Path) -> str:
    """What all ranks print."""
    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    done = subprocess.run(
        [mpiexec, "-n", str(ranks), sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_statistics_are_of_all_ranks(tapes: Path, tmp_path: Path) -> None:
    out = with_ranks(
        2,
        """
        import numpy as np
        import rolltape
        from rolltape.loggers import EpochLogger
        from mpi4py import MPI

        rank = MPI.COMM_WORLD.Get_rank()
        logger = EpochLogger(rolltape.init(id="r"), "out/edge_mpi", strict=True)
        logger.store(X=1 + 10 * rank)
        logger.store(X=3 + 10 * rank, Local=rank)
        logger.store(W=np.array([1, 2]) if rank == 0 else np.array([]))
        logger.log_tabular("X", with_min_and_max=True)
        logger.log_tabular("W", with_min_and_max=True)
        logger.log_tabular("Local", average_only=True)
        logger.log_tabular("Rank", rank)
        logger.dump_tabular()
        """,
        tmp_path,
    )
    recorded = (RECORDED / "edge_mpi" / "stdout.txt").read_text()
    assert out == "".join(line for line in recorded.splitlines(keepends=True) if not line.startswith("rank "))
    assert (tmp_path / "out/edge_mpi/progress.txt").read_text() == (RECORDED / "edge_mpi/progress.txt").read_text()
    store = rolltape.open()
    assert sorted(store.points("r", "X").value) == [1, 3, 11, 13]
    assert store.points("r", "AverageX").value.tolist() == [7.0], "the table is rank 0's"


def test_a_rank_without_values_takes_part(tapes: Path, tmp_path: Path) -> None:
    """The original would leave its other ranks waiting for ever."""
    with_ranks(
        2,
        """
        import rolltape
        from rolltape.loggers import EpochLogger
        from mpi4py import MPI

        logger = EpochLogger(rolltape.init(id="r"), "out")
        for epoch in range(3):
            if epoch and MPI.COMM_WORLD.Get_rank() == 1:
                logger.store(EpRet=5.0 * epoch, EpLen=10)
            logger.log_tabular("EpRet")
            logger.dump_tabular()
        """,
        tmp_path,
    )
    assert (tmp_path / "out/progress.txt").read_text() == "AverageEpRet\tStdEpRet\n\t\n5.0\t0.0\n10.0\t0.0\n"
    assert rolltape.open().points("r", "EpRet").step.tolist() == [20, 40], "steps of both ranks"


def test_mpi_is_not_started_where_no_launcher_was(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py")
    code = f"""
import sys
from rolltape.loggers import EpochLogger
logger = EpochLogger(output_dir={str(tmp_path / "out")!r})
logger.store(A=1.0)
logger.log_tabular("A")
logger.dump_tabular()
print("mpi4py.MPI" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "False"
