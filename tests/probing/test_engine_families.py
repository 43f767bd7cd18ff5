"""Which addresses of a name are asked, of a real name server: in a network namespace of its own."""

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
V4, V6 = "127.0.0.1", "::1"
WAYS = ("http", "stream", "datagram", "dns", "dns over tcp", "echo")


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("unshare and ip (util-linux, iproute2) are not installed")
    apart = "ip link set lo up && ip -6 address show dev lo | grep -q ::1"
    if subprocess.run([*APART, "sh", "-c", apart], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow network namespaces, or has no IPv6")
    run = subprocess.run(
        [*APART, sys.executable, str(HERE / "families.py")],
        capture_output=True, text=True, timeout=300, cwd=HERE.parents[1], env=None, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


ASKED = [
    ("v4.example", "4", V4),
    ("v4.example", "prefer 4", V4),
    ("v4.example", "prefer 6", V4),
    ("v6.example", "6", V6),
    ("v6.example", "prefer 6", V6),
    ("v6.example", "prefer 4", V6),
    ("both.example", "4", V4),
    ("both.example", "6", V6),
    ("both.example", "prefer 4", V4),
    ("both.example", "prefer 6", V6),
    ("broken6.example", "4", V4),
    ("broken6.example", "prefer 6", V4),
    ("127.0.0.1", "4", V4),
    ("127.0.0.1", "6", V4),  # an address is asked as it stands
    ("127.0.0.1", "prefer 6", V4),
    ("localhost", "4", V4),
    ("localhost", "6", V6),
    ("localhost", "prefer 4", V4),
    ("localhost", "prefer 6", V6),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "wish", "address"), ASKED, ids=[f"{name} {wish}" for name, wish, _ in ASKED])
def test_the_preferred_family_is_asked_and_the_other_where_there_is_no_address_of_it(
    said: dict[str, Any], way: str, name: str, wish: str, address: str
) -> None:
    assert said[f"{way}: {name} {wish}"] == address


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "wish"), [("v4.example", "6"), ("v6.example", "4")])
def test_a_name_without_an_address_of_the_only_family_says_so_and_nobody_else_is_to_blame(
    said: dict[str, Any], way: str, name: str, wish: str
) -> None:
    detail = f"the name {name} could not be resolved: it has no IPv{wish} address"
    assert said[f"{way}: {name} {wish}"] == [detail, False]


@pytest.mark.parametrize("way", WAYS)
def test_without_a_wish_any_address_will_do(said: dict[str, Any], way: str) -> None:
    assert said[f"{way}: v4.example"] == V4
    assert said[f"{way}: v6.example"] == V6
    assert said[f"{way}: both.example"] in (V4, V6)


def test_nothing_was_unforeseen_and_no_time_is_negative(said: dict[str, Any]) -> None:
    assert said["bugs"] == []
