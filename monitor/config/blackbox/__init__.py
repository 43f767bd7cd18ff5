"""A modules file of blackbox_exporter, read as strictly as that tool reads it: what `GET /probe` asks by."""
