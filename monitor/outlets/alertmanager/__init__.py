"""An incident as an alert of an Alertmanager, so that the silences and routes that are there apply to it."""
