"""Programs that are run beside the loop: bounded in every way, and nothing of them is left when they are over."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.process import ProcessAnswer, ProcessRequest
from checks.result import Reason
from monitor.probing.engine import Engine
from monitor.probing.process import MOST_AT_ONCE

Run = Callable[..., ProcessAnswer]


@pytest.fixture
def run(engine: Engine, turn_until: Callable[..., None], tmp_path: Path) -> Run:
    """Runs a Python program."""

    def run(program: str, **fields: Any) -> ProcessAnswer:
        answers: list[ProcessAnswer] = []
        request = ProcessRequest(
            command=(sys.executable, "-c", program), **{"directory": str(tmp_path), "timeout": 60.0, **fields}
        )
        engine.submit(request, answers.append, (("traceparent", "00-ab-cd-01"), ("User-Agent", "us")))
        assert answers == []
        turn_until(engine, lambda: bool(answers) and engine.in_flight == 0, within=60.0)
        (answer,) = answers
        return answer

    return run


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_what_it_writes_and_how_it_ends_is_kept(run: Run) -> None:
    answer = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")

    assert (answer.body, answer.errors, answer.status, answer.signal) == (b"out\n", b"err\n", 3, None)
    assert answer.error is None
    assert answer.timings is not None
    assert answer.timings.total > 0


def test_a_signal_that_ended_it_is_told(run: Run) -> None:
    answer = run("import os; os.kill(os.getpid(), 11)")

    assert (answer.status, answer.signal, answer.error) == (None, 11, None)


def test_it_finds_little_of_our_environment_and_the_trace_of_its_probe(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    monkeypatch.setenv("LANG", "C.UTF-8")

    answer = run("import os; print(sorted(os.environ)); print(os.getcwd(), os.environ['STAGE'])",
                 environment=(("STAGE", "night"),))  # fmt: skip

    names, place = answer.body.decode().splitlines()
    assert "SHOP_TOKEN" not in names
    assert {"TRACEPARENT", "LANG", "PATH", "STAGE"} <= set(eval(names))
    assert place == f"{tmp_path} night"


def test_nobody_answers_what_it_asks(run: Run) -> None:
    assert run("print(repr(input()))").errors.rstrip().endswith(b"EOFError: EOF when reading a line")


def test_more_than_the_bound_is_read_and_forgotten(run: Run) -> None:
    answer = run("import sys; sys.stdout.write('x' * 3_000_000); print('end', file=sys.stderr)", max_output=1000)

    assert answer.body == b"x" * 1000
    assert (answer.errors, answer.status) == (b"end\n", 0)


def test_at_its_time_limit_it_is_killed_with_all_that_it_started(
    run: Run, turn_until: Callable[..., None], engine: Engine, tmp_path: Path
) -> None:
    program = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    open('pids.part', 'w').write(f'{os.getpid()} {child}')
    os.rename('pids.part', 'pids')
print('begun', flush=True)
time.sleep(1000)
"""
    answers: list[ProcessAnswer] = []
    request = ProcessRequest(command=(sys.executable, "-c", program), directory=str(tmp_path), timeout=5.0)
    engine.submit(request, answers.append)
    turn_until(engine, lambda: bool(answers) and engine.in_flight == 0, within=60.0)

    (answer,) = answers
    assert answer.error is not None
    assert answer.error.reason is Reason.TIMEOUT
    assert answer.error.detail.endswith("did not end within 5 s, and was killed")
    assert b"begun" in answer.body
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    turn_until(engine, lambda: not any(map(alive, pids)))


