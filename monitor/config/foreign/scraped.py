"""Which targets Prometheus has blackbox_exporter asked for, and with which module: its scrape configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.config.document import Group
from monitor.config.foreign import durations
from monitor.config.foreign.place import Place
from monitor.config.foreign.told import Told
from monitor.config.problems import quote

_DEFAULT_INTERVAL: Final = 60.0
_JOB: Final = (
    "job_name", "metrics_path", "params", "static_configs", "scrape_interval", "scrape_timeout", "relabel_configs",
    "metric_relabel_configs", "scheme", "honor_labels", "honor_timestamps",
)  # fmt: skip
"""What is read, and what is of asking the exporter or of the metrics that come of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Attributes:
        at: Where the target stands.
        service: What it is a check of; empty when nothing says so.
        every: Seconds.
    """

    at: Place
    module: str
    target: str
    service: str = ""
    every: float = _DEFAULT_INTERVAL


def targets_of(root: Group, told: Told) -> list[Asked]:
    """The targets of all jobs of a configuration of Prometheus that ask a blackbox_exporter."""
    whole = Place(root, told)
    shared = whole.get("global")
    every = durations.prometheus_seconds(shared.string("scrape_interval")) if shared else None
    jobs = whole.get("scrape_configs")
    found: list[Asked] = []
    for job in jobs.items() if jobs else ():
        name = job.string("job_name") if job.is_group else ""
        job = job.called(f"job {quote(name)}" if name else job.shown)
        params = job.get("params")
        module = _only(params, "module")
        if not job.string("metrics_path").endswith("/probe") or module is None:
            continue  # it asks something else
        interval = durations.prometheus_seconds(job.string("scrape_interval")) or every or _DEFAULT_INTERVAL
        for key in params.names() if params else ():
            if key not in ("module", "target", "debug") and params and (other := params.get(key)):
                other.leave_out("is not carried over", "Write what it means under the check.")
        job.tell_others((*_JOB, *_discovery(job)))
        found += [Asked(at, module, target, name, interval) for at, target in _targets(job, params)]
    return found


def _targets(job: Place, params: Place | None) -> list[tuple[Place, str]]:
    target = params.get("target") if params else None
    if params is not None and target is not None and (named := _only(params, "target")):
        return [(target, named)]
    found: list[tuple[Place, str]] = []
    configs = job.get("static_configs")
    for config in configs.items() if configs else ():
        if labels := config.get("labels"):
            labels.leave_out("is not carried over", "Write tags: under the service.")
        targets = config.get("targets")
        found += [(one, text) for one in targets.items() if (text := one.plain())] if targets else []
    for key in _discovery(job):
        if discovery := job.get(key):
            discovery.refuse("its targets are found while Prometheus runs", "Name them with --target MODULE=TARGET.")
    return found


def _discovery(job: Place) -> list[str]:
    return [key for key in job.names() if key.endswith("_sd_configs")]


def _only(params: Place | None, key: str) -> str | None:
    """The first value of a parameter of a URL, which is a list."""
    given = params.get(key) if params else None
    values = [place.text() or "" for place in given.items()] if given else []
    return values[0].strip() if values else None
