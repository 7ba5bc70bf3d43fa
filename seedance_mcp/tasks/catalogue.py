"""The providers this server may use, and what is wrong with the others."""

from collections.abc import Collection, Mapping, Sequence

from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers.spec import ConfiguredProvider, ProviderSpec


class Catalogue:
    """Configured providers in the operator's order. `unfilled` maps a key variable to the placeholder found in it."""

    def __init__(
        self,
        configured: Sequence[ConfiguredProvider],
        known: Sequence[ProviderSpec],
        *,
        unfilled: Mapping[str, str] | None = None,
        order_is_chosen: bool = False,
        left_out: Collection[str] = (),
    ) -> None:
        self._configured = {provider.spec.id: provider for provider in configured}
        self._known = {spec.id: spec for spec in known}
        self._unfilled = dict(unfilled or {})
        self.order_is_chosen = order_is_chosen
        self._left_out = frozenset(left_out)

    @property
    def configured(self) -> tuple[ConfiguredProvider, ...]:
        return tuple(self._configured.values())

    def offered(self, named: str | None) -> tuple[ConfiguredProvider, ...]:
        """Who comes into question: the named one, or everybody; one without a key is never chosen beside a real one."""
        if named is not None:
            return tuple(provider for provider in self.configured if provider.spec.id == named)
        return tuple(provider for provider in self.configured if provider.spec.key_variable) or self.configured

    @property
    def specs(self) -> tuple[ProviderSpec, ...]:
        """What tool schemas are derived from: the configured providers, or all known ones when there is none."""
        return tuple(provider.spec for provider in self.configured) or tuple(self._known.values())

    @property
    def known(self) -> tuple[ProviderSpec, ...]:
        return tuple(self._known.values())

    @property
    def origins(self) -> frozenset[str]:
        """Origins of the base URLs that the operator set, which may be loopback or private."""
        return frozenset[str]().union(*(provider.trusted_origins for provider in self.configured))

    def get(self, provider_id: str) -> ConfiguredProvider | None:
        return self._configured.get(provider_id)

    def spec(self, provider_id: str) -> ProviderSpec | None:
        """Also that of a provider which is no longer configured."""
        provider = self._configured.get(provider_id)
        return provider.spec if provider else self._known.get(provider_id)

    def notes_on(self, provider_id: str, model_name: str | None, request: VideoRequest) -> tuple[str, ...]:
        """What the caller should know about such a video there."""
        spec = self.spec(provider_id)
        model = spec.model_for(model_name) if spec else None
        return spec.notes_on(request, model) if spec and model else ()

    def why_not(self, provider_id: str) -> tuple[bool, str] | None:
        """Why this provider cannot be used (None: it can), and whether a missing key is the reason."""
        if provider_id in self._configured:
            return None
        spec = self._known.get(provider_id)
        if spec is None:
            return False, (
                f"There is no provider {provider_id!r}. Known: {', '.join(self._known)}. Leave provider out to let the "
                "server choose."
            )
        if spec.key_variable is None:
            return False, f"{spec.id} is switched off beside real keys. Set SEEDANCE_DEMO=1 where the server runs."
        if spec.key_variable in self._unfilled:
            return True, (
                f"{spec.id} has no API key: {spec.key_variable} holds the unfilled placeholder "
                f"{self._unfilled[spec.key_variable]!r}. Put the key itself there.{self._others()}"
            )
        if spec.id in self._left_out:
            return (
                False,
                f"SEEDANCE_PROVIDERS leaves {spec.id} out. Name it there, where the server runs.{self._others()}",
            )
        return True, (
            f"{spec.id} has no API key. Set {spec.key_variable} where the server runs, and start it "
            f"again.{self._others()}"
        )

    def nothing_configured(self) -> str:
        """What to do when no provider can be used at all."""
        if self._unfilled:
            held = ", ".join(f"{name} holds {value!r}" for name, value in self._unfilled.items())
            return f"No provider can be used: {held}, an unfilled placeholder. Put the key itself there."
        names = ", ".join(spec.key_variable for spec in self._known.values() if spec.key_variable)
        return f"No provider can be used. Set one of {names} where the server runs."

    def _others(self) -> str:
        names = ", ".join(self._configured)
        return f" Or use a provider that has one: {names}." if names else ""
