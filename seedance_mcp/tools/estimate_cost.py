"""estimate_cost: who could make a video, for how much, and why the others cannot. Free, and sends nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp_types import CallToolResult, TextContent, ToolAnnotations

from seedance_mcp.domain.cost import Estimate
from seedance_mcp.domain.errors import SetupError
from seedance_mcp.domain.task import Candidate
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tasks.budget import describe
from seedance_mcp.tasks.plan import Survey, problems_with, refusal_of, survey
from seedance_mcp.tools.app import Call
from seedance_mcp.tools.arguments import video_request
from seedance_mcp.tools.boundary import ToolSpec
from seedance_mcp.tools.parameters import video_parameters
from seedance_mcp.tools.schema import output_schema

NOT_PRICED = frozenset({"seed"})


def estimate_cost(specs: Sequence[ProviderSpec], elsewhere: Mapping[str, tuple[str, ...]]) -> ToolSpec:
    return ToolSpec(
        name="estimate_cost",
        title="Estimate the cost of a video",
        description="What create_video would cost, at every provider that can make it, cheapest first. Free.",
        parameters=tuple(
            replace(parameter, description="As there.")
            for parameter in video_parameters(specs)
            if parameter.name not in NOT_PRICED
        ),
        offered_elsewhere=elsewhere,
        output=output_schema(["estimates", "cannot"], estimates="object[]", cannot="object[]"),
        annotations=ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
        ),
        run=run,
    )


async def run(call: Call) -> CallToolResult:
    catalogue = call.app.catalogue
    if not catalogue.configured:
        raise SetupError(catalogue.nothing_configured())
    request = video_request(call.arguments)
    if not request.prompt:
        # What it costs does not depend on the words.
        request = replace(request, prompt="-")
    problems = [problem for problem in call.arguments.problems if "needs prompt" not in problem]
    if request.provider is not None and catalogue.why_not(request.provider):
        problems.extend(problems_with(request, catalogue))
    if problems:
        raise refusal_of(request, tuple(problems), catalogue)
    tasks = await call.app.tasks()
    book = await tasks.price_book(call.owner, request)
    found = survey(request, catalogue, book.estimate)
    return CallToolResult(
        content=[TextContent(type="text", text=_text(found))],
        structured_content={
            "estimates": [_row(candidate) for candidate in _cheapest_first(found)],
            "cannot": [{"provider": provider, "problems": list(why)} for provider, why in found.cannot],
        },
    )


def _cheapest_first(found: Survey) -> list[Candidate]:
    def price(candidate: Candidate) -> tuple[bool, float]:
        ceiling = candidate.estimate.ceiling_usd
        return ceiling is None, ceiling or 0.0

    return sorted(found.candidates, key=price)


def _row(candidate: Candidate) -> dict[str, Any]:
    estimate = candidate.estimate
    facts = {
        "provider": candidate.provider,
        "model": candidate.model,
        "usd": estimate.usd,
        "usd_max": estimate.usd_max,
        "credits": estimate.credits,
        "basis": estimate.basis,
        "as_of": estimate.as_of,
        "note": _note(estimate),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _note(estimate: Estimate) -> str | None:
    """With the whole range where only its lower end has a field of its own."""
    if estimate.credits_max is None:
        return estimate.note
    credit_range = f"{estimate.credits:g} to {estimate.credits_max:g} credits"
    return f"{credit_range}; {estimate.note}" if estimate.note else credit_range


def _text(found: Survey) -> str:
    cheapest_first = _cheapest_first(found)
    unknown = [one for one in cheapest_first if one.estimate.basis == "unknown"]
    lines = [
        f"{one.provider}, {one.model}: {describe(one.estimate)} ({one.estimate.basis})"
        + (f"; {one.estimate.note}" if one.estimate.note else "")
        for one in cheapest_first
        if one not in unknown
    ]
    for note in dict.fromkeys(one.estimate.note for one in unknown):
        names = ", ".join(f"{one.provider} ({one.model})" for one in unknown if one.estimate.note == note)
        lines.append(f"Price unknown: {names}" + (f"; {note}" if note else ""))
    lines += [f"{provider} cannot: {' '.join(why)}" for provider, why in found.cannot]
    return "\n".join(lines)
