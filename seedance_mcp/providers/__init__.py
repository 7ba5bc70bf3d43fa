"""Every provider, best known first.

How to add one:

1. Copy the nearest provider file; fill its `SPEC` from the provider's own pages and link every quirk.
2. Save one reply per status and one error under `tests/providers/replies/<id>/`, each with its source.
3. Add the import and the entry in `PROVIDERS` below.
4. Run `just golden`: schemas, tables and settings follow from `PROVIDERS`.
"""

from seedance_mcp.providers import demo, kinovi, seedance2_ink
from seedance_mcp.providers.spec import ProviderSpec

PROVIDERS: tuple[ProviderSpec, ...] = (seedance2_ink.SPEC, kinovi.SPEC)
DEMO: ProviderSpec = demo.SPEC
"""Never chosen by itself next to a real key."""
