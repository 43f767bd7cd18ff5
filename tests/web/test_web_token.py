"""The token: made once, for its owner only, and never shown."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from monitor.web.token import TokenError, read_or_create_token, read_token


def test_it_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    state = tmp_path / "state"

    made = read_or_create_token(None, state)

    assert len(made) >= 40
    assert stat.S_IMODE((state / "token").stat().st_mode) == 0o600
    assert read_or_create_token(None, state) == made == read_token(None, state)
    assert [path.name for path in state.iterdir()] == ["token"]


def test_a_configured_token_is_taken_and_nothing_is_made(tmp_path):
    assert read_or_create_token("from-the-config", tmp_path / "state") == "from-the-config"
    assert not (tmp_path / "state").exists()


def test_daemons_that_start_at_once_agree_on_one_token(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: read_or_create_token(None, tmp_path), range(32)))

    assert len(tokens) == 1


def test_who_only_reads_makes_nothing_and_is_told_what_would(tmp_path):
    with pytest.raises(TokenError, match="monitor run"):
        read_token(None, tmp_path / "state")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"caf\xc3\xa9", b"a\x00b"])
def test_a_file_that_holds_no_token_lets_nobody_in_and_does_not_show_what_it_holds(tmp_path, content):
    (tmp_path / "token").write_bytes(content)

    with pytest.raises(TokenError) as error:
        read_or_create_token(None, tmp_path)

    assert str(tmp_path / "token") in str(error.value)
    assert "words" not in str(error.value)


def test_a_state_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "state").write_text("a file where a folder should be")

    with pytest.raises(TokenError, match="state"):
        read_or_create_token(None, tmp_path / "state")
