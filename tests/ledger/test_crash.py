"""
kill -9, at every named point and at random moments: no transition lost, no ticket twice, every post under its own key.

The other side of the webhook is in this process, so that it outlives the killed one: it writes down what it has taken,
and then drops one connection in five without an answer. `pytest -rP` shows where the kills landed.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from monitor.ledger.crashpoints import POINTS
from monitor.ledger.records import EffectKind, EffectState
from monitor.ledger.store import Ledger

DRIVER = Path(__file__).with_name("crash_life.py")
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def life() -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location("crash_life", DRIVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


class Receiver(ThreadingHTTPServer):
    """Takes posts; then one in five connections is dropped, and one in twenty is a 503 that has taken nothing."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Post)
        self.taken: dict[str, list[str]] = {}  # path -> keys, in the order of arrival
        self.chance = random.Random(20260301)
        self.lock = threading.Lock()


class Post(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            chance = self.server.chance.random()
            if chance >= 0.05:
                self.server.taken.setdefault(self.path, []).append(self.headers["Idempotency-Key"])
        if chance < 0.05:
            self.answer(503, b"")
        elif chance < 0.25:
            self.close_connection = True
        else:
            self.answer(200, b'{"id": "hook-1"}')

    def answer(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked was killed

    def log_message(self, *_: object) -> None:
        """Several thousand lines that nobody reads."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a killed client resets its connection
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@dataclass
class Stable:
    """Starts lives in one folder after another, and counts what their ends interrupted."""

    process: subprocess.Popen[str]
    receiver: Receiver
    root: Path
    kills: int = 0
    in_transaction: int = 0
    in_effect: int = 0
    begun: float = field(default_factory=time.time)

    def start(self, folder: Path, crash_at: str = "", kill_after: float | None = None) -> int:
        folder.mkdir(exist_ok=True)
        position = folder / "position"
        if not position.exists():
            position.write_bytes(bytes(4))
        asked = {
            "folder": str(folder),
            "url": f"http://127.0.0.1:{self.receiver.server_port}/{folder.name}",
            "begun": self.begun,
            "crash_at": crash_at,
            "kill_after": kill_after,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        status = int(json.loads(self.process.stdout.readline()))
        if status == KILLED:
            self.kills += 1
            in_transaction, folder_busy, webhook_busy, _ = position.read_bytes()
            self.in_transaction += in_transaction
            self.in_effect += folder_busy or webhook_busy
        return status

    def report(self, what: str) -> str:
        return (
            f"{what}: {self.kills} kills, {self.in_transaction} of them inside a transaction, "
            f"{self.in_effect} inside an effect"
        )


@pytest.fixture
def stable(receiver: Receiver, tmp_path: Path) -> Iterator[Stable]:
    with subprocess.Popen(
        [sys.executable, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield Stable(process, receiver, tmp_path)
        assert process.stdin is not None
        process.stdin.close()


def check(folder: Path, life: ModuleType, receiver: Receiver) -> Counter[str]:
    """Everything that must hold of a life that has come to its end. Returns how often each key was posted."""
    ledger = Ledger.open_read_only(folder / "state")
    events = ledger.events()
    assert [event.attributes["step"] for event in events] == list(range(len(life.LIFE))), "a transition lost or twice"
    states = [str(life.place_after(n + 1).state) for n in range(len(life.LIFE))]
    assert [event.attributes["state"] for event in events] == states
    assert ledger.places() == (life.place_after(len(life.LIFE)),)

    effects = ledger.effects()
    asked = {
        life.effect_of(n, s.effect, o, life.T0).key for n, s in enumerate(life.LIFE) if s.effect for o in life.OUTLETS
    }
    assert {effect.key for effect in effects} == asked
    for effect in effects:
        may_give_way = effect.kind is EffectKind.UPDATE and effect.state is EffectState.SUPERSEDED
        assert effect.state is EffectState.CONFIRMED or may_give_way, effect

    assert [path.name for path in (folder / "tickets").glob("*.md")] == ["INC-0001-orders.md"], "a ticket twice"
    ticket = (folder / "tickets" / "INC-0001-orders.md").read_text()
    last = effects[len(effects) // 2 - 1]
    assert re.findall(r"last=(\S+) ", ticket) == [last.key]
    assert (last.outlet, last.kind) == ("folder", EffectKind.CLOSE)
    assert "**Ticket closed** · SEV3 · resolved" in ticket

    posted = receiver.taken[f"/{folder.name}"]
    confirmed = [e.key for e in effects if e.outlet == "webhook" and e.state is EffectState.CONFIRMED]
    assert set(confirmed) <= set(posted) <= asked
    firsts = list(dict.fromkeys(posted))
    assert firsts == sorted(firsts), "first deliveries out of order"
    return Counter(posted)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_a_named_point_loses_nothing_and_doubles_nothing(
    stable: Stable, life: ModuleType, receiver: Receiver, point: str
) -> None:
    for nth in (1, 2, 4, 7, 11):
        folder = stable.root / f"{point}-{nth}"
        assert stable.start(folder, crash_at=f"{point}:{nth}") == KILLED
        assert stable.start(folder, crash_at=f"{point}:1") in (KILLED, 0)  # and once more, on the way back
        assert stable.start(folder) == 0
        check(folder, life, receiver)

    assert stable.kills >= 5
    print(stable.report(point))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_kills_at_fifty_random_moments_lose_nothing_and_double_nothing(
    stable: Stable, life: ModuleType, receiver: Receiver, seed: int
) -> None:
    chance = random.Random(seed)
    for undisturbed in ("first", "second"):  # the first one also waits for the stable's imports
        begun = time.monotonic()
        assert stable.start(stable.root / f"{undisturbed}-{seed}") == 0
        lasts = time.monotonic() - begun
        check(stable.root / f"{undisturbed}-{seed}", life, receiver)

    lives = posts = doubles = 0
    while stable.kills < 50:
        folder = stable.root / f"life-{seed}-{lives}"
        while (status := stable.start(folder, kill_after=chance.uniform(0, lasts))) == KILLED and stable.kills < 50:
            pass
        if status == KILLED:
            status = stable.start(folder)
        assert status == 0
        posted = check(folder, life, receiver)
        lives += 1
        posts += posted.total()
        doubles += posted.total() - len(posted)

    assert stable.in_transaction > 0
    assert stable.in_effect > 0
    print(
        stable.report(f"random moments, seed {seed}"),
        f"in {lives} lives of {lasts * 1e3:.0f} ms; {posts} posts taken, {doubles} of them again under the same key",
    )
