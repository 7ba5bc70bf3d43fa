"""Who can make a request, and who shall: model first, then the provider."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from seedance_mcp.domain.cost import UNKNOWN_PRICE, Estimate, money
from seedance_mcp.domain.errors import InvalidRequestError, SetupError, SpendLimitError
from seedance_mcp.domain.model import ModelSpec, one_of
from seedance_mcp.domain.task import Candidate
from seedance_mcp.domain.video import MODELS, VideoRequest
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tasks.catalogue import Catalogue

PriceOf = Callable[[VideoRequest, ProviderSpec, ModelSpec], Estimate]


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


def survey(request: VideoRequest, catalogue: Catalogue, price: PriceOf) -> Survey:
    """Checks the request against every provider that comes into question, with every model that does."""
    candidates: list[Candidate] = []
    cannot: list[tuple[str, tuple[str, ...]]] = []
    for provider in catalogue.offered(request.provider):
        able = _candidates(request, provider.spec, price)
        candidates.extend(able)
        if not able:
            cannot.append((provider.spec.id, _fewest_problems(request, provider.spec)))
    return Survey(candidates=tuple(candidates), cannot=tuple(cannot))


def problems_with(request: VideoRequest, catalogue: Catalogue) -> tuple[str, ...]:
    """Why nobody can make the request as asked; empty when somebody can. Names who could do it instead."""
    if request.provider is not None and (reason := catalogue.why_not(request.provider)):
        return (reason[1],)
    found = survey(request, catalogue, _no_price)
    if found.candidates or not found.problems:
        return ()
    return (*found.problems, *_others_who_could(request, catalogue), *_nearest(found))


def make_plan(request: VideoRequest, catalogue: Catalogue, price: PriceOf, max_cost_usd: float | None) -> Plan:
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
    affordable = _affordable(survey(request, catalogue, price).candidates, max_cost_usd)
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


def _no_price(_request: VideoRequest, _spec: ProviderSpec, _model: ModelSpec) -> Estimate:
    return UNKNOWN_PRICE


def _candidates(request: VideoRequest, spec: ProviderSpec, price: PriceOf) -> list[Candidate]:
    return [
        Candidate(provider=spec.id, model=model.model, estimate=price(request, spec, model))
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
    able = survey(replace(request, provider=None), catalogue, _no_price).candidates
    names = tuple(dict.fromkeys(candidate.provider for candidate in able))
    return (f"{one_of(names)} can make it as asked: leave provider out or name it.",) if names else ()


def _nearest(found: Survey) -> tuple[str, ...]:
    """Who needs the fewest changes, where several providers were asked."""
    if len(found.cannot) < 2:
        return ()
    (provider, problems), (_, next_problems), *_ = sorted(found.cannot, key=lambda row: len(row[1]))
    if len(problems) == len(next_problems):
        return ()
    changes = "one change" if len(problems) == 1 else f"{len(problems)} changes"
    return (f"Nearest is {provider}: {changes}, as it says above.",)


def _affordable(candidates: tuple[Candidate, ...], max_cost_usd: float | None) -> list[Candidate]:
    if max_cost_usd is None:
        return list(candidates)
    priced = [one for one in candidates if one.estimate.ceiling_usd is not None]
    # Where prices are known, only they can be held against the limit; an unknown one counts where nothing else is.
    fitting = [one for one in priced if (one.estimate.ceiling_usd or 0.0) <= max_cost_usd] if priced else candidates
    if fitting:
        return list(fitting)
    cheapest = min(priced, key=_price_order)
    unpriced = tuple(dict.fromkeys(one.provider for one in candidates if one.estimate.ceiling_usd is None))
    others = f" No price is known of {one_of(unpriced)}; name it to order there." if unpriced else ""
    price = money(cheapest.estimate.ceiling_usd or 0.0)
    raise SpendLimitError(
        f"No video as asked for max_cost_usd={max_cost_usd:g}: the cheapest is {price} ({cheapest.model} at "
        f"{cheapest.provider}). Raise max_cost_usd, or "
        f"ask for a shorter or smaller video.{others} Nothing was sent."
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
