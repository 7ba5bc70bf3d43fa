"""The result in words and figures."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from soak_checks import Findings
from soak_falls import STAGES, Fall
from soak_plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run came to."""

    plan: Plan
    findings: Findings
    falls: Sequence[Fall]
    kills: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """All runs of one seed."""

    outcomes: Sequence[Outcome]
    seed: int
    at_once: int
    seconds: float

    def total(self, figure: Callable[[Findings], int]) -> int:
        return sum(figure(outcome.findings) for outcome in self.outcomes)

    def share(self, is_one: Callable[[Plan], bool]) -> int:
        return sum(is_one(outcome.plan) for outcome in self.outcomes)

    @property
    def wrong(self) -> list[str]:
        """Everything that must not be, with the run it happened in."""
        return [f"{_shown(outcome.plan)}: {one}" for outcome in self.outcomes for one in outcome.findings.wrong]

    @property
    def headline(self) -> str:
        return (
            f"seed {self.seed}: {len(self.outcomes)} runs in {self.seconds:.0f} s, "
            f"{sum(outcome.kills for outcome in self.outcomes)} kills, "
            f"{self.total(lambda one: len(one.second_creates))} second creates, "
            f"{self.total(lambda one: len(one.lost))} lost, {self.total(lambda one: one.uncertain)} uncertain"
        )


def report(soak: Soak) -> str:
    """The page `docs/soak.md`."""
    return "\n".join((*_head(), *_figures(soak), *_falls(soak), *_mix(soak), *_wrong(soak))) + "\n"


def _head() -> tuple[str, ...]:
    return (
        "# kill -9 at random moments",
        "",
        (
            "`just soak` writes this page: it starts real servers over stdio on a simulated provider, kills them with "
            "SIGKILL at random moments, starts another on the same folder, repeats the identical call as a model "
            "would, and waits for the end. Everything here was measured by the last such run."
        ),
        "",
    )


def _figures(soak: Soak) -> tuple[str, ...]:
    times = [outcome.seconds for outcome in soak.outcomes]
    now = datetime.now(UTC)
    rows = (
        ("date", f"{now:%Y-%m-%d %H:%M} UTC"),
        ("runs", f"{len(times)}, seed {soak.seed}"),
        ("time", f"{soak.seconds:.0f} s, {soak.at_once} runs at a time"),
        ("one run", f"{median(times):.1f} s in the median, {max(times):.1f} s at most"),
        ("machine", f"{platform.system()}, {os.cpu_count()} processors, Python {platform.python_version()}"),
        ("servers killed", sum(outcome.kills for outcome in soak.outcomes)),
        ("videos wanted", soak.total(lambda one: one.wanted)),
        ("creates that reached the provider (429 refused aside)", soak.total(lambda one: one.creates)),
        ("of these accepted", soak.total(lambda one: one.accepted)),
        ("**second creates**", soak.total(lambda one: len(one.second_creates))),
        ("**lost tasks**", soak.total(lambda one: len(one.lost))),
        ("videos saved, byte for byte as made", soak.total(lambda one: one.saved)),
        ("`uncertain` tasks, which say so", soak.total(lambda one: one.uncertain)),
        ("of these accepted by the provider", soak.total(lambda one: one.uncertain_accepted)),
        ("half files that pass as a video", soak.total(lambda one: len(one.half_files))),
        ("other faults (damaged store, error, second row)", soak.total(lambda one: len(one.other))),
        ("whole files saved a second time", soak.total(lambda one: one.spare_copies)),
        ("`.part` files left behind", soak.total(lambda one: one.parts)),
    )
    return ("| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), "")


def _falls(soak: Soak) -> tuple[str, ...]:
    falls = [fall for outcome in soak.outcomes for fall in outcome.falls]
    lines = [
        "## Where the kills fell",
        "",
        "Each video at each kill of its server, judged by the store that was left behind.",
        "",
        "| the video was | videos | accepted by the provider | host had the answer | only marked as answered |",
        "|---|---|---|---|---|",
    ]
    for stage in STAGES:
        here = [fall for fall in falls if fall.stage == stage]
        counts = (
            len(here),
            sum(fall.was_accepted for fall in here),
            sum(fall.was_heard for fall in here),
            sum(fall.only_marked for fall in here),
        )
        lines.append(f"| {stage} | {' | '.join(map(str, counts))} |")
    return (*lines, "")


def _mix(soak: Soak) -> tuple[str, ...]:
    providers = sorted({outcome.plan.provider for outcome in soak.outcomes})
    shares = ", ".join(f"{name} {soak.share(lambda plan, name=name: plan.provider == name)}" for name in providers)
    bullets = (
        f"Providers: {shares}",
        f"Repeated with an `idempotency_key`: {soak.share(lambda plan: plan.with_key)} runs",
        f"Repeated without one, where the host had no answer: {soak.share(lambda plan: not plan.with_key)}",
        f"Repeated at once, while the dead server's lease held: {soak.share(lambda plan: plan.repeats_at_once)}",
        f"Repeated as if the lease had run out: {soak.share(lambda plan: not plan.repeats_at_once)}",
        f"The killed server's calls waited for the end: {soak.share(lambda plan: plan.waits)}",
        f"A second process on the same folder: {soak.share(lambda plan: plan.has_neighbour)}",
        f"The next server killed too: {soak.share(lambda plan: plan.second_kill_s is not None)}",
        f"Two or three videos at once: {soak.share(lambda plan: plan.shots > 1)}",
    )
    return ("## What the runs were", "", *(f"- {one}" for one in bullets))


def _wrong(soak: Soak) -> tuple[str, ...]:
    return ("", "## What went wrong", "", *(f"- {one}" for one in soak.wrong)) if soak.wrong else ()


def _shown(plan: Plan) -> str:
    parts = (
        f"run {plan.number} ({plan.provider}, killed {plan.moment.name}",
        "with key" if plan.with_key else "without key",
        "repeated at once" if plan.repeats_at_once else "repeated after the lease",
        "beside another process" if plan.has_neighbour else "",
        f"killed again after {plan.second_kill_s:.2f} s" if plan.second_kill_s is not None else "",
    )
    return ", ".join(part for part in parts if part) + ")"
