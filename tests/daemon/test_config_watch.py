"""When changed files are read: not before they stand still, and however they were changed."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.config import Config, ConfigError, load, stamps
from monitor.daemon.watching import ConfigWatch, Settling

TEXT = "services:\n  shop:\n    checks:\n      live: http://localhost:8080/{path}\n"
Found = "queue.Queue[Config | ConfigError]"


def test_what_changed_is_read_once_it_looked_the_same_twice() -> None:
    one, two, three = ({Path("a"): (1, 2, 3, n)} for n in range(3))
    settling = Settling(one)

    assert [settling.is_due(seen) for seen in (one, two, three, three)] == [False, False, False, True]


def test_what_changed_back_before_it_was_read_is_not_read() -> None:
    one, two = {Path("a"): (1, 2, 3, 4)}, {Path("a"): None}
    settling = Settling(one)

    assert [settling.is_due(seen) for seen in (two, one, two, one, one)] == [False] * 5


@pytest.fixture
def watch() -> Iterator[Callable[[Path], Found]]:
    started: list[ConfigWatch] = []

    def start(path: Path) -> Found:
        found: Found = queue.Queue()
        watch = ConfigWatch([path], {}, load([path], {}), found.put, every=0.02)
        started.append(watch)
        watch.start()
        return found

    yield start
    for one in started:
        one.stop()


def put(file: Path, text: str) -> None:
    """Whole or not at all, as those do it who cannot tell when it is read."""
    beside = file.with_name("beside")
    beside.write_text(text)
    beside.rename(file)


def address(found: Found) -> str:
    read = found.get(timeout=30)
    assert isinstance(read, Config), read
    return read.all_checks()[-1].question.url.rpartition("/")[2]


def write_in_place(file: Path) -> None:
    file.write_text(TEXT.format(path="b"))


def move_into_place(file: Path) -> None:
    put(file, TEXT.format(path="b"))


def move_into_place_as_old_as_the_first(file: Path) -> None:
    before = file.stat()
    beside = file.with_name("beside")
    beside.write_text(TEXT.format(path="b"))
    os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
    beside.rename(file)


@pytest.mark.parametrize("change", [write_in_place, move_into_place, move_into_place_as_old_as_the_first])
def test_a_file_that_was_changed_is_read(
    change: Callable[[Path], None], watch: Callable[[Path], Found], tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(TEXT.format(path="a"))
    found = watch(file)
    change(file)
    while isinstance(read := found.get(timeout=30), ConfigError):
        continue  # on a busy machine a file that is written in place may stand still while it is empty
    assert read.all_checks()[0].question.url.endswith("/b")


def test_a_configmap_whose_link_was_turned_around_is_read(watch: Callable[[Path], Found], tmp_path: Path) -> None:
    for version in ("a", "b"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "config.yaml").write_text(TEXT.format(path=version))
    (tmp_path / "..data").symlink_to("..a")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    found = watch(tmp_path)
    (tmp_path / "..next").symlink_to("..b")
    (tmp_path / "..next").rename(tmp_path / "..data")
    assert address(found) == "b"


def test_a_new_file_in_the_folder_is_read_and_one_that_is_gone_is_missed(
    watch: Callable[[Path], Found], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(TEXT.format(path="a"))
    found = watch(tmp_path)
    put(tmp_path / "b.yaml", TEXT.format(path="b").replace("shop", "bank"))
    assert address(found) == "b"
    (tmp_path / "b.yaml").unlink()
    assert address(found) == "a"


def test_a_secret_that_was_missing_is_found_once_it_is_there(watch: Callable[[Path], Found], tmp_path: Path) -> None:
    file, token = tmp_path / "config.yaml", tmp_path / "token"
    text = TEXT.format(path="a") + "monitor: {token_file: token}\n"
    file.write_text(text)
    token.write_text("one")
    found = watch(file)
    token.unlink()
    assert isinstance(found.get(timeout=30), ConfigError)
    put(token, "two")
    read = found.get(timeout=30)
    assert isinstance(read, Config)
    assert read.monitor.token is not None
    assert read.monitor.token.get_secret_value() == "two"


def test_a_bad_config_is_told_once_and_read_again_only_when_it_changes(
    watch: Callable[[Path], Found], tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(TEXT.format(path="a"))
    found = watch(file)
    put(file, "services: [")
    assert isinstance(found.get(timeout=30), ConfigError)
    put(file, TEXT.format(path="b"))
    assert address(found) == "b"
    assert found.empty()


def test_stamps_of_a_folder_hold_what_is_in_it_now(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    assert stamps([tmp_path]) == {}
    file.write_text("x")
    assert list(stamps([tmp_path])) == [file]
    assert stamps([tmp_path], [tmp_path / "gone"])[tmp_path / "gone"] is None
