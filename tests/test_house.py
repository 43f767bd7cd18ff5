"""The shape of the house: what import-linter cannot see."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = sorted((ROOT / "monitor" / "core").glob("*.py"))
SOURCES = sorted([*(ROOT / "monitor").rglob("*.py"), *(ROOT / "checks").rglob("*.py")])


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_the_core_never_asks_what_time_it_is(path):
    asked = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today", "monotonic", "perf_counter"}
        and ast.unparse(node.func.value) in {"datetime", "date", "time", "datetime.datetime"}
    ]

    assert asked == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_failure_is_never_swallowed_without_a_word(path):
    silent = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]

    assert silent == []


def test_the_readme_names_only_files_that_exist():
    text = (ROOT / "README.md").read_text()

    named = re.findall(r"\]\(((?!https?:)[^)#]+)", text)

    assert [name for name in named if not (ROOT / name).exists()] == []
