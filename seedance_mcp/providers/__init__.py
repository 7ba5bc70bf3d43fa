"""Every provider, best known first.

A provider may also live in a package of its own, which names its `ProviderSpec` in the entry point group
`seedance_mcp.providers`; nothing here changes then.

How to add one:

1. Copy the nearest provider file; fill its `SPEC` from the provider's own pages and link every quirk.
2. Save one reply per status and one error under `tests/providers/replies/<id>/`, each with its source.
3. Add the import and the entry in `PROVIDERS` below.
4. Run `just golden`: schemas, tables and settings follow from `PROVIDERS`.
"""

import logging
from functools import cache

from seedance_mcp.providers import aihubmax, demo, kinovi, oxen, seedance2_ink, uniall
from seedance_mcp.providers.installed import installed_providers
from seedance_mcp.providers.spec import ProviderSpec

logger = logging.getLogger(__name__)

PROVIDERS: tuple[ProviderSpec, ...] = (
    seedance2_ink.SPEC,
    kinovi.SPEC,
    aihubmax.SPEC,
    oxen.SPEC,
    uniall.SPEC,
)
DEMO: ProviderSpec = demo.SPEC
"""Never chosen by itself next to a real key."""


@cache
def all_providers() -> tuple[ProviderSpec, ...]:
    """The built-in providers, then those of installed packages that are not called like one before them."""
    found = {spec.id: spec for spec in PROVIDERS}
    for spec in installed_providers():
        if spec.id == DEMO.id or found.setdefault(spec.id, spec) is not spec:
            logger.warning("an installed provider is left out: there is another one called %s", spec.id)
    return tuple(found.values())
