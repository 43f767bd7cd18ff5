"""Whatever is logged, and however a secret stands in it: it is not in what comes out."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from loguru import logger

from monitor import logs
from monitor.logs.redact import MASK, SHORTEST, Redactor
from monitor.probing.wire import Remark

SECRET: Final = "p@ss/wörd+'\"\\1"


def _encoded(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")


WAYS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": lambda s: s,
    "in words": lambda s: f"token {s} was refused",
    "twice, without a gap": lambda s: s + s,
    "in a repr": lambda s: repr({"password": s}),
    "in a repr with both quotes": lambda s: repr(f'it\'s "{s}"'),
    "as bytes": lambda s: repr(_encoded(s)),
    "as bytes with both quotes": lambda s: repr(b"'\"" + _encoded(s)),
    "as JSON": lambda s: json.dumps({"password": s}),
    "as JSON with letters": lambda s: json.dumps({"password": s}, ensure_ascii=False),
    "in a path": lambda s: "http://h/" + quote(_encoded(s)),
    "in a query": lambda s: "http://h/?" + urlencode({"t": _encoded(s)}),
    "fully quoted": lambda s: quote(_encoded(s), safe=""),
    "quoted as in a form": lambda s: quote_plus(_encoded(s)),
    "in base64": lambda s: b64encode(_encoded(s)).decode(),
    "in basic auth": lambda s: "Basic " + b64encode(b"user:" + _encoded(s)).decode(),
    "in base64, one before": lambda s: b64encode(b"u" + _encoded(s) + b"tail").decode(),
    "in base64, two before": lambda s: b64encode(b"u:" + _encoded(s) + b"t").decode(),
    "in base64 for URLs": lambda s: urlsafe_b64encode(b"u:" + _encoded(s)).decode(),
    "in base64 without its end": lambda s: b64encode(_encoded(s)).decode().rstrip("="),
}


def _raised(text: str) -> BaseException:
    try:
        try:
            raise KeyError(text)
        except KeyError as inner:
            raise RuntimeError({"said": text}) from inner
    except RuntimeError as error:
        error.add_note(text)
        return error


class _Odd:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<Odd {self.text}>"


class _Breaks:
    def __str__(self) -> str:
        raise ValueError("it cannot be shown")


def _in_a_thread(text: str) -> None:
    def work() -> None:
        raise OSError(text)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()


def _warn(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(text, stacklevel=2)


def _remark(text: str) -> None:
    """As the supervisor hands on what the prober said."""
    message = Remark("ERROR", f"the prober met an unforeseen OSError:\n{text}")
    logger.log(message.level, message.text)


def _contextualized(text: str) -> None:
    with logger.contextualize(service=text):
        logger.warning("seen")


def _uncaught(text: str) -> None:
    error = _raised(text)
    sys.excepthook(type(error), error, error.__traceback__)


SAYINGS: Final[dict[str, Callable[[str], object]]] = {
    "message": lambda text: logger.info("{}", text),
    "message of its own": lambda text: logger.info(text.replace("{", "").replace("}", "")),
    "argument": lambda text: logger.warning("found {} and {!r}", text, text),
    "bound": lambda text: logger.bind(service=text, check=_Odd(text), more={"a": [text]}).error("seen"),
    "name of what is bound": lambda text: logger.bind(**{text: 1}).error("seen"),
    "keyword": lambda text: logger.error("seen {what}", what=text),
    "contextualized": _contextualized,
    "exception": lambda text: logger.opt(exception=_raised(text)).error("it broke"),
    "group": lambda text: logger.opt(exception=ExceptionGroup(text, [_raised(text)])).error("it broke"),
    "logging": lambda text: logging.getLogger("urllib3").warning("retrying %s", text),
    "logging with an exception": lambda text: logging.getLogger("asyncio").error("lost", exc_info=_raised(text)),
    "warning": _warn,
    "thread": _in_a_thread,
    "uncaught": _uncaught,
    "remark": _remark,
    "what breaks when it is shown": lambda text: logger.bind(a=_Breaks(), b=text).error("{}", text),
    "coloured": lambda text: logger.opt(colors=True).info("<red>seen</red> {}", text),
    "raw": lambda text: logger.opt(raw=True).info("{}", text),
}


def what_comes_out(form: str, secret: str, saying: Callable[[str], object], text: str) -> str:
    stream = io.StringIO()
    logs.begin("DEBUG", [secret], form, stream=stream, environ={})
    try:
        saying(text)
        saying(text)
    finally:
        logs.end()
    return stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("saying", SAYINGS)
def test_a_secret_never_comes_out_whatever_way_it_takes(form, saying, begin):
    stream = begin(form=form, secrets=[SECRET])
    for way in WAYS.values():
        SAYINGS[saying](way(SECRET))
    logs.flush()
    out = stream.getvalue()
    assert out.count("\n") >= 1
    leaked = [name for name, way in WAYS.items() if way(SECRET) in out or json.dumps(way(SECRET))[1:-1] in out]
    assert leaked == []
    assert not [part for part in (SECRET, "wörd", "w\\u00f6rd", "w%C3%B6rd", "\\xc3\\xb6rd") if part in out]


@settings(max_examples=150, deadline=None)
@given(
    secret=st.text(min_size=SHORTEST, max_size=40).filter(str.strip),
    way=st.sampled_from(sorted(WAYS)),
    saying=st.sampled_from(sorted(SAYINGS)),
    form=st.sampled_from(["text", "json"]),
    around=st.text(max_size=10),
)
@example(secret="****", way="as it is", saying="message", form="text", around="*")
@example(secret="a***", way="twice, without a gap", saying="message", form="text", around="a")
@example(secret="0000", way="as JSON", saying="argument", form="json", around="\0")
@example(secret="\n\n\nx", way="in words", saying="exception", form="text", around="")
def test_no_secret_at_all_comes_out_anywhere(secret, way, saying, form, around):
    text = around + WAYS[way](secret) + around
    # What we write by ourselves is no leak: a secret that reads "INFO" or "seen" stands in every log.
    # And so does "0000" where JSON spells the NUL beside it.
    assume(secret not in what_comes_out(form, "\N{BELL SYMBOL}" * 9, SAYINGS[saying], around + MASK + around))
    out = what_comes_out(form, secret, SAYINGS[saying], text)
    assert secret not in out
    if form == "json":
        shown = "".join(str(v) for line in out.splitlines() for k, v in json.loads(line).items() if k != "time")
        assert secret not in shown


@settings(max_examples=200, deadline=None)
@given(
    secrets=st.lists(st.text(min_size=SHORTEST, max_size=12), min_size=1, max_size=4),
    text=st.text(max_size=60),
    data=st.data(),
)
def test_a_masked_text_holds_none_of_several_secrets_and_masking_ends(secrets, text, data):
    for secret in secrets:
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(list(WAYS.values())))(secret) + text[at:]
    masked = Redactor(secrets).masked(text)
    assert not [secret for secret in secrets if secret in masked]


@settings(max_examples=150, deadline=None)
@given(before=st.binary(max_size=7), secret=st.text(min_size=SHORTEST, max_size=20), after=st.binary(max_size=7))
def test_base64_gives_no_secret_away_wherever_it_stands_in_it(before, secret, after):
    encoded = b64encode(before + _encoded(secret) + after).decode()
    assert Redactor([secret]).masked(f"Authorization: Basic {encoded}") == f"Authorization: Basic {MASK}"


def test_a_text_without_a_secret_stays_as_it_is():
    text = "orders: pending => open (SEV2), breached for 1m0s: answered 503 after 20 ms; größer als 5 µs"
    assert Redactor(["hunter2", SECRET]).masked(text) == text


@pytest.mark.parametrize(("secret", "shown"), [("abc", "say abc"), ("abcd", "say ***")])
def test_a_secret_of_three_characters_cannot_be_hidden_and_of_four_can(secret, shown):
    assert Redactor([secret]).masked(f"say {secret}") == shown


def test_whoever_has_so_short_a_secret_is_told_and_not_which(begin):
    stream = begin(form="text", secrets=["abc", "longer-one"])
    assert "1 secrets of fewer than 4 characters cannot be hidden" in stream.getvalue()
    assert "abc" not in stream.getvalue()


def test_each_longer_line_of_a_secret_is_one_too():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n  hkiG9w0BAQEF\nend\n"
    shown = Redactor([key]).masked("found hkiG9w0BAQEF and MIIEvQIBADANBgkq at the end")
    assert shown == "found *** and *** at the end"


def test_a_secret_that_comes_later_is_hidden_and_those_before_stay_hidden(begin):
    stream = begin(form="text", secrets=["first-secret"])
    logs.hide(["second-secret"])
    logger.info("first-secret second-secret")
    assert "secret" not in stream.getvalue()


def test_of_a_repeated_line_the_count_shows_none_either(begin):
    stream = begin(form="text", secrets=["hunter2"])
    for _ in range(3):
        logger.warning("token hunter2 was refused")
    logs.flush()
    assert [line.split("WARNING ")[1] for line in stream.getvalue().splitlines()] == [
        "token *** was refused",
        "token *** was refused (repeated 2 times in the last 1 s)",
    ]
