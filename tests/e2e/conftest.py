import gc
import logging
from collections.abc import Generator
from pathlib import Path

import pytest
from real_provider import Provider, provider_on_a_port


@pytest.fixture
def provider(rendered: Path) -> Generator[Provider]:
    with provider_on_a_port(rendered) as provider:
        yield provider


@pytest.fixture
def environment(provider: Provider, tmp_path: Path) -> dict[str, str]:
    """A server's variables: both providers configured, everything in folders of this test."""
    return provider.environment(tmp_path)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Generator[None]:
    """Lets a test call `cli.main`, which takes over the garbage collector and the root logger of its process."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    gc.unfreeze()
    gc.enable()
