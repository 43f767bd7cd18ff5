"""How a run ends: 3 for everything that kept it from its work, and never click's 2, which says that a check failed."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from monitor.cli.main import COMMANDS, Commands, monitor


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["--no-such-option"],
        ["-c"],
        ["check-once", "--format", "xml"],
        ["check-once", "--wait", "soon"],
        ["check-once", "--no-such-option"],
        ["check-once", "ftp://localhost/"],
        ["check-once", "-c", "missing.yaml"],
        ["-c", "missing.yaml", "check-once"],
        ["check-once", "orders"],
        ["check-once", "--report", "http://127.0.0.1:9/"],
        ["status"],
        ["status", "surplus"],
        ["incident"],
        ["incident", "shwo", "1"],
        ["incident", "list", "--limit", "0"],
        ["incident", "resolve", "1"],
        ["incident", "show", "../../etc/passwd"],
        ["incident", "ack"],
        ["validate", "-c", "missing.yaml"],
        ["validate", "--surplus"],
        ["backup"],
        ["backup", "b.tar.gz", "-c", "missing.yaml"],
        ["backup", "--no-such-option", "b.tar.gz"],
        ["restore"],
        ["restore", "b.tar.gz", "-c", "missing.yaml"],
        ["run", "-c", "missing.yaml"],
        ["run", "--surplus"],
        ["schema", "surplus"],
        ["demo", "--speed", "fast"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_ends_with_3_and_says_why(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHKEEPER_CONFIG", raising=False)

    ended = CliRunner().invoke(monitor, arguments)

    assert ended.exit_code == 3, ended.output
    assert ended.stderr.strip()
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant():
    assert "Did you mean check-once?" in CliRunner().invoke(monitor, ["chek-once"]).stderr


def test_bad_usage_is_3_in_a_real_process_too(run):
    ended = run("check-once", "--wait")

    assert (ended.returncode, ended.stdout) == (3, "")


def test_nagios_reads_trouble_on_the_first_line_of_the_output(run):
    ended = run("check-once", "--format", "nagios", "-c", "missing.yaml")

    assert ended.returncode == 3
    assert ended.stdout.startswith("CHECKS UNKNOWN - missing.yaml has 1 problem")
    assert ended.stdout.count("\n") == 1


def test_an_error_of_our_own_is_unknown_and_not_a_warning():
    group = Commands("broken")
    group.get_command = lambda ctx, name: 1 / 0  # type: ignore[method-assign,assignment]

    assert CliRunner().invoke(group, ["run"]).exit_code == 3


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_with_an_example_and_has_its_line_in_the_list(name):
    ended = CliRunner().invoke(monitor, [name, "--help"])
    listed = CliRunner().invoke(monitor, ["--help"]).stdout

    assert ended.exit_code == 0
    assert "Example" in ended.stdout
    assert f"\n  {name} " in listed


def test_every_part_of_incident_helps_with_an_example():
    from monitor.cli.incident import incident

    for name in incident.commands:
        said = CliRunner().invoke(monitor, ["incident", name, "-h"]).stdout
        assert re.search(r"Examples?:\s+monitor incident", said), name


def test_help_tells_of_exit_codes_completion_and_the_environment(run):
    said = run("--help").stdout

    for word in ("130 interrupted", "_MONITOR_COMPLETE=bash_source", "zsh_source", "fish_source", "WATCHKEEPER_CONFIG"):
        assert word in said


def test_completion_names_the_commands(run):
    ended = run(environ={"_MONITOR_COMPLETE": "bash_complete", "COMP_WORDS": "monitor che", "COMP_CWORD": "1"})

    assert ended.stdout.split() == ["plain,check-once"]


def test_the_version_is_one_line(run):
    assert run("--version").stdout.startswith("watchkeeper ")


@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after it"])
def test_the_configuration_is_named_before_or_after_the_command(run, before):
    option = ["-c", "elsewhere.yaml"]
    arguments = [*option, "check-once"] if before else ["check-once", *option]

    assert "elsewhere.yaml" in run(*arguments).stderr


def test_the_configuration_may_be_named_after_a_part_of_a_command(run):
    assert "elsewhere.yaml" in run("incident", "list", "-c", "elsewhere.yaml").stderr
    assert "elsewhere.yaml" in run("incident", "-c", "elsewhere.yaml", "list").stderr


def test_the_environment_names_it_too_and_the_command_line_wins(run):
    environ = {"WATCHKEEPER_CONFIG": "from-environment.yaml"}

    assert "from-environment.yaml" in run("status", environ=environ).stderr
    assert "from-line.yaml" in run("status", "-c", "from-line.yaml", environ=environ).stderr
    assert "from-environment" not in run("status", "-c", "from-line.yaml", environ=environ).stderr


def test_a_state_folder_that_cannot_be_made_is_one_line_with_the_remedy(run, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("monitor: {state: /proc/nowhere}\nservices: {a: {checks: {live: 'http://127.0.0.1:9/'}}}\n")

    ended = run("run", "-c", str(config))

    assert ended.returncode == 3
    assert "/proc/nowhere" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_ctrl_c_ends_it_quietly_with_130(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(120)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        asking = subprocess.Popen(
            [sys.executable, "-m", "monitor", "check-once", "--wait", "600s", url],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background jobs are started deaf to it, and so is what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            connection, _ = silent.accept()  # now it waits for an answer that does not come
            asking.send_signal(signal.SIGINT)
            out, err = asking.communicate(timeout=300)
            connection.close()
        finally:
            asking.kill()

    assert asking.returncode == 130
    assert (out, err.strip()) == ("", "")
