"""
The public page, each way to fail, lives of an incident: no incident and no text is there twice, and none is lost that
the ledger calls delivered. Every life has its own seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from fake_statuspage import COMPONENTS, PAGE, FakeStatuspage
from faults import LATE_BY, Asked, Clock, Fault
from lives import KILLS, REACH, STORY
from loguru import logger
from public_lives import PublicLife
from pydantic import SecretStr

from monitor.config import Statuspage
from monitor.ledger.records import EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.statuspage import outlet as statuspage_module
from monitor.outlets.statuspage.outlet import StatuspageOutlet

WAYS = (*Fault, *KILLS)
LIVES = 96
SETTINGS = Statuspage(
    page=PAGE, api_key=SecretStr("k" * 32), url="https://statuspage.example", components={"orders": COMPONENTS[0]}
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path, slow_after=60.0)
    # The process is killed in words alone, so the disk is not waited for: that has tests of its own.
    opened._writer.connection.execute("PRAGMA synchronous = OFF")
    logger.disable("monitor.outlets")
    yield opened
    logger.enable("monitor.outlets")
    opened.close()


def failing(random: Random, way: str) -> Callable[[Asked], Fault | None]:
    """One to three requests meet that fault, the first of them among the first six."""
    left, skip = random.choice((1, 1, 2, 3)), random.randrange(6)

    def plan(_asked: Asked) -> Fault | None:
        nonlocal left, skip
        if way in KILLS or left == 0:
            return None
        if skip:
            skip -= 1
            return None
        left, skip = left - 1, random.randrange(3)
        return Fault(way)

    return plan


def live(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, seed: int, way: str) -> Counter[str]:
    random, clock = Random(seed), Clock()
    page = FakeStatuspage(now=clock)
    page.plan = failing(random, way)
    life = PublicLife(
        ledger,
        clock,
        lambda: StatuspageOutlet(SETTINGS, page.connect, clock),
        incident=f"01JNQ{seed:021d}",
        newest=random.random() < 0.5,
    )
    life.deaths = {way: random.randrange(5)} if way in KILLS else {}
    monkeypatch.setattr(REACH, life.reach)
    life.tell(STORY, at_once=random.random() < 0.5)
    clock.seconds += LATE_BY
    page.catch_up()
    return Counter({"killed": life.killed}) + judged(page, life)


def judged(page: FakeStatuspage, life: PublicLife) -> Counter[str]:
    """What is wrong, by its name, after all has settled; and what was done."""
    effects = life.effects()
    incidents = list(page.incidents.values())
    shown = Counter(update["body"] for one in incidents for update in one["incident_updates"])
    taken = [effect for effect in effects if effect.state is EffectState.CONFIRMED]
    lost = sum(effect.state in (EffectState.WAITING, EffectState.SENDING) for effect in effects)
    # A newer text stands for those before it.
    newest = max((int(text.removeprefix("text ")) for text in shown), default=0)
    lost += sum(effect.order > newest or (not life.newest and shown[f"text {effect.order}"] == 0) for effect in taken)
    for_ever = effects[-1] in taken and any(one["status"] != "resolved" for one in incidents)
    return Counter(
        {
            "incidents too many": max(len(incidents) - 1, 0),
            "texts too many": sum(count - 1 for count in shown.values()),
            "lost": lost,
            "open for ever": int(for_ever),
            "texts": len(shown),
            "mails": page.mailed,
            "refused": sum(effect.state is EffectState.DEAD for effect in effects),
        }
    )


WRONG = ("incidents too many", "texts too many", "lost", "open for ever")


def test_no_text_is_published_twice_and_none_is_lost(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    bad = []
    for seed in range(LIVES):
        way = str(WAYS[seed % len(WAYS)])
        lived = live(ledger, monkeypatch, seed, way)
        counts += lived
        if wrong := {name: lived[name] for name in WRONG if lived[name]}:
            bad.append(f"seed {seed}: {way}: {wrong}")

    told = "; ".join(f"{name}: {counts[name]}" for name in (*WRONG, "texts", "mails", "refused", "killed"))
    record_property("counted", f"statuspage: {LIVES} lives; {told}")
    assert bad == []
    assert counts["killed"] > 0
    assert counts["mails"] == counts["texts"]


@pytest.mark.parametrize("way", [Fault.DROPPED, Fault.LATE])
def test_without_the_looking_the_same_lives_go_wrong(
    way: Fault, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrix above can fail: each care that is left out shows."""
    if way is Fault.LATE:
        monkeypatch.setattr(statuspage_module, "ARRIVES_WITHIN", 0.0)
    else:
        monkeypatch.setattr(StatuspageOutlet, "_find", lambda *_: None)
        monkeypatch.setattr(statuspage_module.Mark, "of", lambda _: statuspage_module.Mark())
    lived = sum((live(ledger, monkeypatch, seed, way) for seed in range(20)), Counter[str]())
    assert lived["incidents too many"] + lived["texts too many"] > 0
