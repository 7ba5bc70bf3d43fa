"""Who can make a request, and who shall: model first, then the provider."""

from dataclasses import dataclass, replace

from seedance_mcp.domain.cost import money
from seedance_mcp.domain.errors import InvalidRequestError, SetupError, SpendLimitError
from seedance_mcp.domain.model import one_of
from seedance_mcp.domain.task import Candidate
from seedance_mcp.domain.video import MODELS, VideoRequest
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tasks.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The chosen candidate, where to turn if it refuses, and the choice in a few words."""

    chosen: Candidate
    alternatives: tuple[Candidate, ...]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Every candidate that can make a request as asked, and for every other provider why not."""

    candidates: tuple[Candidate, ...]
    cannot: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """All reasons, each once."""
        return tuple(dict.fromkeys(problem for _, problems in self.cannot for problem in problems))


def survey(request: VideoRequest, catalogue: Catalogue) -> Survey:
    """Checks the request against every provider that comes into question, with every model that does."""
    candidates: list[Candidate] = []
    cannot: list[tuple[str, tuple[str, ...]]] = []
    for provider in catalogue.offered(request.provider):
        able = _candidates(request, provider.spec)
        candidates.extend(able)
        if not able:
            cannot.append((provider.spec.id, _fewest_problems(request, provider.spec)))
    return Survey(candidates=tuple(candidates), cannot=tuple(cannot))


def problems_with(request: VideoRequest, catalogue: Catalogue) -> tuple[str, ...]:
    """Why nobody can make the request as asked; empty when somebody can. Names who could do it instead."""
    if request.provider is not None and (reason := catalogue.why_not(request.provider)):
        return (reason[1],)
    found = survey(request, catalogue)
    if found.candidates or not found.problems:
        return ()
    return (*found.problems, *_others_who_could(request, catalogue))


def make_plan(request: VideoRequest, catalogue: Catalogue, max_cost_usd: float | None) -> Plan:
    """Chooses the best model that fits, then the provider.

    Raises:
        SetupError: No usable key.
        InvalidRequestError: Nobody can make it as asked.
        SpendLimitError: Nobody can make it for `max_cost_usd`.
    """
    if not catalogue.configured:
        raise SetupError(catalogue.nothing_configured())
    if problems := problems_with(request, catalogue):
        raise refusal_of(request, problems, catalogue)
    affordable = _affordable(survey(request, catalogue).candidates, max_cost_usd)
    best = next(model for model in MODELS if any(one.model == model for one in affordable))
    same_model = [candidate for candidate in affordable if candidate.model == best]
    if not catalogue.order_is_chosen:
        same_model.sort(key=_price_order)
    chosen, *others = same_model
    return Plan(
        chosen=chosen,
        alternatives=() if request.provider else tuple(others),
        reason=_reason(request, chosen, len(same_model), order_is_chosen=catalogue.order_is_chosen),
    )


def refusal_of(
    request: VideoRequest, problems: tuple[str, ...], catalogue: Catalogue
) -> InvalidRequestError | SetupError:
    """One error that says all problems at once."""
    message = problems[0] if len(problems) == 1 else "\n".join(f"- {problem}" for problem in problems)
    reason = catalogue.why_not(request.provider) if request.provider is not None else None
    if reason and reason[0] and problems == (reason[1],):
        return SetupError(f"{message} Nothing was sent.", problems=problems)
    lead = "" if len(problems) == 1 else f"{len(problems)} problems; nothing was sent and nothing was charged:\n"
    tail = " Nothing was sent and nothing was charged." if len(problems) == 1 else ""
    return InvalidRequestError(f"{lead}{message}{tail}", problems=problems)


def _candidates(request: VideoRequest, spec: ProviderSpec) -> list[Candidate]:
    return [
        Candidate(provider=spec.id, model=model.model, estimate=spec.estimate(request, model))
        for model in spec.models
        if request.model in {None, model.model} and not spec.problems(request, model)
    ]


def _fewest_problems(request: VideoRequest, spec: ProviderSpec) -> tuple[str, ...]:
    tried = [tuple(spec.problems(request, model)) for model in spec.models if request.model in {None, model.model}]
    if tried:
        return min(tried, key=len)
    offered = one_of(tuple(model.model for model in spec.models))
    return (f"{spec.id} does not offer {request.model}; it offers {offered}. Choose one of these or leave model out.",)


def _others_who_could(request: VideoRequest, catalogue: Catalogue) -> tuple[str, ...]:
    if request.provider is None:
        return ()
    able = survey(replace(request, provider=None), catalogue).candidates
    names = tuple(dict.fromkeys(candidate.provider for candidate in able))
    return (f"{one_of(names)} can make it as asked: leave provider out or name it.",) if names else ()


def _affordable(candidates: tuple[Candidate, ...], max_cost_usd: float | None) -> list[Candidate]:
    if max_cost_usd is None:
        return list(candidates)
    fitting = [one for one in candidates if (price := one.estimate.ceiling_usd) is None or price <= max_cost_usd]
    if fitting:
        return fitting
    cheapest = min(candidates, key=lambda one: one.estimate.ceiling_usd or 0)
    price = cheapest.estimate.ceiling_usd or 0
    raise SpendLimitError(
        f"No video as asked for max_cost_usd={max_cost_usd:g}: the cheapest is {money(price)} ({cheapest.model} at "
        f"{cheapest.provider}). Raise max_cost_usd, or ask for a shorter or smaller video. Nothing was sent."
    )


def _price_order(candidate: Candidate) -> tuple[bool, float]:
    price = candidate.estimate.ceiling_usd
    return price is None, price or 0.0


def _reason(request: VideoRequest, chosen: Candidate, rivals: int, *, order_is_chosen: bool) -> str | None:
    parts: list[str] = []
    if request.model is None:
        parts.append(f"{chosen.model} is the best model that fits")
    if request.provider is None and rivals > 1:
        why = "first in SEEDANCE_PROVIDERS" if order_is_chosen else _price_reason(chosen)
        parts.append(f"{chosen.provider} {why}")
    return "; ".join(parts) + "." if parts else None


def _price_reason(chosen: Candidate) -> str:
    return "is first in the list; no price is known" if chosen.estimate.usd is None else "has the lowest known price"
