"""`monitor import openslo` and `monitor export openslo`, and that the one undoes the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from monitor.cli.main import monitor
from monitor.config import Config, load

HERE = Path(__file__).parent
RFC_1123 = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
CHECKS = "    checks: {live: 'http://localhost:1/', Ready_2: {http: 'http://localhost:1/', interval: 10s}}\n"
SHOP = f"services:\n  Shop.eu:\n{CHECKS}"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(monitor, arguments)


def shown(done: Result) -> str:
    return f"{done.stdout}--- told\n{done.stderr}--- exit code {done.exit_code}\n"


@pytest.mark.parametrize("name", ["checkout", "windows", "refused"])
def test_what_is_carried_over_and_what_is_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)

    done = invoke("import", "openslo", f"openslo/{name}.yaml")

    assert shown(done) == (HERE / "golden" / f"openslo_{name}.txt").read_text()


def test_what_was_imported_is_a_configuration_once_it_has_checks(tmp_path: Path) -> None:
    (tmp_path / "slos.yaml").write_text(invoke("import", "openslo", str(HERE / "openslo" / "checkout.yaml")).stdout)
    (tmp_path / "config.yaml").write_text(
        "monitor: {time_zone: Europe/Berlin}\nservices:\n  checkout: {checks: {ready: 'http://localhost:1/'}}\n"
        "  till: {checks: {live: 'http://localhost:1/'}}\n"
    )

    done = invoke("validate", "-c", str(tmp_path / "config.yaml"), "-c", str(tmp_path / "slos.yaml"))

    assert done.exit_code == 0, done.stderr


def test_all_carried_over_is_0_and_says_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"{SHOP}    slos: [{{sli: success, objective: 99.9%}}]\n")
    (tmp_path / "slo.yaml").write_text(invoke("export", "openslo", "-c", str(tmp_path / "config.yaml")).stdout)

    done = invoke("import", "openslo", str(tmp_path / "slo.yaml"))

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "services:\n  Shop.eu:\n    slos:\n"
        "    - name: success\n      sli: success\n      objective: 0.999\n      over: 30d\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no SLO in these files\n"),
        ("- a\n", "is not an OpenSLO document"),
        ("services: {}\n", "is not an OpenSLO document"),
        ("apiVersion: openslo/v1\nkind: [SLO\n", ":2  a bracket or brace is not closed"),
        ("apiVersion: openslo/v1\nkind: SLO\nkind: SLO\n", ":3  kind: is set twice; the first is on line 2"),
        ("apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\n", ":1  SLO a: has no spec"),
        (
            "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\nspec: b\n",
            ":4  SLO a: spec: is not a group of keys",
        ),
    ],
    ids=["empty", "a list", "ours", "no YAML", "a key twice", "no spec", "a spec of one value"],
)
def test_where_nothing_is_carried_over_it_is_3_and_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "slo.yaml").write_text(text)

    done = invoke("import", "openslo", str(tmp_path / "slo.yaml"))

    assert (done.exit_code, done.stdout) == (3, "")
    assert said in done.stderr


def test_a_file_that_is_not_there_is_bad_usage() -> None:
    assert invoke("import", "openslo", "absent.yaml").exit_code == 3


def test_objectives_as_documents(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "monitor: {time_zone: Europe/Berlin}\n"
        f"{SHOP}    slos:\n"
        "      - {sli: success, objective: 99.9%}\n"
        "      - {sli: latency, under: 300ms, objective: 99%, over: month, check: Ready_2}\n"
        "      - {name: quick, sli: latency, under: 1.5ms, objective: 99%, budgeting: timeslices, slice_target: 95%}\n"
        "      - {name: odd, sli: success, objective: 99%, over: 25h30s}\n"
        "      - {name: both, composite: {success: 2, quick: 1.5}}\n"
        f"  bank:\n{CHECKS}    slos: [{{sli: success, objective: 99.5%, over: 36h}}]\n"
    )

    done = invoke("export", "openslo", "-c", str(tmp_path / "config.yaml"))

    assert shown(done) == (HERE / "golden" / "openslo_export.txt").read_text()


def test_the_objectives_of_some_services_alone(tmp_path: Path) -> None:
    slos = "    slos: [{sli: success, objective: 99.9%}]\n"
    path = tmp_path / "config.yaml"
    path.write_text(f"{SHOP}{slos}  bank:\n{CHECKS}{slos}  none:\n{CHECKS}")

    of_bank = invoke("export", "openslo", "bank", "-c", str(path))

    assert [one["spec"]["service"] for one in yaml.safe_load_all(of_bank.stdout)] == ["bank"]
    assert shown(invoke("export", "openslo", "none", "-c", str(path))) == (
        "--- told\nthere is no objective to write\n--- exit code 3\n"
    )
    assert (
        "no service is called bnak; there are Shop.eu, bank, none"
        in invoke("export", "openslo", "bnak", "-c", str(path)).stderr
    )


def test_names_that_would_be_alike_are_told_apart(tmp_path: Path) -> None:
    names = ["a.b", "a_b", "A-b", "x" * 63, "x" * 62 + "y"]
    slos = "".join(f"      - {{name: {name}, sli: success, objective: 99.9%}}\n" for name in names)
    (tmp_path / "config.yaml").write_text(f"{SHOP}    slos:\n{slos}")

    documents = list(yaml.safe_load_all(invoke("export", "openslo", "-c", str(tmp_path / "config.yaml")).stdout))

    assert [one["metadata"]["name"] for one in documents] == [
        "shop-eu-a-b",
        "shop-eu-a-b-2",
        "shop-eu-a-b-3",
        "shop-eu-" + "x" * 55,
        "shop-eu-" + "x" * 53 + "-2",
    ]


PERCENT = st.integers(980_000, 999_999).map(lambda share: f"{share / 10_000:.4f}%")
OVER = st.one_of(
    st.integers(1, 90).map(lambda days: f"{days}d"),
    st.integers(24, 2160).map(lambda hours: f"{hours}h"),
    st.integers(1440, 129_600).map(lambda minutes: f"{minutes}m"),
    st.sampled_from(["day", "week", "month"]),
)
UNDER = st.integers(1000, 7_999_999).map(lambda micros: f"{micros / 1_000_000:.6f}s")


@st.composite
def objectives(draw: st.DrawFn) -> list[str]:
    """Entries of `slos`, the last one a composite of some of those that have its window and no slices."""
    names = draw(st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,10}", fullmatch=True), min_size=2, unique=True))
    entries, weighed = [], {}
    window = draw(OVER)
    for name in names[:-1]:
        keys = {"name": name, "objective": draw(PERCENT), "over": draw(st.one_of(st.just(window), OVER))}
        keys |= {"sli": "latency", "under": draw(UNDER)} if draw(st.booleans()) else {"sli": "success"}
        if draw(st.booleans()):
            keys["check"] = draw(st.sampled_from(["live", "Ready_2"]))
        if draw(st.booleans()):
            length, target = draw(st.sampled_from([1, 2, 5, 15, 60])), draw(st.integers(1, 100_000))
            keys |= {"budgeting": "timeslices", "slice": f"{length}m", "slice_target": f"{target / 1000:.3f}%"}
        elif keys["over"] == window:
            weighed[name] = f"{draw(st.integers(1, 10_000_000)) / 1_000_000:.6f}"
        entries.append("{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}")
    if weighed:
        members = ", ".join(f"{name}: {weight}" for name, weight in weighed.items())
        entries.append(f"{{name: {names[-1]}, composite: {{{members}}}}}")
    return entries


# Not shrunk: each example is four configurations, and five minutes would pass until a failure is told.
@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(entries=objectives())
def test_what_is_exported_is_openslo_and_is_read_back_as_it_was(
    entries: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round")
    zone = "monitor: {time_zone: Asia/Kolkata}\n"
    (folder / "ours.yaml").write_text(f"{zone}{SHOP}    slos:\n" + "".join(f"      - {one}\n" for one in entries))
    (folder / "checks.yaml").write_text(zone + SHOP)
    ours = load([folder / "ours.yaml"], {})

    exported = invoke("export", "openslo", "-c", str(folder / "ours.yaml"))
    (folder / "openslo.yaml").write_text(exported.stdout)
    (folder / "imported.yaml").write_text(invoke("import", "openslo", str(folder / "openslo.yaml")).stdout)

    documents = list(yaml.safe_load_all(exported.stdout))
    for document in documents:
        assert_is_openslo(document)
    names = [document["metadata"]["name"] for document in documents]
    assert len(set(names)) == len(names) == len(entries)
    imported = load([folder / "checks.yaml", folder / "imported.yaml"], {})
    direct = load([folder / "checks.yaml", folder / "openslo.yaml"], {})
    assert objectives_of(imported) == objectives_of(direct) == objectives_of(ours)


def objectives_of(config: Config) -> tuple[object, ...]:
    service = config.services["Shop.eu"]
    return service.slos, service.composites


def assert_is_openslo(document: dict[str, Any]) -> None:
    """What version 1 of the specification requires of an SLO."""
    assert (document["apiVersion"], document["kind"]) == ("openslo/v1", "SLO")
    assert RFC_1123.fullmatch(document["metadata"]["name"])
    spec = document["spec"]
    assert spec["service"] == "Shop.eu"
    assert spec["budgetingMethod"] in ("Occurrences", "Timeslices")
    (window,) = spec["timeWindow"]
    assert re.fullmatch(r"[1-9]\d*[mhdwM]", window["duration"])
    assert window["isRolling"] is ("calendar" not in window)
    if "calendar" in window:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", window["calendar"]["startTime"])
        assert window["calendar"]["timeZone"] == "Asia/Kolkata"
    assert spec["objectives"]
    for objective in spec["objectives"]:
        assert 0 <= objective["target"] < 1
        assert ("indicator" in spec) is not ("indicator" in objective)
        indicator = spec.get("indicator") or objective["indicator"]
        assert RFC_1123.fullmatch(indicator["metadata"]["name"])
        ratio = indicator["spec"]["ratioMetric"]
        assert set(ratio) in ({"counter", "good", "total"}, {"rawType", "raw"})
        for metric in ratio.values():
            if isinstance(metric, dict):
                assert metric["metricSource"]["type"] == "Prometheus"
                assert metric["metricSource"]["spec"]["query"]
        if spec["budgetingMethod"] == "Timeslices":
            assert 0 < objective["timeSliceTarget"] <= 1
            assert re.fullmatch(r"[1-9]\d*[mh]", objective["timeSliceWindow"])
