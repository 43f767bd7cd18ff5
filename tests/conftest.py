"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A test never asserts a time, and on a busy machine one example of a property may take any.
settings.register_profile("watchkeeper", deadline=None)
settings.load_profile("watchkeeper")
