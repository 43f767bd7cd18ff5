"""What Watchkeeper tells of itself and of its probes, over OTLP: one span per attempt, metrics, and events."""

from monitor.telemetry.facade import Sent, Telemetry, TelemetryStats

__all__ = ["Sent", "Telemetry", "TelemetryStats"]
