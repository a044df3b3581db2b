"""Full disks, read-only directories, dead threads, network file systems: training goes on, what is lost is counted."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.errors import RecordingError
from rolltape.tape import filesystem
from rolltape.tape.reader import TapeReader


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MiB."""
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(where)], check=True)
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Take all space of a disk but ``leave`` bytes."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast.write_bytes(bytes(max(free - leave, 0)))
    return ballast


def test_disk_full_at_init_is_one_clear_error(small_disk: Path) -> None:
    fill(small_disk, 30_000)
    with pytest.raises(RecordingError, match=rf"cannot record to {small_disk}.*No space left"):
        rolltape.init(project="p", id="r", dir=small_disk)
    assert not list(small_disk.glob("p/r/*.tape"))
    assert not list(small_disk.glob("p/r/*.head"))


DISK_FULL = """
import os, sys, time, warnings, numpy as np, rolltape
warnings.simplefilter("always")
run = rolltape.init(project="p", id="r")
rng = np.random.default_rng(0)
slowest = 0.0
for i in range(120_000):
    began = time.perf_counter()
    run.log({"a": float(i), "b": rng.random(), "c": rng.random()}, i)
    slowest = max(slowest, time.perf_counter() - began)
print(run.lost, slowest)
sys.stdout.flush()
if input() == "free":
    os.remove(os.environ["BALLAST"])
    time.sleep(1.5)
    for i in range(120_000, 120_100):
        run.log({"a": float(i), "b": 0.0, "c": 0.0}, i)
run.log({"note": "over"})
run.close()
"""


@pytest.mark.parametrize("free", [False, True])
def test_disk_full_while_logging(script: Any, small_disk: Path, free: bool) -> None:
    """Rows are lost, counted and told once; what lies in the head is safe; with space again recording goes on."""
    ballast = fill(small_disk, 600_000)
    trainer = script(DISK_FULL, ROLLTAPE_DIR=str(small_disk), ROLLTAPE_STRICT="0", BALLAST=str(ballast))
    lost, slowest = trainer.line().split()
    trainer.process.stdin.write("free\n" if free else "go on\n")
    trainer.process.stdin.flush()
    code, _, err = trainer.wait()
    assert code == 0, err
    assert int(lost) > 1000
    assert err.count("No space left") + err.count("takes no more rows") <= 3, "told once per cause"
    assert "RolltapeWarning" in err
    store = rolltape.open(small_disk)
    points = store.points("r", "a")
    assert np.array_equal(points.value, points.step), "what is read is right"
    assert np.array_equal(np.unique(points.step), points.step), "and there once"
    assert len(points.step) + int(lost) == 120_000 + (100 if free else 0)
    info = store.run("r")
    if free:
        assert points.step[-100:].tolist() == list(range(120_000, 120_100))
        assert (info.status, info.lost) == ("finished", int(lost))
    else:
        assert info.lost >= int(lost), "the count is in the head, that stays"
        assert list(small_disk.glob("p/r/*.head"))
    assert float(slowest) < 5


def test_a_file_size_limit_is_told_like_a_full_disk(script: Any, tapes: Path) -> None:
    trainer = script(
        """
        import resource, warnings, rolltape
        warnings.simplefilter("always")
        run = rolltape.init(project="p", id="r")
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        for i in range(60_000):
            run.log({"a": float(i), "b": (i * 0.37) ** 0.5}, i)
        print(run.lost)
        run.close()
        """,
        ROLLTAPE_STRICT="0",
    )
    lost = int(trainer.line())
    code, _, err = trainer.wait()
    assert (code, "File too large" in err) == (0, True)
    points = rolltape.open(tapes).points("r", "a")
    assert lost > 1000
    assert np.array_equal(points.value, points.step)
    assert len(points.step) + lost == 60_000


def test_a_read_only_directory(script: Any, tmp_path: Path) -> None:
    where = tmp_path / "readonly"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(where)], check=True)
    try:
        with pytest.raises(RecordingError, match=rf"cannot record to {where}.*Read-only file system"):
            rolltape.init(project="p", dir=where)
        assert rolltape.open(where).runs() == []
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_file_where_a_directory_belongs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="file"):
        rolltape.init(project="p", dir=tmp_path / "file")


def test_a_dead_flusher_costs_nothing_but_time(tapes: Path) -> None:
    run = rolltape.init(id="r")
    run._writer._flusher.stop(10)
    for i in range(100_000):
        run.log({"a": float(i)}, i)
    assert len(TapeReader(run._writer.path).rows) > 3, "log() made frames itself"
    run.close()
    assert rolltape.open().points("r", "a").step.tolist() == list(range(100_000))


