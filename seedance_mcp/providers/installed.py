"""Providers of other installed packages, by the entry point group `seedance_mcp.providers`."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from seedance_mcp.providers.spec import ProviderSpec

logger = logging.getLogger(__name__)

GROUP = "seedance_mcp.providers"


def installed_providers() -> list[ProviderSpec]:
    """Every `ProviderSpec` that an installed package offers; one that cannot be loaded is left out, with a log line."""
    return [spec for folder in _folders_that_name_the_group() for spec in _offered_by(folder)]


def _offered_by(folder: Path) -> Iterator[ProviderSpec]:
    # Imported late: nobody needs it where no package offers a provider.
    from importlib.metadata import Distribution

    try:
        points = Distribution.at(folder).entry_points.select(group=GROUP)
    except Exception as error:  # noqa: BLE001  (another package's fault must not stop this server)
        logger.warning("the providers of %s cannot be read: %s: %s", folder.name, type(error).__name__, error)
        return
    for point in points:
        try:
            spec: object = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the same)
            logger.warning("provider %s cannot be loaded: %s: %s", point.value, type(error).__name__, error)
            continue
        if not isinstance(spec, ProviderSpec):
            logger.warning("provider %s is not a ProviderSpec", point.value)
        elif not (spec.models and all(model.durations and model.resolutions for model in spec.models)):
            logger.warning("provider %s names no model, or one without lengths or sizes", point.value)
        else:
            yield spec


def _folders_that_name_the_group() -> Iterator[Path]:
    """Looks for the group's name in the packages' entry point files: a full scan takes ten times as long."""
    needle = f"[{GROUP}]"
    for folder in dict.fromkeys(map(Path, sys.path)):
        for pattern in ("*.dist-info/entry_points.txt", "*.egg-info/entry_points.txt"):
            for file in sorted(folder.glob(pattern)):
                try:
                    names_it = needle in file.read_text(encoding="utf-8", errors="replace")
                except OSError:
                    continue
                if names_it:
                    yield file.parent
