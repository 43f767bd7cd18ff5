"""
Names that fail, asked of a real name server: in a network namespace of its own, so that no other is ever asked.

Only what the resolver could not say may be our own trouble; that there is no such name is an answer about the target.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
APART = ["unshare", "--map-root-user", "--net", "--mount"]


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("unshare and ip (util-linux, iproute2) are not installed")
    if subprocess.run([*APART, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow network namespaces")
    run = subprocess.run(
        [*APART, sys.executable, str(HERE / "lookups.py")],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=HERE.parents[1],
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize(
    ("name", "temporary", "words"),
    [
        ("missing.example", False, "there is no such name"),
        ("empty.example", False, "the name exists, but has no address"),
        ("l" * 70, False, "there is no such name"),
        ("broken.example", True, "the resolver gave no answer (server failure, or no name server reached)"),
        ("flaky.example", True, "the lookup failed, and went well a moment later"),
    ],
)
def test_a_name_that_fails(said: dict[str, Any], name: str, temporary: bool, words: str) -> None:
    assert said[name] == {
        "reason": "dns",
        "detail": f"the name {name} could not be resolved: {words}",
        "before_any_byte": True,
        "temporary": temporary,
        "closed": False,
    }


def test_a_name_that_resolves_is_connected_to(said: dict[str, Any]) -> None:
    assert said["good.example"]["detail"] == "connect to good.example:80 refused: nothing listens there"


def test_a_resolver_that_stays_silent_is_a_timeout_that_says_so(said: dict[str, Any]) -> None:
    error = said["silent.example"]

    assert (error["reason"], error["before_any_byte"]) == ("timeout", True)
    assert error["detail"] == "no answer within 0.5 s: waited for the name silent.example to be resolved"


def test_a_storm_of_failing_names_is_not_blamed_on_the_targets(said: dict[str, Any]) -> None:
    storm = [said[f"storm {copy}"] for copy in range(20)]

    assert {(error["reason"], error["temporary"]) for error in storm} == {("dns", True)}


def test_no_way_to_the_host(said: dict[str, Any]) -> None:
    assert said["no route"] == {
        "reason": "unreachable",
        "detail": "connect to 192.0.2.1:80 failed: Network is unreachable",
        "before_any_byte": True,
        "temporary": False,
        "closed": False,
    }
    assert said["unreachable"]["reason"] == "unreachable"
    assert said["unreachable"]["detail"] == "connect to 10.9.0.1:80 failed: No route to host"


def test_closing_does_not_wait_for_the_resolver(said: dict[str, Any]) -> None:
    """It gives the name server that stays silent half a minute, most of which is still to come."""
    assert said["seconds to close"] < 15.0
    assert said["bugs"] == []


class TestInDatagrams:
    @pytest.mark.parametrize(
        ("name", "temporary", "words"),
        [
            ("missing.example", False, "there is no such name"),
            ("broken.example", True, "the resolver gave no answer (server failure, or no name server reached)"),
        ],
    )
    def test_a_name_that_fails_does_so_in_the_same_words(
        self, said: dict[str, Any], name: str, temporary: bool, words: str
    ) -> None:
        assert said[f"datagram to {name}"] == {
            "reason": "dns",
            "detail": f"the name {name} could not be resolved: {words}",
            "before_any_byte": True,
            "temporary": temporary,
            "closed": False,
        }

    def test_a_name_that_resolves_is_sent_to(self, said: dict[str, Any]) -> None:
        assert said["datagram to good.example"]["detail"] == "good.example:9 refused: nothing listens there"

    def test_a_lookup_that_hangs_costs_the_time_of_whoever_asked_and_no_other_lookup(
        self, said: dict[str, Any]
    ) -> None:
        for time_of_it in ("first", "second"):
            error = said[f"datagram to a silent name, the {time_of_it}"]
            assert error["reason"] == "timeout"
            assert error["detail"].endswith("waited for the name silent-datagram.example to be resolved")
        assert said["lookups of a silent name"] == 2
        assert said["bugs of datagrams"] == []