def test_a_flusher_that_meets_errors_goes_on(monkeypatch: pytest.MonkeyPatch, tapes: Path) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    run = rolltape.init(id="r")
    frame_queued, calls = run._writer.frame_queued, 0

    def fails_twice() -> None:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise RuntimeError("cosmic ray")
        frame_queued()

    monkeypatch.setattr(run._writer, "frame_queued", fails_twice)
    with pytest.warns(rolltape.RolltapeWarning, match="cosmic ray") as caught:
        for i in range(50_000):
            run.log({"a": float(i)}, i)
        deadline = time.monotonic() + 10
        while calls < 3 and time.monotonic() < deadline:
            run._writer._flusher.wake()
            time.sleep(0.01)
    assert len(caught) == 1
    assert run._writer._flusher.at_work()
    run.close()
    assert rolltape.open().points("r", "a").step.tolist() == list(range(50_000))


def test_under_strict_an_error_behind_the_back_is_raised_at_the_next_call(tapes: Path) -> None:
    run = rolltape.init(id="r")
    frame_queued, run._writer.frame_queued = run._writer.frame_queued, lambda: 1 / 0  # type: ignore[method-assign]
    run._writer._flusher.wake()
    time.sleep(0.3)
    with pytest.raises(RecordingError, match="division by zero"):
        run.log({"new": 1.0})
    run._writer.frame_queued = frame_queued  # type: ignore[method-assign]


# Where nothing can be mapped


def test_on_a_network_file_system_frames_are_made_twice_a_second(monkeypatch: pytest.MonkeyPatch, tapes: Path) -> None:
    monkeypatch.setattr("rolltape.tape.filesystem.is_network", lambda _: True)
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr("rolltape.tape.writer.os.fsync", lambda fd: (synced.append(fd), fsync(fd)))
    run = rolltape.init(id="r")
    assert not list(tapes.glob("*/*/*.head"))
    for i in range(20_000):
        run.log({"a": float(i)}, i)
    deadline = time.monotonic() + 5
    reader = TapeReader(run._writer.path)
    while len(reader.read("a")[0].step) < 20_000 and time.monotonic() < deadline:
        time.sleep(0.05)
        reader.refresh()
    assert reader.read("a")[0].step.tolist() == list(range(20_000)), "a reader elsewhere sees all without a head"
    assert synced
    assert reader.opening["mapped"] is False
    run.close()
    assert rolltape.open().run("r").status == "finished"


def test_where_there_is_no_head_heartbeats_are_frames(monkeypatch: pytest.MonkeyPatch, tapes: Path) -> None:
    monkeypatch.setattr("rolltape.tape.filesystem.is_network", lambda _: True)
    run = rolltape.init(id="r")
    run._writer._last_frame -= 6
    run._writer.lost = 3
    run._writer.beat()
    reader = TapeReader(run._writer.path)
    assert time.time_ns() - reader.last_sign < 2e9
    assert reader.lost == 3


def test_a_real_fuse_mount_is_not_mapped(tmp_path: Path, script: Any) -> None:
    behind, front = tmp_path / "behind", tmp_path / "front"
    behind.mkdir()
    front.mkdir()
    subprocess.run(["bindfs", str(behind), str(front)], check=True)
    try:
        assert filesystem.file_system(front).startswith("fuse")
        assert not filesystem.can_map(front)
        with rolltape.init(project="p", id="r", dir=front) as run:
            for i in range(1000):
                run.log({"a": float(i)}, i)
            assert not run._writer.mapped
        assert rolltape.open(behind).points("r", "a").step.tolist() == list(range(1000))
        assert rolltape.open(front).run("r").status == "finished"
    finally:
        subprocess.run(["umount", "-l", str(front)], check=True)


def test_local_disks_are_mapped(tapes: Path, tmp_path: Path) -> None:
    assert filesystem.file_system(tmp_path) not in filesystem.NETWORK
    with rolltape.init(id="r") as run:
        assert run._writer.mapped
        assert json.loads((run.directory / "run.json").read_text())["id"] == "r"


@pytest.mark.parametrize("kind", ["nfs4", "lustre", "fuse.sshfs", "cifs", "beegfs", "ceph"])
def test_network_file_systems_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    mounts = [(Path("/"), "ext4"), (tmp_path, kind), (tmp_path / "local", "xfs")]
    monkeypatch.setattr(filesystem, "_mounts", lambda: mounts)
    assert filesystem.is_network(tmp_path / "tapes")
    assert not filesystem.is_network(tmp_path / "local" / "tapes")
    assert not filesystem.is_network(Path("/elsewhere"))


def test_durability_fsync_writes_the_head_down(monkeypatch: pytest.MonkeyPatch, tapes: Path) -> None:
    run = rolltape.init(id="r", durability="fsync")
    run.log({"a": 1.0})
    assert run._writer._head is not None
    calls: list[str] = []
    monkeypatch.setattr(run._writer._head, "sync", lambda: calls.append("head"))
    run._writer._flusher.wake()
    deadline = time.monotonic() + 5
    while not calls and time.monotonic() < deadline:
        time.sleep(0.02)
    assert calls
