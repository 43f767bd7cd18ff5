"""Watchkeeper: stands watch over services and keeps the log."""

__version__ = "0.1.0"
