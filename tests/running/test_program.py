"""One program from its beginning to its end: what it says, how it is ended, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from monitor.running.alive import is_alive
from monitor.running.program import CUT, KEPT, Ended, run


def shell(script: str, timeout: float = 60.0, grace: float = 60.0) -> Ended:
    return run(["sh", "-c", script], timeout, grace)


def is_gone(pid: int) -> bool:
    """Soon: what a signal was sent to may still be on its way out, and of an orphan nobody tells us the end."""
    until = monotonic() + 60
    while is_alive(pid, 0) and monotonic() < until:
        sleep(0.01)
    return not is_alive(pid, 0)


def test_it_tells_its_exit_code_and_both_of_its_outputs() -> None:
    ended = shell("echo out; echo error >&2; exit 7")

    assert (ended.code, ended.killed_by, ended.late, ended.error) == (7, None, False, "")
    assert ended.output == "out\nerror\n"
    assert ended.seconds is not None


def test_no_shell_reads_it_and_nothing_is_put_in() -> None:
    assert run(["printf", "%s", "$HOME; `id` $(id) *"], 60.0).output == "$HOME; `id` $(id) *"


def test_it_has_nothing_to_read_and_a_session_of_its_own() -> None:
    script = "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()))"

    assert run([sys.executable, "-c", script], 60.0).output == "True ''\n"


def test_what_cannot_be_begun_says_why(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "plain").chmod(0o644)

    assert run([str(tmp_path / "gone")], 60.0) == Ended(error="No such file or directory")
    assert run([str(tmp_path / "plain")], 60.0) == Ended(error="Permission denied")
    assert run(["nul\0"], 60.0) == Ended(error="embedded null byte")


def test_of_a_hundred_megabytes_the_end_is_kept() -> None:
    ended = shell("head -c 100000000 /dev/zero | tr '\\0' x; echo the end")

    assert ended.code == 0
    assert ended.output == f"{CUT}{'x' * (KEPT // 2 - 8)}the end\n"


@pytest.mark.parametrize(("more", "kept"), [(0, True), (1, False)])
def test_a_line_that_was_cut_is_not_shown_at_all(more: int, kept: bool) -> None:
    """What is left of it could be half of a secret, which nobody knows as one."""
    ended = shell(
        f"head -c {100 + more} /dev/zero | tr '\\0' s; echo; head -c {KEPT - 102} /dev/zero | tr '\\0' x; echo"
    )

    rest = "x" * (KEPT - 102) + "\n"
    assert ended.output == ("s" * 100 + "\n" + rest if kept else f"{CUT}\n{rest}")


def test_what_takes_too_long_is_asked_to_end_first() -> None:
    ended = shell("trap 'echo put back; exit 3' TERM; echo begun; while :; do sleep 0.05; done", timeout=1.0)

    assert ended.late
    assert ended.code == 3
    assert ended.output.endswith("put back\n")


def test_what_ignores_that_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = f"echo $! > {tmp_path}/child; echo $$ > {tmp_path}/parent"

    ended = shell(f"trap '' TERM; sleep 600 & {pids}; while :; do sleep 600; done", timeout=1.0, grace=0.3)

    assert (ended.late, ended.code, ended.killed_by) == (True, None, signal.SIGKILL)
    assert is_gone(int((tmp_path / "child").read_text()))
    assert is_gone(int((tmp_path / "parent").read_text()))


def test_what_it_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    ended = shell(f"sleep 600 & echo $! > {tmp_path}/left; echo done")

    assert (ended.code, ended.output) == (0, "done\n")
    assert is_gone(int((tmp_path / "left").read_text()))


def test_one_that_went_away_with_its_output_is_not_waited_for(tmp_path: Path) -> None:
    """A daemon that it started in a session of its own holds the pipe for ever."""
    ended = shell(f"setsid sh -c 'echo $$ > {tmp_path}/away; exec sleep 600' & sleep 0.5; echo done")

    assert ended.output == "done\n"
    os.kill(int((tmp_path / "away").read_text()), signal.SIGKILL)
