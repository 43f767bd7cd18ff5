"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A test never asserts a time, and on a busy machine one example of a property may take any.
# The same examples each time, so that the suite says the same twice; `--hypothesis-profile hunt` looks for others.
settings.register_profile("watchkeeper", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, max_examples=1000)
settings.load_profile("watchkeeper")
