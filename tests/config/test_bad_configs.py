"""A corpus of bad configs, one fault each, named by the file, with what is said of it beside it, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import ConfigError, load

BAD = Path(__file__).parent / "bad"
SECRET = "hunter2"  # stands wherever a secret was put into a wrong place


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_a_bad_config_is_told_with_place_finding_and_remedy(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load([BAD / f"{name}.yaml"], {"HUNTER": SECRET})

    assert str(caught.value).replace(f"{BAD}/", "") + "\n" == (BAD / f"{name}.txt").read_text()
    assert len(caught.value.problems) == 1, "one fault, one problem: the others are echoes"


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.txt")))
def test_what_is_said_holds_no_secret_and_no_words_of_a_library(name: str) -> None:
    said = (BAD / f"{name}.txt").read_text()

    # As the name of an unknown key it has to be said: nobody could find the place otherwise.
    assert SECRET not in said or name == "unknown_key_like_nothing"
    for leaked in (
        "pydantic",
        "validation error",
        "Input should",
        "Extra inputs",
        "YAMLError",
        "while parsing",
        "Traceback",
    ):
        assert leaked not in said


def test_each_file_has_its_message() -> None:
    assert {path.stem for path in BAD.glob("*.yaml")} == {path.stem for path in BAD.glob("*.txt")}
