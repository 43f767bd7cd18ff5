"""The severity table of a config: the documentation shows the playbook's, and what is written decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

from monitor.config import Config
from monitor.core.severity_table import TABLE, Row, Table
from monitor.core.signals import Term

Reader = Callable[..., Config]
PROJECT = Path(__file__).parent.parent.parent
SHOP = "services:\n  shop:\n    checks:\n      live: http://localhost:8080/\n"


def in_any_order(table: Table) -> list[Row]:
    def unordered(row: Row) -> Row:
        return replace(
            row,
            alternatives=tuple(
                replace(a, terms=tuple(sorted(a.terms, key=lambda term: term.signal))) for a in row.alternatives
            ),
        )

    return [unordered(row) for row in table]


def test_the_table_in_the_documentation_is_the_one_that_holds_without_it(config: Reader) -> None:
    text = (PROJECT / "docs" / "configuration.md").read_text()
    (written,) = re.findall(r"^    severity:\n(?:    .*\n)+", text, re.MULTILINE)

    assert config(SHOP).severity == TABLE
    assert in_any_order(config(SHOP + dedent(written)).severity) == in_any_order(TABLE)


def test_a_table_of_one_s_own_is_read_in_its_order(config: Reader) -> None:
    found = config(
        SHOP
        + """
severity:
  - name: half
    when: {failing_share: ">= 50%", restart: false}
    suggest: {critical: SEV1, high: SEV1, medium: SEV3, low: SEV4}
  - {name: rest, any: [{burn: "> 2.5"}, {failing_share: ">0%"}], suggest: SEV4}
"""
    )

    assert found.severity == (
        Row.of("half", "1134", [Term("failing_share", ">=", 0.5), Term.switch("restart", False)]),
        Row.of("rest", "4444", [Term("burn", ">", 2.5)], [Term("failing_share", ">", 0.0)]),
    )


def test_all_that_is_wrong_with_a_table_is_told_at_once(problems: Callable[..., str]) -> None:
    said = problems(
        SHOP
        + """
severity:
  - {name: a, when: {brun: ">= 6"}, suggest: SEV3}
  - {name: b, when: {burn: ">= 6"}, suggest: {critical: SEV3, high: SEV2, medium: SEV3, low: SEV4}}
  - {when: {burn: ">= 14"}, suggest: SEV1}
"""
    )

    assert "config.yaml has 4 problems" in said
    for found in ("severity[0].when.brun", "severity[1].suggest.high", "severity[2].name", "the row b above"):
        assert found in said


def test_a_query_for_data_loss_that_no_row_asks_for_is_warned_of(config: Reader) -> None:
    query = "    queries: {lost: {promql: sum(lost), data_loss: true}}\n"
    text = "sources: {prometheus: http://localhost:9090}\n" + SHOP + query
    assert config(text).services["shop"].data_loss == {"lost": "sum(lost)"}
    assert config(text).warnings == ()

    (warning,) = config(text + 'severity: [{name: all, when: {failing_share: "> 0%"}, suggest: SEV2}]').warnings
    assert "services.shop.queries.lost.data_loss: no row of the severity table asks for data_loss" in warning


def test_data_loss_that_no_row_asks_for_is_warned_of(config: Reader) -> None:
    lossy = SHOP.replace("live: http://localhost:8080/", "backups: {http: http://localhost:8080/, data_loss: true}")

    assert config(lossy).warnings == ()
    assert config(lossy).all_checks()[0].data_loss
    (warning,) = config(lossy + 'severity: [{name: all, when: {failing_share: "> 0%"}, suggest: SEV2}]').warnings
    assert "services.shop.checks.backups.data_loss: no row of the severity table asks for data_loss" in warning
