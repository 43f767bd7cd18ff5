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
    assert exposure(UNITS / unit) <= 1.2
    # A colon would be read as the beginning of another name for the file.
    assert machine.do(f"systemd-analyze verify /etc/systemd/system/{unit.replace('@.', '@rollback.')} 2>&1") == ""


ROLLBACK = """#!/bin/sh
echo "$# arguments: $1, user $USER"
touch /etc/mine || echo no right
cat /srv/for-backup
"""
GRANTED = "monitor-mitigate@orders-service:rollback"


def timeline(machine: Any, name: str) -> list[str]:
    """The texts of the incident's events of that name."""
    events = machine.monitor("incident show INC-0001")["events"]
    return [event["text"] for event in events if event["name"] == name]


def test_a_mitigation_that_nobody_has_enabled_is_not_run_and_the_timeline_says_how_to_enable_it(machine: Any) -> None:
    machine.write("/srv/rollback", ROLLBACK, 0o755)
    machine.write("/srv/for-backup", "what only a group may read\n", 0o040)
    machine.do("chgrp backup /srv/for-backup")
    run = {"run": ["/srv/rollback", "to 1.4.1"], "run_by": "unit"}
    machine.configure(mitigations={"rollback": run, "broken": {"run": "/bin/false", "run_by": "unit"}})
    machine.target_answers(503)
    machine.wait(lambda: "1 incident" in machine.show("StatusText"), "it is open")

    machine.do("/opt/watchkeeper/bin/monitor incident mitigate 1 rollback --yes --by Ada")

    [said] = machine.wait(lambda: timeline(machine, "incident.mitigation_ended"), "that nothing was run")
    assert "was not run: no unit took it within 30 s" in said
    assert f"systemctl enable --now '{GRANTED}.path'" in said
    assert machine.run("ls /run/watchkeeper/*.request").returncode != 0


def test_an_approved_mitigation_is_run_by_its_unit_with_no_right_but_what_was_granted(machine: Any) -> None:
    machine.do(f"systemctl enable --now '{GRANTED}.path'")

    machine.do("/opt/watchkeeper/bin/monitor incident mitigate 1 rollback --yes --by Ada")

    machine.wait(lambda: len(timeline(machine, "incident.mitigation_ended")) == 2, "it has ended")
    said = timeline(machine, "incident.mitigation_ended")[-1]
    assert "rollback of orders-service for Ada ended with exit code 1" in said
    assert "1 arguments: to 1.4.1, user monitor-mitigate" in said
    assert "no right" in said
    assert "what only a group may read" not in said
    assert not (machine.root / "etc" / "mine").exists()
    assert "1 arguments: to 1.4.1" in machine.journal(f"'{GRANTED}'")

    machine.write(f"/etc/systemd/system/{GRANTED}.service.d/rights.conf", "[Service]\nSupplementaryGroups=backup\n")
    machine.do("systemctl daemon-reload")
    machine.do("/opt/watchkeeper/bin/monitor incident mitigate 1 rollback --yes --by Ada")

    machine.wait(lambda: len(timeline(machine, "incident.mitigation_ended")) == 3, "it has ended")
    said = timeline(machine, "incident.mitigation_ended")[-1]
    assert "ended with exit code 0" in said
    assert "what only a group may read" in said


def test_without_a_persons_approval_a_unit_runs_nothing(machine: Any) -> None:
    before = machine.journal(f"'{GRANTED}'").count("arguments: to")

    machine.do(f"systemctl start '{GRANTED}'")  # by hand: there is no request, so it is skipped
    machine.do(f"echo made-up >'/run/watchkeeper/{GRANTED.partition('@')[2]}.request'")

    machine.wait(lambda: "the monitor did not say yes" in machine.journal(f"'{GRANTED}'"), "it asked, and heard no")
    assert machine.journal(f"'{GRANTED}'").count("arguments: to") == before
    machine.do(f"rm '/run/watchkeeper/{GRANTED.partition('@')[2]}.request'")
    machine.wait(lambda: machine.show("ActiveState", f"'{GRANTED}'") in ("failed", "inactive"), "it has ended")
    assert machine.show("ActiveState", f"'{GRANTED}.path'") == "active"  # and sees the next approval


def test_a_mitigation_outlives_a_monitor_that_is_killed_and_the_next_is_told_of_its_end(machine: Any) -> None:
    machine.write(
        "/srv/rollback", "#!/bin/sh\necho once >>/tmp/ran; sleep 5; echo rolled back, `wc -l </tmp/ran`\n", 0o755
    )
    machine.do("/opt/watchkeeper/bin/monitor incident mitigate 1 rollback --yes --by Ada")
    machine.wait(lambda: machine.show("SubState", f"'{GRANTED}'") == "start", "it is running")
    approvals = len(timeline(machine, "incident.mitigation_approved"))
    machine.wait(lambda: len(timeline(machine, "incident.mitigation_started")) == approvals - 1, "it had our yes")

    machine.do("systemctl kill --kill-whom=main --signal=KILL monitor")

    machine.wait(
        lambda: len(timeline(machine, "incident.mitigation_ended")) == approvals, "the next monitor tells of it"
    )
    said = timeline(machine, "incident.mitigation_ended")[-1]
    assert "ended with exit code 0" in said
    assert "rolled back, 1" in said
    assert len(timeline(machine, "incident.mitigation_approved")) == approvals
