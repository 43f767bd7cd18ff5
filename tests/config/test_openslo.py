"""OpenSLO v1 documents among the files of a config: objectives of the services that they name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from monitor.config import Composite, Config, ConfigError, Slo, load
from monitor.config.openslo.queries import counting
from monitor.config.openslo.writing import written

OURS = """services:
  shop:
    checks: {live: 'http://localhost:1/', ready: 'http://localhost:1/'}
    slos:
      - {sli: success, objective: 99%}
"""
SLO = """apiVersion: openslo/v1
kind: SLO
metadata: {name: answers}
spec:
  service: shop
  indicator:
    metadata: {name: answers, annotations: {watchkeeper/sli: success}}
    spec: {ratioMetric: {rawType: success, raw: {metricSource: {type: Prometheus, spec: {query: up}}}}}
  timeWindow: [{duration: 7d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives:
    - target: 0.995
"""
ANSWERS = Slo(name="answers", sli="success", objective=0.995, over=timedelta(days=7))
PROMETHEUS = """apiVersion: openslo/v1
kind: SLO
metadata: {name: users}
spec:
  service: shop
  indicator:
    metadata: {name: users}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: Prometheus, spec: {query: 'sum(answers_total{code=~"5.."})'}}}
        total: {metricSource: {type: Prometheus, spec: {query: sum(answers_total)}}}
  timeWindow: [{duration: 7d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.995}]
"""


def read(folder: Path, **files: str) -> Config:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return load([folder], {"ZONE": "Europe/Berlin"})


def refusal(folder: Path, **files: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, **files)
    return str(caught.value).replace(f"{folder}/", "")


def test_its_objectives_stand_behind_those_of_ours(tmp_path: Path) -> None:
    found = read(tmp_path, a=SLO, b=OURS)

    assert found.services["shop"].slos == (Slo(name="success", sli="success", objective=0.99), ANSWERS)
    assert found.warnings == ()


def test_a_service_without_objectives_has_those_of_the_document(tmp_path: Path) -> None:
    assert read(tmp_path, a=OURS.partition("    slos:")[0], b=SLO).services["shop"].slos == (ANSWERS,)


def test_one_file_may_hold_our_config_and_documents(tmp_path: Path) -> None:
    assert ANSWERS in read(tmp_path, a=f"---\n{OURS}---\n{SLO}---\n").services["shop"].slos


def test_references_reach_over_files(tmp_path: Path) -> None:
    before, _, rest = SLO.partition("  indicator:\n")
    indicator, _, after = rest.partition("  timeWindow")
    sli = "apiVersion: openslo/v1\nkind: SLI\n" + "\n".join(line[4:] for line in indicator.splitlines()) + "\n"

    found = read(tmp_path, a=OURS, b=f"{before}  indicatorRef: answers\n  timeWindow{after}", c=sli)

    assert ANSWERS in found.services["shop"].slos


def test_a_list_that_an_anchor_repeats_is_not_changed_in_its_other_places(tmp_path: Path) -> None:
    ours = OURS.replace("  shop:", "  shop: &one").replace("slos:", "slos: &slos") + "  bank: *one\n"

    found = read(tmp_path, a=ours, b=SLO)

    assert [slo.name for slo in found.services["shop"].slos] == ["success", "answers"]
    assert [slo.name for slo in found.services["bank"].slos] == ["success"]


def test_a_composite_weighs_what_the_document_weighs(tmp_path: Path) -> None:
    indicator = SLO[SLO.index("  indicator:") : SLO.index("  timeWindow")]
    member = "    -" + "\n".join(f"    {line}" for line in indicator.splitlines())[5:] + "\n"
    slo = SLO.replace(indicator, "").replace("    - target", f"{member}      compositeWeight: 2.5\n      target")

    found = read(tmp_path, a=OURS, b=slo).services["shop"]

    assert found.slos[1:] == (ANSWERS.model_copy(update={"name": "answers-answers"}),)
    assert found.composites == (Composite(name="answers", members={"answers-answers": 2.5}),)


def test_what_is_wrong_is_told_in_the_document_by_our_own_rules(tmp_path: Path) -> None:
    wrong = SLO.replace("0.995", "0.5").replace("service: shop", "service: shpo").replace("name: answers", "name: b")

    said = refusal(tmp_path, a=OURS, b=wrong, c=SLO.replace("Occurrences", "Sometimes"), d=SLO.replace("7d", "1s"))

    assert said == (
        "The config (b.yaml, c.yaml, d.yaml) has 4 problems; nothing was started.\n\n"
        "b.yaml:5  services.shpo.checks: there is no check\n"
        "    Write checks: {live: http://HOST:PORT/healthz}.\n"
        "b.yaml:12  services.shpo.slos[0].objective: can never fire: a total outage burns 2 times the budget, "
        "and an alarm over 7d needs 3.36\n"
        "    Use more than 70.24%, or a shorter over.\n"
        "c.yaml:10  SLO answers: spec.budgetingMethod: Sometimes is not a budgeting method\n"
        "    Write Occurrences or Timeslices.\n"
        "d.yaml:1  SLO answers: stands in c.yaml:1 as well\n"
        "    Keep one of them, or rename one."
    )


def test_two_of_one_name_are_told_though_one_is_ours(tmp_path: Path) -> None:
    said = refusal(tmp_path, a=OURS.replace("{sli", "{name: answers, sli"), b=SLO)

    assert "b.yaml:12  services.shop.slos[1]: is called answers as slos[0] is" in said


def test_what_is_left_out_is_a_warning(tmp_path: Path) -> None:
    alert = "apiVersion: openslo/v1\nkind: AlertPolicy\nmetadata: {name: quick}\nspec: {}\n"

    found = read(tmp_path, a=OURS, b=f"{SLO}---\n{alert}")

    assert [warning.replace(f"{tmp_path}/", "") for warning in found.warnings] == [
        "b.yaml:14  AlertPolicy quick: is not carried over. "
        "Every objective has the burn alarms that docs/configuration.md describes; there is nothing to set."
    ]


@pytest.mark.parametrize(
    ("monitor", "zone", "taken"),
    [
        ("", "UTC", True),
        ("", "Europe/Berlin", False),
        ("monitor: {time_zone: Europe/Berlin}\n", "Europe/Berlin", True),
        ("monitor: {time_zone: '${ZONE}'}\n", "Europe/Berlin", True),
        ("monitor: {location: here}\n", "UTC", True),
        ("monitor: {time_zone: Europe/Berlin}\n", "UTC", False),
    ],
)
def test_a_calendar_window_is_of_the_monitors_own_zone(tmp_path: Path, monitor: str, zone: str, taken: bool) -> None:
    calendar = f"{{duration: 1w, calendar: {{startTime: 2024-01-01 00:00:00, timeZone: {zone}}}}}"
    slo = SLO.replace("{duration: 7d, isRolling: true}", calendar)

    if taken:
        assert read(tmp_path, a=monitor + OURS, b=slo).services["shop"].slos[1].over == "week"
    else:
        assert (
            f"b.yaml:9  SLO answers: spec.timeWindow[0].calendar.timeZone: {zone} is not monitor.time_zone"
            in refusal(tmp_path, a=monitor + OURS, b=slo)
        )


def test_a_dollar_sign_is_none_of_ours(tmp_path: Path) -> None:
    said = refusal(tmp_path, a=OURS, b=SLO.replace("target: 0.995", "target: ${HOME}"))

    assert "slos[1].objective: $${HOME} is not a share" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{OURS}---\n{OURS}---\n{SLO}", "a.yaml:6  a second document begins here"),
        (f"{SLO}---\n- a\n", "a.yaml:14  does not begin with a key"),
        (SLO.replace("openslo/v1", "openslo/v2alpha"), "apiVersion: openslo/v2alpha is not read"),
        (SLO.replace("openslo/v1", "v1"), "apiVersion: unknown key"),
    ],
    ids=["two of ours beside", "a list beside", "another version", "none of OpenSLO's"],
)
def test_a_file_that_is_neither(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, a=text)


def test_an_sli_from_prometheus_is_taken(tmp_path: Path) -> None:
    source = "sources: {prometheus: 'http://localhost:9090'}\n"

    slo = read(tmp_path, a=source + OURS, b=PROMETHEUS).services["shop"].slos[1]

    assert slo.sli == "ratio"
    assert slo.indicator is not None
    assert slo.indicator.bad == 'sum(increase(answers_total{code=~"5.."}[$window]))'
    assert slo.indicator.total == "sum(increase(answers_total[$window]))"


def test_what_prometheus_counts_is_written_and_read_back(tmp_path: Path) -> None:
    slos = """      - name: users
        sli: ratio
        objective: 99.5%
        window: 10m
        good: sum(increase(answers_total{code="200"}[$window]))
        total: sum(increase(answers_total[$window]))
      - {name: errors, sli: ratio, objective: 99.5%, bad: "increase(b[$window])", total: "increase(t[$window])"}
      - {name: quick, sli: latency, under: 300ms, objective: 99%, histogram: 'seconds_bucket{job="shop"}'}
      - name: quiet
        sli: ratio
        objective: 99.5%
        budgeting: timeslices
        slice: 10m
        slice_target: 99%
        bad: increase(b[$window])
        total: increase(t[$window])
      - {name: recorded, sli: sloth, objective: 99.5%, recorded: '{sloth_service="shop",sloth_slo="availability"}'}
      - {name: halves, sli: sloth, objective: 99.5%, recorded: '{sloth_id="a"}', budgeting: timeslices, slice: 30m}
