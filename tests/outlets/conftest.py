from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from vendors import ADF, Adf, published


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What was logged at INFO or above, one line each."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(sink)


@pytest.fixture(scope="session")
def vendors_cache(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.cache.mkdir("vendors"))


@pytest.fixture(scope="session")
def adf(vendors_cache: Path) -> Adf:
    return Adf(published(vendors_cache, ADF))
