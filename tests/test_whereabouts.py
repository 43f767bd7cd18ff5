"""Where the daemon is, found at a glance: what the whole config would say, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import ConfigError, load
from monitor.whereabouts import Whereabouts, whereabouts

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(
    [ROOT / "config.yaml", *(ROOT / "docs" / "examples").rglob("*.yaml"), *ROOT.glob("tests/config/bad/*.yaml")]
)
SERVICES = "services: {orders: {checks: {ready: {http: http://127.0.0.1:1/}}}}\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "config.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def whole(path: Path) -> Whereabouts | None:
    """As who reads the whole config has it; None where it is wrong."""
    try:
        return load([path], {}).whereabouts()
    except ConfigError:
        return None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_glance_says_what_the_whole_config_says_or_nothing(path: Path) -> None:
    glanced, read = whereabouts([path], {}), whole(path)
    assert glanced is None or read is None or glanced == read


def test_the_example_is_understood_at_a_glance() -> None:
    assert whereabouts([ROOT / "config.yaml"], {}) is not None


@pytest.mark.parametrize(
    ("monitor", "expected"),
    [
        ("", ("state", "127.0.0.1", 8700)),
        ("monitor:\n  listen: 0.0.0.0:9000\n  state: ./here  \n", ("here", "0.0.0.0", 9000)),
        ("monitor:\n  state: 'a b'\n  listen: \"[::1]:0\"\n", ("a b", "::1", 0)),
        (
            "# monitor:\n---\nmonitor:\n    environment: {x}\n\n    # listen: 1\n    listen: a.b:1\n",
            ("state", "a.b", 1),
        ),
        ("monitor:\n  retention:\n    minutes: 1h\n  listen: a.b:1\nx-more:\n  listen: c.d:2\n", ("state", "a.b", 1)),
        ("monitor: # ours\n  listen: a.b:1 # or c.d:2\n  state: 'here' #\n", ("here", "a.b", 1)),
    ],
)
def test_what_is_written_plainly_is_seen(write: Write, monitor: str, expected: tuple[str, str, int]) -> None:
    path = write(monitor + SERVICES)
    state, host, port = expected
    assert whereabouts([path], {}) == Whereabouts(path.parent / state, host, port)


@pytest.mark.parametrize(
    "monitor",
    [
        "monitor: {listen: 'a.b:1'}\n",
        "monitor:\n  listen: ${WHERE}\n",
        "monitor:\n  <<: *base\n  listen: a.b:1\n",
        "monitor:\n  listen: &here a.b:1\n",
        "monitor:\n  state: here\n    and there\n",
        "monitor:\n  state: ~\n",
        "monitor:\n  state: null\n",
        "monitor:\n  state: 'here # and there'\n",
        "monitor:\n  state: # nowhere\n",
        "monitor:\n  state: |\n    here\n",
        "monitor:\n  state: a: b\n",
        "monitor:\n  listen: a.b:1\n  listen: a.b:2\n",
        "monitor:\n  listen: a.b:65536\n",
        "monitor:\n  listen: '[a:b:c:d]:1'\n",
        "monitor:\n  listen: a.b:1\nmonitor:\n  listen: a.b:2\n",
        "monitor:\n\tlisten: a.b:1\n",
        "monitor:\n   listen: a.b:1\n  state: here\n",
        '"monitor":\n  listen: a.b:1\n',
        "{monitor: {listen: 'a.b:1'}}\n",
        "<<: *base\n",
        "monitor:\n  listen: a.b:1\n---\n",
        "monitor:\n  token_file: not-there\n",
        "monitor:\n  token_file: empty\n",
    ],
)
def test_what_is_not_plain_is_left_to_who_reads_it_all(write: Write, monitor: str) -> None:
    write("\n", "empty")
    assert whereabouts([write(monitor + SERVICES)], {}) is None


LINES = st.sampled_from(
    ["monitor:", "  listen: a.b:1", "  state: here", "    more", "  x: |", "---", "x-a: &a", "  <<: *a", "# no", "",
     " listen: c.d:2", "  environment: test", "monitor: *a", "  location: 'a", "    b'", "x-b: [", "]"]
)  # fmt: skip


@given(st.lists(LINES, max_size=8))
def test_no_text_is_seen_otherwise_than_it_is_read(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}.yaml"
    path.write_text("\n".join([*lines, SERVICES]))
    glanced, read = whereabouts([path], {}), whole(path)
    assert glanced is None or read is None or glanced == read


def test_of_several_files_each_key_may_stand_in_one(write: Write) -> None:
    one = write("monitor:\n  listen: a.b:1\n" + SERVICES)
    other = write("monitor:\n  state: here\n", "other.yaml")
    assert whereabouts([one, other], {}) == Whereabouts(one.parent / "here", "a.b", 1)
    assert whereabouts([one.parent], {}) == Whereabouts(one.parent / "here", "a.b", 1)
    again = write("monitor:\n  listen: a.b:1\n", "again.yaml")
    assert whereabouts([one, again], {}) is None


def test_the_state_is_where_systemd_says(write: Write) -> None:
    path = write(SERVICES)
    found = whereabouts([path], {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"})
    assert found is not None
    assert found.state == Path("/var/lib/one")


def test_the_token_is_read_and_never_shown(write: Write) -> None:
    write("hunter2\n", "secret")
    path = write("monitor:\n  token_file: secret\n" + SERVICES)
    found = whereabouts([path], {})
    assert found == load([path], {}).whereabouts()
    assert found is not None
    assert (found.token, "hunter2" in repr(found)) == ("hunter2", False)
    assert whereabouts([path], {"CREDENTIALS_DIRECTORY": str(path.parent)}) is None


def test_a_config_that_is_not_there_is_left_to_who_can_say_so(tmp_path: Path) -> None:
    assert whereabouts([tmp_path / "none.yaml"], {}) is None