"""
    source = "sources: {prometheus: 'http://localhost:9090'}\n"
    ours = read(tmp_path, a=source + OURS + slos)
    documents = yaml.safe_dump_all(written(ours, ()).documents)
    (tmp_path / "a.yaml").write_text(source + OURS.partition("    slos:")[0])

    assert read(tmp_path, b=documents).services["shop"].slos == ours.services["shop"].slos


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ("answers_total", "sum(increase(answers_total[$window]))"),
        ("sum(answers_total)", "sum(increase(answers_total[$window]))"),
        (
            'sum ( job:answers{code=~"2..|3..", path!="/{id}"} )',
            'sum(increase(job:answers{code=~"2..|3..", path!="/{id}"}[$window]))',
        ),
        ("{__name__='answers'}", "sum(increase({__name__='answers'}[$window]))"),
        ("sum(increase(a[{{.window}}]))", "sum(increase(a[$window]))"),
        ("sum(increase(a[{{ .window }}])) - b", "sum(increase(a[$window])) - b"),
        ("sum(increase(a[$window]))", "sum(increase(a[$window]))"),
        ("sum(rate(a[{{.window}}]))", None),
        ("sum(increase(a[5m]))", None),
        ("sum(a) - sum(b)", None),
        ("sum by (code) (a)", None),
        ("a offset 5m", None),
        ("", None),
    ],
)
def test_a_query_that_counts(query: str, counts: str | None) -> None:
    assert counting(query) == counts


def test_what_goes_down_is_no_counter_but_may_be_a_count() -> None:
    assert counting("in_flight", goes_down=True) is None
    assert counting("sum(increase(a[{{.window}}]))", goes_down=True) == "sum(increase(a[$window]))"
