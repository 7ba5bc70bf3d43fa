"""The user's own spending limits."""

from dataclasses import dataclass

from seedance_mcp.domain.cost import UNKNOWN_PRICE, Estimate, money
from seedance_mcp.domain.errors import SpendLimitError
from seedance_mcp.domain.task import Candidate, Task

DAY_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingLimits:
    """Set by the operator; None is no limit."""

    confirm_above_usd: float | None = None
    daily_budget_usd: float | None = None

    @property
    def any(self) -> bool:
        return self.confirm_above_usd is not None or self.daily_budget_usd is not None


def day_start(now: float) -> float:
    """The beginning of the UTC day."""
    return now - now % DAY_S


def check_price(chosen: Candidate, limits: SpendingLimits, max_cost_usd: float | None) -> str | None:
    """Refuses a create that needs the user's word first; the note to add when it may go on without a known price.

    Raises:
        SpendLimitError: Call again with `max_cost_usd`.
    """
    ceiling = chosen.estimate.ceiling_usd
    if ceiling is None:
        return _unknown_price(chosen, limits, max_cost_usd)
    above = limits.confirm_above_usd
    if max_cost_usd is None and above is not None and ceiling > above:
        raise SpendLimitError(
            f"This video would cost {describe(chosen.estimate)} at {chosen.provider}; above {money(above)} the user is "
            f"asked first. Ask, then call create_video again with max_cost_usd={ceiling:g}. Nothing was sent."
        )
    return None


def _unknown_price(chosen: Candidate, limits: SpendingLimits, max_cost_usd: float | None) -> str | None:
    if max_cost_usd is not None:
        return (
            f"{chosen.provider} publishes no price, so the server cannot enforce max_cost_usd={max_cost_usd:g} there; "
            "that sum is reserved."
        )
    if limits.any:
        raise SpendLimitError(
            f"{chosen.provider} publishes no price, and a spending limit is set. Ask the user what it may cost, then "
            "call create_video again with max_cost_usd. Nothing was sent."
        )
    return None


def over_budget(task: Task, spent_usd: float, limits: SpendingLimits) -> SpendLimitError:
    """The refusal of a create that today's budget has no room for."""
    return SpendLimitError(
        f"Today's budget is {money(limits.daily_budget_usd or 0)} and {money(spent_usd)} of it is spent or reserved; "
        f"this video would cost {describe(task.estimate or UNKNOWN_PRICE)} at {task.provider}. Choose a "
        "cheaper one, wait until tomorrow (UTC), or raise SEEDANCE_DAILY_BUDGET_USD. Nothing was sent."
    )


def describe(estimate: Estimate) -> str:
    """An estimate in words: `$1.00 (200 credits)`, `$0.80 to $3.00`, `an unknown price`."""
    if estimate.usd is None:
        if estimate.credits is None:
            return "an unknown price"
        return f"{_range(estimate.credits, estimate.credits_max)} credits"
    text = money(estimate.usd)
    if estimate.usd_max is not None:
        text += f" to {money(estimate.usd_max)}"
    return text + (f" ({_range(estimate.credits, estimate.credits_max)} credits)" if estimate.credits else "")


def _range(low: float, high: float | None) -> str:
    return f"{low:g}" if high is None else f"{low:g} to {high:g}"
