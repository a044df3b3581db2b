"""`rolltape demo`: train small agents on CartPole-v1 and watch their runs being recorded.

Each run trains in a worker process of its own and records to a tape of its own. The parent starts the workers, shows
what they report and stops them. One pipe joins it to each worker: progress and the outcome come up; anything that comes
down, its end included, tells the worker to stop, so that no worker outlives its parent.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rolltape.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from rich.console import Console

PROJECT = "cartpole-demo"
STEPS = 250_000
LAST = 100  # episodes whose mean return is a run's result
SHOWN = 20  # episodes whose mean return stands beside a progress bar
GRACE = 5.0  # seconds that workers have to close their runs after Ctrl-C
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `demo` to the commands."""
    parser = subparsers.add_parser(
        "demo",
        help="train small agents on CartPole and watch them being recorded",
        description="Train two policy-gradient agents on CartPole-v1 over several seeds, record every episode and "
        "every update, and show them in the browser. Takes about half a minute on two cores.",
    )
    parser.add_argument("--dir", help="directory of the tapes (default: $ROLLTAPE_DIR, else ./tapes)")
    parser.add_argument("--seeds", type=_positive, default=5, metavar="N", help="seeds per configuration (default: 5)")
    parser.add_argument(
        "--steps", type=_positive, default=STEPS, metavar="N", help=f"environment steps per run (default: {STEPS})"
    )
    parser.add_argument("--no-ui", action="store_true", help="do not serve the page")
    parser.add_argument("--port", type=int, help="port of the page (default: as rolltape ui)")
    parser.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; the exit code is 1 where a run failed, 2 where it cannot start, 130 after Ctrl-C."""
    if not _has_gymnasium():
        print("rolltape demo needs Gymnasium 1.0 or newer: pip install 'rolltape[demo]'", file=sys.stderr)
        return 2
    directory = Path(args.dir or os.environ.get("ROLLTAPE_DIR") or "tapes").expanduser().resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"rolltape demo cannot record to {directory}: {error.strerror}", file=sys.stderr)
        return 2
    with _Stop() as stop:
        if args.no_ui:
            return _demo(args, directory, stop)
        from rolltape.server import serve_in_background

        try:
            page = serve_in_background(directory, args.port or None)
        except StoreError as error:
            print(f"rolltape demo cannot serve the page: {error}", file=sys.stderr)
            return 2
        try:
            print(f"The runs are shown at {page.url}", flush=True)
            if not args.no_open and _has_browser():
                import webbrowser

                webbrowser.open(page.url)
            code = _demo(args, directory, stop)
            if not stop.code:
                print(f"Still serving {page.url}; press Ctrl-C to end.", flush=True)
            stop.wait()
            return stop.code or code
        finally:
            page.close()


def _demo(args: argparse.Namespace, directory: Path, stop: _Stop) -> int:
    """Train all runs and print their results."""
    from rich.console import Console

    from rolltape.cli.cartpole import CONFIGS

    console = Console(highlight=False)
    jobs = [
        _Job(algo, {**config, "total_steps": args.steps, "seed": seed})
        for seed in range(1, args.seeds + 1)
        for algo, config in CONFIGS.items()
    ]
    if console.is_terminal:
        console.print(
            f"{len(jobs)} runs of {args.steps:,} environment steps; return: mean of the last {SHOWN} episodes"
        )
        _train_with_bars(console, jobs, directory, args.steps, stop)
    else:
        _train(jobs, directory, args.steps, stop, show=_print_ended)
    failed = sum(job.error is not None for job in jobs)
    finished = sum(job.result is not None for job in jobs)
    if stop.code:
        print(f"Interrupted: {finished} of {len(jobs)} runs are complete; what the others recorded is kept too.")
    else:
        _print_results(console, jobs)
    where = f" {args.dir}" if args.dir else ""
    print(f"Tapes: {directory / PROJECT}\nNext:  rolltape ls{where}\n       rolltape ui{where}", flush=True)
    return stop.code or int(failed > 0)


def _train_with_bars(console: Console, jobs: list[_Job], directory: Path, steps: int, stop: _Stop) -> None:
    """Train with a live progress bar for each run."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    bar = BarColumn(pulse_style="bar.back")  # a run that waits has a still bar
    columns = (TextColumn("{task.description}"), bar, MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        tasks = {job.name: progress.add_task(job.name, start=False, total=steps, note="waiting") for job in jobs}

        def show(job: _Job) -> None:
            task = tasks[job.name]
            if job.process is not None:
                progress.start_task(task)
            note = job.state if job.ended and job.result is None else f"return {job.shown:5.1f}"
            progress.update(task, completed=min(job.step, steps), note=note)
            if job.ended:
                progress.stop_task(task)
                if job.error is not None:
                    progress.console.print(Text(f"{job.name} failed: {job.error}", style="red"))

        _train(jobs, directory, steps, stop, show)


def _print_ended(job: _Job) -> None:
    """One plain line for a run that has ended."""
    if not job.ended:
        return
    detail = "" if job.error is None else f": {job.error}"
    if job.result is not None:
        detail = f": mean return of the last {LAST} episodes {job.result:.1f}"
    print(f"{job.name} {job.state}{detail}", flush=True)


def _print_results(console: Console, jobs: list[_Job]) -> None:
    """A row for each seed, a column for each configuration; tab-separated where nobody looks on."""
    import statistics

    algos = list(dict.fromkeys(job.algo for job in jobs))
    results = {(job.config["seed"], job.algo): job.result for job in jobs}
    seeds = sorted({seed for seed, _ in results})
    rows = [[str(seed), *(_decimal(results[seed, algo]) for algo in algos)] for seed in seeds]
    means = []
    for algo in algos:
        finished = [job.result for job in jobs if job.algo == algo and job.result is not None]
        means.append(f"{_decimal(statistics.fmean(finished) if finished else None)} (n = {len(finished)})")
    if not console.is_terminal:
        for row in (["seed", *algos], *rows):
            print(*row, sep="\t")
        return
    from rich.table import Table

    table = Table(caption=f"Mean return of each run's last {LAST} episodes (fewer in a shorter run)", show_footer=True)
    table.add_column("seed", footer="mean of seeds", justify="right")
    for algo, mean in zip(algos, means, strict=True):
        table.add_column(algo, footer=mean, justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


class _Job:
    """A run to be trained, and what its worker said about it."""

    def __init__(self, algo: str, config: dict[str, Any]) -> None:
        self.algo, self.config, self.name = algo, config, f"{algo}-s{config['seed']}"
        self.process: Any = None
        self.step = 0
        self.shown = 0.0
        self.result: float | None = None
        self.error: str | None = None
        self.ended = False

    @property
    def state(self) -> str:
        return "finished" if self.result is not None else "failed" if self.error is not None else "interrupted"

    def hear(self, kind: str, *values: Any) -> None:
        """Take one message of the worker."""
        if kind == "progress":
            self.step, self.shown = values
        elif kind == "finished":
            self.step, self.shown, self.result = values
        elif kind == "failed":
            (self.error,) = values

    def end(self, stopped: bool) -> None:
        """Note that the worker is gone; one that went without a word, unasked, has failed."""
        self.process.join()
        self.ended = True
        if self.result is None and self.error is None and not stopped:
            code = self.process.exitcode
            self.error = f"its process was killed by signal {-code}" if code < 0 else f"its process exited with {code}"


def _train(jobs: list[_Job], directory: Path, steps: int, stop: _Stop, show: Callable[[_Job], None]) -> None:
    """Train all jobs, as many at a time as there are cores; `show` is called whenever there is news of one."""
    from multiprocessing.connection import wait

    waiting = list(reversed(jobs))
    running: dict[Any, _Job] = {}
    deadline: float | None = None
    try:
        while running or (waiting and not stop.code):
            while waiting and len(running) < _cores() and not stop.code:
                job = waiting.pop()
                running[_start(job, directory, steps)] = job
                show(job)
            ready: list[Any] = wait(list(running), timeout=0.1)
            for connection in ready:
                job = running[connection]
                try:
                    job.hear(*connection.recv())
                except (EOFError, OSError):
                    del running[connection]
                    job.end(stopped=bool(stop.code))
                show(job)
            if stop.code and deadline is None:
                deadline = time.monotonic() + GRACE
                for connection in running:
                    with contextlib.suppress(OSError):
                        connection.send("stop")
            if deadline is not None and (stop.count > 1 or time.monotonic() > deadline):
                for job in running.values():
                    job.process.kill()
    finally:
        for connection, job in running.items():
            connection.close()  # tells the worker to stop
            job.process.join(GRACE)


def _start(job: _Job, directory: Path, steps: int) -> Any:
    """Start a job's worker; returns the parent's end of the pipe."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, job.name, job.config, str(directory), steps)
    job.process = context.Process(target=_work, args=arguments, name=job.name, daemon=True)
    with _worker_surroundings():
        job.process.start()
    theirs.close()
    return ours


@contextlib.contextmanager
def _worker_surroundings() -> Iterator[None]:
    """What a new process inherits: one thread for linear algebra, and SIGINT blocked until the worker ignores it."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # started later, it would unblock SIGINT again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(connection: Any, name: str, config: dict[str, Any], directory: str, steps: int) -> None:
    """The worker: train one agent and record it."""
    import statistics
    import traceback

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    next_report = 0.0

    def progress(step: int, returns: list[float]) -> None:
        nonlocal next_report
        if time.monotonic() < next_report:
            return
        next_report = time.monotonic() + 0.1
        try:
            connection.send(("progress", step, statistics.fmean(returns[-SHOWN:] or [0.0])))
            told_to_stop = connection.poll()
        except OSError:  # the parent is gone
            told_to_stop = True
        if told_to_stop:
            raise KeyboardInterrupt

    outcome: tuple[Any, ...]
    try:
        import gymnasium  # noqa: F401  (before the run starts, so that the facts about it name the version)

        import rolltape
        from rolltape.cli.cartpole import train

        with rolltape.init(project=PROJECT, name=name, config=config, tags=["demo"], dir=directory) as run:
            returns = train(config, run, progress, steps)
        mean, shown = (statistics.fmean(returns[-n:] or [0.0]) for n in (LAST, SHOWN))
        outcome = ("finished", steps, shown, mean)
    except KeyboardInterrupt:
        outcome = ("interrupted",)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        outcome = ("failed", f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})")
    with contextlib.suppress(OSError):
        connection.send(outcome)


class _Stop:
    """Notes Ctrl-C (and SIGTERM) while it is entered, instead of breaking in wherever the program is."""

    def __init__(self) -> None:
        self.code = 0  # the exit code that the signal asks for
        self.count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Stop:

        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:

        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.code = 128 + number
        self.count += 1

    def wait(self) -> None:
        """Return once a signal has come."""

        while not self.code:
            time.sleep(0.1)


def _positive(text: str) -> int:
    value = int(text.replace("_", ""))
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _has_gymnasium() -> bool:
    from importlib import metadata, util

    return util.find_spec("gymnasium") is not None and not metadata.version("gymnasium").startswith("0.")


def _has_browser() -> bool:
    """Whether a browser could show a window here."""

    displays = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in displays)


def _cores() -> int:
    """Cores that this process may use, at least 2."""

    return max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2)