def test_what_it_leaves_running_is_ended_and_does_not_hold_its_answer(run: Run, tmp_path: Path) -> None:
    answer = run(
        "import os, time\n"
        "child = os.fork()\n"
        "if child:\n    open('pid', 'w').write(str(child)); print('done')\n"
        "else:\n    time.sleep(1000)\n"
    )

    assert (answer.body, answer.status, answer.error) == (b"done\n", 0, None)
    deadline = time.monotonic() + 20
    while alive(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_that_made_a_session_of_its_own_does_not_hold_its_answer_either(run: Run, tmp_path: Path) -> None:
    """It keeps the output open: what the program itself wrote is there, and half a second is waited for more."""
    answer = run(
        "import os, time\n"
        "child = os.fork()\n"
        "if child:\n    print('done', flush=True); time.sleep(0.2)\n"
        "else:\n    os.setsid(); open('pid', 'w').write(str(os.getpid())); time.sleep(1000)\n"
    )
    os.kill(int((tmp_path / "pid").read_text()), 9)

    assert (answer.body, answer.status, answer.error) == (b"done\n", 0, None)


@pytest.mark.parametrize(
    ("command", "directory", "words"),
    [
        (("no-such-program",), ".", "no-such-program could not be run in .: no such file or directory"),
        (("/",), ".", "/ could not be run in .: permission denied"),
        (("true",), "gone", "true could not be run in gone: no such file or directory"),
    ],
)
def test_what_cannot_be_run_is_our_trouble(
    engine: Engine, turn_until: Callable[..., None], command: tuple[str, ...], directory: str, words: str
) -> None:
    answers: list[ProcessAnswer] = []
    engine.submit(ProcessRequest(command=command, directory=directory), answers.append)
    turn_until(engine, lambda: bool(answers))

    assert answers[0].error is not None
    assert (answers[0].error.reason, answers[0].error.detail) == (Reason.INTERNAL, words)


def test_one_more_than_the_most_is_not_run(engine: Engine, turn_until: Callable[..., None], tmp_path: Path) -> None:
    answers: list[ProcessAnswer] = []
    before = len(list(Path("/proc/self/fd").iterdir()))
    wait = ProcessRequest(command=("cat", "gate"), directory=str(tmp_path), timeout=60.0)
    os.mkfifo(tmp_path / "gate")
    for _ in range(MOST_AT_ONCE + 1):
        engine.submit(wait, answers.append)
    turn_until(engine, lambda: len(answers) == 1)

    assert answers[0].error is not None
    assert answers[0].error.reason is Reason.INTERNAL
    assert answers[0].error.detail.startswith("cat was not run: 32 other programs are running")

    gate = os.open(tmp_path / "gate", os.O_WRONLY)
    os.close(gate)
    turn_until(engine, lambda: len(answers) == MOST_AT_ONCE + 1)
    assert {answer.status for answer in answers[1:]} == {0}
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_closing_the_engine_ends_what_runs(tmp_path: Path) -> None:
    bugs: list[BaseException] = []
    engine = Engine(bugs.append)
    program = (
        "import os, time; open('pid.part', 'w').write(str(os.getpid())); os.rename('pid.part', 'pid'); time.sleep(1000)"
    )
    engine.submit(
        ProcessRequest(command=(sys.executable, "-c", program), directory=str(tmp_path), timeout=900.0), bugs.append
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < deadline
        engine.turn(0.05)
    engine.close()
    while alive(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)

    assert bugs == []


def test_one_that_cannot_be_watched_does_not_run_on(
    engine: Engine, turn_until: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_pid: int) -> int:  # as where there is no descriptor left, or a sandbox that knows no such call
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", none)
    begun = tmp_path / "begun"
    before = len(list(Path("/proc/self/fd").iterdir()))
    answers: list[ProcessAnswer] = []
    program = f"import os, time; open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    request = ProcessRequest(command=(sys.executable, "-c", program), directory=str(tmp_path), timeout=60.0)

    engine.submit(request, answers.append)
    turn_until(engine, lambda: bool(answers))

    (answer,) = answers
    assert answer.error is not None
    assert answer.error.reason is Reason.INTERNAL
    assert "too many open files" in answer.error.detail
    assert engine.in_flight == 0
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    turn_until(engine, lambda: not begun.exists() or not alive(int(begun.read_text() or 0)))
