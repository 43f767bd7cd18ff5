"""What of a service is read from Prometheus, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from monitor.config import Config, Service, Traffic
from monitor.sources.prometheus import Prometheus
from monitor.sources.traffic import TrafficQueries, TrafficReader


def readers_of(services: Iterable[Service], client: Prometheus) -> list[TrafficReader]:
    return [TrafficReader(service.name, queries_of(service), client) for service in services if is_read(service)]


def queries_of(service: Service) -> TrafficQueries:
    traffic = service.traffic
    if traffic is None:
        return TrafficQueries(deploys=service.deploys, data_loss=service.data_loss)
    if not reads_traffic(service):
        return TrafficQueries(queue_depth=traffic.queue_depth, deploys=service.deploys, data_loss=service.data_loss)
    return TrafficQueries(
        requests=traffic.requests,
        errors=traffic.errors,
        latency=traffic.latency,
        queue_depth=traffic.queue_depth,
        deploys=service.deploys,
        data_loss=service.data_loss,
    )


def traffic_of(config: Config, service: str) -> Traffic | None:
    return config.services[service].traffic if service in config.services else None


def deploys_of(config: Config, service: str) -> str | None:
    return config.services[service].deploys if service in config.services else None


def data_loss_of(config: Config, service: str) -> Mapping[str, str]:
    return config.services[service].data_loss if service in config.services else {}


def is_read(service: Service) -> bool:
    """Whether anything is asked of Prometheus every half minute."""
    return reads_traffic(service) or reads_queue(service) or service.deploys is not None or bool(service.data_loss)


def reads_queue(service: Service) -> bool:
    return service.traffic is not None and service.traffic.queue_depth is not None


def reads_traffic(service: Service) -> bool:
    return service.traffic is not None and service.traffic.requests is not None


def reading_interval(config: Config) -> timedelta:
    """Half a minute, or as often as the quickest check, so that a shortened test or demo sees its traffic too."""
    quickest = min((timedelta(seconds=check.interval) for check in config.all_checks()), default=timedelta(seconds=30))
    return min(timedelta(seconds=30), max(quickest, timedelta(seconds=1)))
