"""Checks that other packages plug in, as a configuration names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checks import kinds
from checks.check import Question
from checks.unusable import Question as Unusable
from monitor.config import Config
from monitor.config.schema import json_schema

HEAD = """
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal
from msgspec import Meta
from checks.check import Finding
from checks.result import Outcome
from checks.secret import Secret
from checks.stream import StreamRequest

def requests(question, timeout):
    return (StreamRequest(url=question.url, timeout=timeout),)

def judge(question, answers, previous):
    return Finding(outcome=Outcome.OK)
"""
LDAP = f"""{HEAD}
@dataclass(frozen=True, kw_only=True)
class Filter:
    attribute: str
    least: int = 1

@dataclass(frozen=True, kw_only=True)
class Question:
    kind: ClassVar[str] = "ldap"
    url: str
    base: str = ""
    user: str | None = None
    password: Secret | None = None
    scope: Literal["base", "one", "sub"] = "sub"
    stale: timedelta = timedelta(hours=1)
    follow: bool = False
    most: Annotated[int, Meta(ge=1)] = 10
    share: float = 0.5
    filters: tuple[Filter, ...] = ()
    ports: tuple[int, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if self.base.startswith("cn="):
            raise ValueError(f"has the base {{self.base}}, which is no tree")
"""

Read = Callable[..., Config]
Complain = Callable[..., str]
PlugIn = Callable[..., Path]


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test has an installation of its own."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(kinds, "_by_name", {})
    monkeypatch.setattr(kinds, "_by_question", {})
    import sys

    before = set(sys.modules)
    yield
    for name in [name for name in set(sys.modules) - before if name.startswith("plugged_")]:
        del sys.modules[name]


def check_with(text: str) -> str:
    return f"services:\n  shop:\n    checks:\n      live: {{{text}}}\n"


def question(config: Config) -> Any:
    (check,) = config.all_checks()
    return check.question


def test_what_is_written_becomes_the_question_of_its_dataclass(config: Read, plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP)
    written = """
services:
  shop:
    checks:
      directory:
        ldap:
          url: ldap://dc.example:389
          base: dc=example
          user: "12"
          password: ${PASSWORD}
          scope: one
          stale: 1h30m
          follow: true
          most: 5
          share: 0.25
          filters:
            - {attribute: mail, least: 2}
            - attribute: uid
          ports: [389, 636]
          labels: {site: "7"}
        interval: 20s
        timeout: 5s
"""

    found = config(written, {"PASSWORD": "hunter2"})

    (check,) = found.all_checks()
    assert (check.interval, check.timeout, check.question.kind, check.question.url) == (
        20.0,
        5.0,
        "ldap",
        "ldap://dc.example:389",
    )
    asked: Any = check.question
    assert repr(asked).split(", ", 1)[1] == (
        "base='dc=example', user='12', password=***, scope='one', stale=datetime.timedelta(seconds=5400), follow=True,"
        " most=5, share=0.25, filters=(Filter(attribute='mail', least=2), Filter(attribute='uid', least=1)),"
        " ports=(389, 636), labels={'site': '7'})"
    )
    assert asked.password.reveal() == "hunter2"
    assert found.secrets() == {"hunter2"}
    assert found.warnings == ()


def test_a_single_value_stands_for_the_first_field(config: Read, plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP)

    assert question(config(check_with("ldap: 'ldap://x:389'"))).url == "ldap://x:389"


WRONG = [
    ("{ldap: {url: 'ldap://x', stale: 90}}", "ldap.stale: 90 has no unit", "Write 90s for seconds or 90m for minutes."),
    ("{ldap: {url: 'ldap://x', follow: yes}}", "ldap.follow: yes is neither true nor false", "Write true or false."),
    ("{ldap: {url: 'ldap://x', scope: onee}}", "ldap.scope: onee is not one of base, one, sub", "Did you mean one?"),
    ("{ldap: {url: 'ldap://x', most: many}}", "ldap.most: many is not a whole number", "Write a whole number."),
    ("{ldap: {url: 'ldap://x', most: 0}}", "ldap.most: 0 is not a whole number >= 1", "Write a whole number >= 1."),
    ("{ldap: {url: 'ldap://x', share: half}}", "ldap.share: half is not a number", "Write a number."),
    ("{ldap: {url: 'ldap://x', ports: [389, b]}}", "ldap.ports[1]: b is not a whole number", "Write a whole number."),
    ("{ldap: {url: 'ldap://x', labels: [a]}}", "ldap.labels: this is not a group of keys", "Write a group"),
    ("{ldap: {url: 'ldap://x', passwrd: x}}", "ldap.passwrd: unknown key", "Did you mean password?"),
    (
        "{ldap: {url: 'ldap://x', filters: [{attribut: x, attribute: y}]}}",
        "ldap.filters[0].attribut: unknown key",
        "Did you mean attribute?",
    ),
    ("{ldap: {url: 'ldap://x', filters: [{least: 3}]}}", "ldap.filters[0].attribute: is missing", "Add attribute: it"),
    ("{ldap: {url: 'ldap://x', filters: [uid]}}", "ldap.filters[0]: one value, where a group", "Write its keys under"),
    ("{ldap: {base: x}}", "ldap.url: is missing", "Add url: it has no default."),
    ("{ldap: {url: ''}}", "ldap.url: is empty", "Give it a value, or remove the key."),
    ("{ldap: {url: 'ldap://u:p@x'}}", "ldap: the address that it asks holds a user name or password", "Correct it."),
    ("{ldap: {url: 'ldap://x', base: 'cn=x'}}", "ldap: has the base cn=x, which is no tree", "See the documentation"),
    ("{ldap: {url: 'ldap://x'}, interval: 1}", "interval: 1 has no unit", "Write 1s"),
    ("{ldap: 'ldap://x', intervall: 1s}", "intervall: unknown key", "Did you mean interval?"),
    ("{http: 'http://x/', ldp: 'ldap://x'}", "ldp: unknown key", "Did you mean ldap?"),
    ("{ldap: 'ldap://x', http: 'http://x/'}", "ldap: one check asks one thing", "Make two checks of http and ldap."),
    ("{ldap: 'ldap://x', status: 200}", "status: is for http checks only", "Remove it, or make it a check with http:"),
]


@pytest.mark.parametrize(("written", "found", "fix"), WRONG, ids=[found for _, found, _ in WRONG])
def test_what_is_wrong_is_told_at_its_place(
    problems: Complain, plug_in: PlugIn, written: str, found: str, fix: str
) -> None:
    plug_in("ldap", LDAP)

    told = problems(f"services:\n  shop:\n    checks:\n      live: {written}\n").splitlines()

    assert told[0] == "config.yaml has 1 problem; nothing was started."
    assert told[2].startswith(f"config.yaml:4  services.shop.checks.live.{found}")
    assert told[3].strip().startswith(fix)


def test_all_that_is_wrong_is_told_in_one_run(problems: Complain, plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP)

    told = problems(check_with("ldap: {base: '', most: x, share: y, follow: 1}"))

    assert told.splitlines()[0] == "config.yaml has 3 problems; nothing was started."
    told = problems(check_with("ldap: {url: 'ldap://x', most: x, share: y}"))
    assert told.splitlines()[0] == "config.yaml has 2 problems; nothing was started."


def test_words_of_a_package_quote_no_secret(problems: Complain, plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP)

    told = problems(check_with("ldap: {url: 'ldap://x', base: 'cn=${PASSWORD}'}"), {"PASSWORD": "hunter2"})

    assert "has the base cn=${PASSWORD}, which is no tree" in told
    assert "hunter2" not in told


def test_a_field_whose_name_says_so_is_hidden_too(config: Read, plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP.replace("password: Secret | None", "password: str | None"))

    assert config(check_with("ldap: {url: 'ldap://x', password: hunter2}")).secrets() == {"hunter2"}


QUESTION = """
@dataclass(frozen=True, kw_only=True)
class Question:
    kind: ClassVar[str] = "ldap"
    url: str
"""
BROKEN = {
    "its import fails": ("import no_such_module", "its import failed: No module named 'no_such_module'"),
    "its import raises": ("key = {}['secret']", "its import failed: KeyError at plugged_ldap.py:1"),
    "its import ends the process": ("import sys; sys.exit(3)", "its import failed: SystemExit at plugged_ldap.py:1"),
    "it has no Question": (HEAD, "it has no dataclass Question"),
    "its Question is no dataclass": (f"{HEAD}\nclass Question:\n    kind = 'ldap'\n", "it has no dataclass Question"),
    "its Question has another kind": (
        HEAD + QUESTION.replace('"ldap"', '"ldaps"'),
        "its Question does not say kind: ClassVar[str] = 'ldap'",
    ),
    "it has no url": (HEAD + QUESTION.replace("url", "address"), "its Question has no url"),
    "it has no judge": (HEAD.replace("def judge", "def judges") + QUESTION, "it has no function judge"),
    "its Question has what cannot cross": (
        HEAD + QUESTION + "    made: Any = field(default_factory=object)\n",
        "its Question cannot cross to the prober: TypeError at crossing.py",
    ),
    "its Question cannot be read": (
        HEAD + QUESTION + "    made: 'Nothing' = None\n",
        "its Question cannot be read: NameError at",
    ),
    "making one raises": (
        HEAD + QUESTION + "    def __post_init__(self):\n        {}['x']\n",
        "its Question cannot be made: KeyError at plugged_ldap.py",
    ),
}


@pytest.mark.parametrize(("source", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_package_is_a_warning_and_costs_its_own_check_alone(
    config: Read, plug_in: PlugIn, source: str, why: str
) -> None:
    plug_in("ldap", source)

    found = config(
        "services:\n  shop:\n    checks:\n      live: http://localhost/\n      a: {ldap: 'ldap://x'}\n"
        "      b: {ldap: 'ldap://x', data_loss: true}\n"
    )

    live, a, b = found.all_checks()
    assert live.question.url == "http://localhost/"
    for check in (a, b):
        assert isinstance(check.question, Unusable)
        assert check.question.url == "ldap:"
        assert why in check.question.why
    assert len(found.warnings) == 2
    assert ":5  services.shop.checks.a.ldap: the kind ldap" in found.warnings[0]
    assert found.warnings[0].endswith(". The check is unknown.")


def test_a_kind_that_two_packages_plug_in_is_broken(config: Read, plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP)
    plug_in("ldap", LDAP, package="other", version="2.1")

    asked: Question = question(config(check_with("ldap: 'ldap://x'")))

    assert isinstance(asked, Unusable)
    assert sorted(asked.why.removeprefix("the kind ldap is plugged in by ").split("; ")[0].split(" and ")) == [
        "other 2.1",
        "watchkeeper-ldap 1.0",
    ]


def test_a_name_of_ours_stays_ours_and_a_warning_says_so(config: Read, plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP)
    plug_in("tcp", LDAP.replace('"ldap"', '"tcp"'))

    found = config("services:\n  shop:\n    checks:\n      a: {ldap: 'ldap://x'}\n      b: {tcp: 'x:1'}\n")

    assert [check.question.url for check in found.all_checks()] == ["ldap://x", "tcp://x:1"]
    assert found.warnings == (
        "watchkeeper-tcp 1.0 plugs in tcp, which is a key of our own: ours is used. Rename it there.",
    )
    assert kinds.kind("tcp").question.__module__ == "checks.tcp"


def test_without_a_strange_key_nobody_reads_the_entry_points(
    config: Read, plug_in: PlugIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in("ldap", LDAP)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: pytest.fail("they were read"))

    assert len(config(check_with("http: 'http://x/', status: 200")).all_checks()) == 1


def test_editors_know_the_keys_of_what_is_plugged_in(plug_in: PlugIn) -> None:
    plug_in("ldap", LDAP)
    plug_in("broken", "import no_such_module")

    keys = json_schema()["$defs"]["CheckShape"]["anyOf"][1]["properties"]

    assert keys["ldap"]["description"] == "Plugged in by watchkeeper-ldap 1.0."
    assert list(keys["ldap"]["anyOf"][1]["properties"])[:3] == ["url", "base", "user"]
    assert keys["ldap"]["anyOf"][1]["additionalProperties"] is False
    assert keys["broken"]["anyOf"][1] == {"type": "object"}
