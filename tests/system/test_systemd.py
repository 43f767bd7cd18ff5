"""
Watchkeeper under a real systemd: from `systemctl start` to `systemctl stop`, killed and reloaded in between.

One machine and one incident, in the order of this file: each test finds the daemon running as the one before left it.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("system")]

UNITS = Path(__file__).parent.parent.parent / "systemd"


def exposure(unit: Path) -> float:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


def processes(machine: Any) -> list[str]:
    """The daemon's first, then its children's."""
    pid = machine.show("MainPID")
    return [pid, *machine.do(f"cat /proc/{pid}/task/{pid}/children").split()]


def status_of(machine: Any, pid: str, name: str) -> str:
    return str(machine.do(f"sed -n 's/^{name}:[[:space:]]*//p' /proc/{pid}/status")).strip()


def test_started_means_ready(machine: Any) -> None:
    # `systemctl enable --now` has returned, and a Type=notify unit is active only once it said so.
    assert machine.show("ActiveState") == "active"
    assert machine.show("Type") == "notify"
    assert machine.monitor("status")["source"] == "daemon"


def test_systemctl_status_says_how_it_is(machine: Any) -> None:
    line = machine.wait(lambda: re.search("lag .*", machine.show("StatusText")) and machine.show("StatusText"), "lag")

    assert re.fullmatch(r"1 check, no incidents, lag \d+ ms", line), line
    assert f'Status: "{line.split(", lag")[0]}' in machine.do("systemctl status --no-pager monitor")


def test_the_sandbox_holds_and_nothing_in_it_is_missed(machine: Any) -> None:
    pid = machine.show("MainPID")

    assert status_of(machine, pid, "CapBnd") == "0000000000000000"
    assert status_of(machine, pid, "NoNewPrivs") == "1"
    assert status_of(machine, pid, "Seccomp") == "2"
    assert status_of(machine, pid, "Uid").split()[0] != "0"
    # pandas under MemoryDenyWriteExecute= and the system call filter
    machine.wait(lambda: re.search(r"baselines: \d+ fitted", machine.journal()), "the fitting process has ended well")
    assert not re.search("WARNING|ERROR|not permitted", machine.journal()), machine.journal()


def test_the_boot_is_known_in_spite_of_the_sandbox(machine: Any) -> None:
    read = "import sqlite3; print(sqlite3.connect('/var/lib/watchkeeper/ledger.sqlite')"
    query = "select value from meta where key = 'timeline'"
    kept = json.loads(machine.do(f'python3 -c "{read}.execute(\\"{query}\\").fetchone()[0])"'))

    # The kernel's: systemd-nspawn shows one of its own in its place, but not in the sandbox's /proc.
    assert kept["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_an_outage_is_an_incident_in_the_journal_and_in_the_status(machine: Any) -> None:
    machine.target_answers(503)

    machine.wait(lambda: "1 incident (SEV2 orders-service)" in machine.show("StatusText"), "the status names it")
    assert re.search(r"orders-service: pending => open \(SEV2\), breached for ", machine.journal())
    assert machine.incident()["state"] == "open"


def test_the_secret_is_used_and_shown_nowhere(machine: Any) -> None:
    credentials = machine.do("ls -l /run/credentials/monitor.service")
    assert re.search(r"^-r--------.* secrets_token$", credentials, re.MULTILINE), credentials

    # Root's command reads it beside the configuration; the daemon, which may not look there, compares it with its own.
    machine.do("/opt/watchkeeper/bin/monitor incident ack INC-0001 --by me")

    for pid in processes(machine):
        assert machine.token not in machine.do(f"tr '\\0' ' ' </proc/{pid}/environ")
    assert machine.token not in machine.do("journalctl --no-pager -o json")
    assert machine.token not in machine.do("systemctl show monitor; systemctl status --no-pager -l monitor")


def test_a_restart_goes_on_with_the_incident(machine: Any) -> None:
    before = machine.incident()

    machine.do("systemctl restart monitor")

    assert machine.incident()["id"] == before["id"]
    assert machine.incident()["state"] == "open"
    assert machine.incident()["acknowledged_by"] == "me"
    machine.wait(lambda: "1 incident (SEV2 orders-service)" in machine.show("StatusText"), "the status names it")


def test_a_loop_that_is_stuck_is_killed_and_the_next_one_goes_on_with_the_incident(machine: Any) -> None:
    before = machine.incident()
    machine.write("/etc/systemd/system/monitor.service.d/impatient.conf", "[Service]\nWatchdogSec=4\n")
    machine.do("systemctl daemon-reload && systemctl restart monitor")
    stuck = processes(machine)
    # Fed by the turns of the loop, it lives for longer than the watchdog waits.
    began = machine.show("ActiveEnterTimestampMonotonic")
    machine.wait(lambda: float(machine.do("cut -d' ' -f1 /proc/uptime")) > int(began) / 1e6 + 6, "six seconds pass")
    assert machine.show("MainPID") == stuck[0]

    machine.do("systemctl kill --kill-whom=main --signal=STOP monitor")

    machine.wait(lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active", "a new daemon")
    said = machine.journal()
    assert "Watchdog timeout (limit 4s)!" in said
    assert "Failed with result 'watchdog'" in said
    assert "Fatal Python error: Aborted" in said
    assert not set(stuck) & set(processes(machine))
    assert machine.incident()["id"] == before["id"]
    assert machine.incident()["state"] == "open"


def test_killed_it_is_back_and_goes_on_with_the_incident(machine: Any) -> None:
    before, killed = machine.incident(), processes(machine)

    machine.do("systemctl kill --kill-whom=main --signal=KILL monitor")

    machine.wait(lambda: machine.show("NRestarts") == "2" and machine.show("ActiveState") == "active", "a new daemon")
    assert not set(killed) & set(processes(machine))
    assert machine.incident()["id"] == before["id"]


def test_it_stops_within_six_seconds_in_the_middle_of_an_incident(machine: Any) -> None:
    left = processes(machine)

    began = time.monotonic()
    machine.do("systemctl stop monitor")
    took = time.monotonic() - began

    assert took < 6.0
    assert machine.show("Result") == "success"
    assert machine.show("ExecMainStatus") == "0"
    assert all(machine.run(f"test -d /proc/{pid}").returncode != 0 for pid in left)


def test_after_the_three_commands_of_an_upgrade_the_new_version_goes_on_with_the_incident(machine: Any) -> None:
    machine.do("systemctl start monitor")
    before = machine.incident()
    for file in ("pyproject.toml", "monitor/__init__.py"):
        machine.do(f'grep -q \'"0.1.0"\' {file} && sed -i \'s/"0.1.0"/"0.1.1"/\' {file}', machine.checkout)

    for command in machine.commands("Upgrade"):
        machine.do(command, machine.checkout)

    assert machine.monitor("status")["version"] == "0.1.1"
    assert machine.incident()["id"] == before["id"]
    assert machine.incident()["state"] == "open"


def test_a_reload_takes_the_new_configuration_and_keeps_the_process_and_the_incident(machine: Any) -> None:
    before, pid = machine.incident(), machine.show("MainPID")
    config = json.loads(machine.read("/etc/watchkeeper/config.yaml"))
    config["services"]["search"] = {"checks": {"live": "http://127.0.0.1:8080/"}}
    machine.write("/etc/watchkeeper/config.yaml", json.dumps(config))

    machine.do("systemctl reload monitor")

    machine.wait(lambda: machine.show("StatusText").startswith("2 checks, "), "the new check is watched")
    assert machine.show("MainPID") == pid
    assert machine.show("ActiveState") == "active"
    assert machine.incident()["id"] == before["id"]


def test_a_reload_of_a_wrong_configuration_changes_nothing(machine: Any) -> None:
    pid = machine.show("MainPID")
    machine.write("/etc/watchkeeper/config.yaml", "services: {search: {chekcs: {}}}\n")

    machine.do("systemctl reload monitor")

    machine.wait(lambda: "Did you mean checks?" in machine.journal(), "what is wrong is in the journal")
    machine.wait(lambda: machine.show("ActiveState") == "active", "it has ended its reload")
    assert machine.show("MainPID") == pid
    assert machine.show("StatusText").startswith("2 checks, ")


@pytest.mark.parametrize("unit", ["monitor.service", "monitor-mitigate@.service"])
def test_systemd_finds_little_that_a_unit_is_exposed_to(unit: str, machine: Any) -> None:
    machine.write("/etc/watchkeeper/mitigations/rollback", "#!/bin/sh\n", 0o755)

    assert exposure(UNITS / unit) <= 1.2
    assert machine.do(f"systemd-analyze verify /etc/systemd/system/{unit.replace('@.', '@rollback.')} 2>&1") == ""


def test_a_mitigation_runs_without_arguments_and_with_no_right_but_what_was_granted(machine: Any) -> None:
    program = '#!/bin/sh\necho "$# arguments, user $USER"\ntouch /etc/mine || echo no right\ncat /srv/for-backup\n'
    machine.write("/srv/for-backup", "what only a group may read\n", 0o040)
    machine.do("chgrp backup /srv/for-backup")
    machine.write("/etc/watchkeeper/mitigations/rollback", program, 0o755)

    assert machine.run("systemctl start monitor-mitigate@rollback").returncode != 0

    said = machine.journal("monitor-mitigate@rollback")
    assert "0 arguments, user monitor-mitigate" in said
    assert "no right" in said
    assert "what only a group may read" not in said
    assert not (machine.root / "etc" / "mine").exists()

    rights = "/etc/systemd/system/monitor-mitigate@rollback.service.d/rights.conf"
    machine.write(rights, "[Service]\nSupplementaryGroups=backup\n")
    machine.do("systemctl daemon-reload && systemctl start monitor-mitigate@rollback")

    assert "what only a group may read" in machine.journal("monitor-mitigate@rollback")


@pytest.mark.parametrize("name", ["unheard-of", "..", "broken"])
def test_a_mitigation_that_fails_or_is_none_says_so_to_whoever_started_it(name: str, machine: Any) -> None:
    machine.write("/etc/watchkeeper/mitigations/broken", "#!/bin/sh\nexit 7\n", 0o755)

    done = machine.run(f"systemctl start monitor-mitigate@{name}")

    assert done.returncode != 0
    assert f"Job for monitor-mitigate@{name}.service failed" in done.stderr
    assert machine.run("systemctl --failed --no-legend --plain").stdout.count("monitor-mitigate") == 0
