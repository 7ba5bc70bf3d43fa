"""How a task reads: the same facts as structured content, as text that stands alone, and as resource links."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mcp_types import Annotations, CallToolResult, ContentBlock, ResourceLink, TextContent

from seedance_mcp.domain.task import Task
from seedance_mcp.tasks.budget import describe
from seedance_mcp.tasks.progress import Progress
from seedance_mcp.tools.app import App
from seedance_mcp.tools.schema import output_schema

TASK_OUTPUT = output_schema(
    ["task_id", "status", "provider", "progress"],
    task_id="string",
    status="string",
    provider="string",
    model="string",
    mode="string",
    progress="number",
    progress_basis="string",
    created_at="string",
    updated_at="string",
    label="string",
    provider_task_id="string",
    cost="object",
    video="object",
    last_frame="object",
    error="object",
    notes="string[]",
    next_step="string",
)


def video_uri(task_id: str) -> str:
    return f"seedance://tasks/{task_id}/video"


def iso(at: float) -> str:
    """UTC, whole seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def task_result(app: App, task: Task, progress: Progress) -> CallToolResult:
    """A task as a tool's result."""
    content: list[ContentBlock] = [TextContent(type="text", text=text(app, task, progress))]
    if app.with_resource_links:
        content.extend(_links(app, task))
    return CallToolResult(content=content, structured_content=structured(app, task, progress))


def structured(app: App, task: Task, progress: Progress) -> dict[str, Any]:
    facts: Mapping[str, Any] = {
        "task_id": task.task_id,
        "status": task.status,
        "provider": task.provider,
        "model": task.model,
        "mode": task.mode,
        "progress": progress.percent,
        "progress_basis": "reported" if progress.is_reported else "estimated",
        "created_at": iso(task.created_at),
        "updated_at": iso(task.updated_at),
        "label": task.label,
        "provider_task_id": task.provider_task_id,
        "cost": _cost(task),
        "video": _video(app, task),
        "last_frame": {"url": task.last_frame_url} if task.last_frame_url and _has_public_urls(app, task) else None,
        "error": _error(task),
        "notes": list(task.notes) or None,
        "next_step": next_step(task),
    }
    return _present(facts)


def text(app: App, task: Task, progress: Progress) -> str:
    """One to three sentences, then the notes: everything that matters, for hosts that show only text."""
    sentences = [_headline(task, progress), *_video_sentences(app, task), _cost_sentence(task), *task.notes]
    if step := next_step(task):
        sentences.append(step)
    return " ".join(sentence for sentence in sentences if sentence)


def next_step(task: Task) -> str | None:
    if task.status in {"waiting", "queued", "running"}:
        return f'Call get_task(task_id="{task.task_id}") to wait for it; asking is free.'
    if task.status == "uncertain":
        return (
            f"Do not create it again. If {task.provider}'s own site shows it, call "
            f'get_task(task_id="{task.task_id}", provider_task_id=…). If not, cancel_task gives it up; then it may be '
            "ordered again."
        )
    return None


def short(app: App, task: Task, progress: Progress) -> dict[str, Any]:
    """A task as one row of a list."""
    video = task.video
    return _present(
        {
            "task_id": task.task_id,
            "status": task.status,
            "progress": progress.percent,
            "provider": task.provider,
            "label": task.label,
            "created_at": iso(task.created_at),
            "file": video.file if video else None,
            "url": _public_url(app, task),
            "error": task.error.message if task.error else None,
        }
    )


def _headline(task: Task, progress: Progress) -> str:
    name = f"Video {task.task_id}" + (f" ({task.label})" if task.label else "")
    match task.status:
        case "succeeded":
            return f"{name} is ready."
        case "failed":
            return f"{name} failed: {task.error.message}" if task.error else f"{name} failed."
        case "cancelled":
            return f"{name} was cancelled."
        case "uncertain":
            return f"{name} is uncertain."
        case "waiting" | "queued":
            return f"{name} is {task.status} at {task.provider}."
        case "running":
            basis = "" if progress.is_reported else ", estimated"
            return f"{name} is running at {task.provider} ({progress.percent:.0f} %{basis})."


def _video_sentences(app: App, task: Task) -> Sequence[str]:
    video = task.video
    if video is None:
        return ()
    sentences: list[str] = []
    if video.file is not None:
        facts = [f"{video.duration:g} s" if video.duration else "", f"{video.width}x{video.height}"]
        facts.append("with sound" if video.has_audio else "no sound")
        sentences.append(f"File: {video.file} ({', '.join(fact for fact in facts if fact)}).")
    if url := _public_url(app, task):
        until = f" (works until {iso(video.url_expires_at)})" if video.url_expires_at else ""
        sentences.append(f"Link{until}: {url} .")
    return sentences


def _cost_sentence(task: Task) -> str:
    cost = _cost(task)
    if cost is None:
        return ""
    if cost["basis"] != "charged":
        return f"Estimated cost: {describe(task.estimate)}." if task.estimate else ""
    parts = [
        f"${cost['usd']:.2f}" if "usd" in cost else "",
        f"{cost['credits']:g} credits" if "credits" in cost else "",
    ]
    return f"Charged: {', '.join(part for part in parts if part)}."


def _cost(task: Task) -> dict[str, Any] | None:
    if task.status in {"failed", "cancelled"} and not task.was_accepted:
        return None
    estimate, charge = task.estimate, task.charge
    if charge is not None:
        usd = charge.usd if charge.usd is not None else estimate.usd if estimate else None
        return _present({"usd": usd, "credits": charge.credits, "basis": "charged"})
    if estimate is None:
        return None
    return _present(
        {
            "usd": estimate.usd,
            "usd_max": estimate.usd_max,
            "credits": estimate.credits,
            "credits_max": estimate.credits_max,
            "basis": estimate.basis,
        }
    )


def _video(app: App, task: Task) -> dict[str, Any] | None:
    video = task.video
    if video is None:
        return None
    return _present(
        {
            "uri": video_uri(task.task_id) if video.file else None,
            "url": _public_url(app, task),
            "url_expires_at": iso(video.url_expires_at) if video.url_expires_at else None,
            "file": video.file,
            "mime_type": video.mime_type,
            "bytes": video.bytes,
            "width": video.width,
            "height": video.height,
            "duration": video.duration,
            "has_audio": video.has_audio,
        }
    )


def _error(task: Task) -> dict[str, Any] | None:
    if task.error is None:
        return None
    return {"kind": task.error.kind, "message": task.error.message, "retryable": task.error.retryable}


def _links(app: App, task: Task) -> Sequence[ResourceLink]:
    video = task.video
    if video is None:
        return ()
    for_user = Annotations(audience=["user"])
    links: list[ResourceLink] = []
    if video.file is not None:
        links.append(
            ResourceLink(
                type="resource_link",
                uri=video_uri(task.task_id),
                name=f"{task.task_id}.mp4",
                mime_type=video.mime_type,
                size=video.bytes,
                annotations=for_user,
            )
        )
    url = _public_url(app, task)
    if url and (video.url_expires_at is None or video.url_expires_at > app.clock.now()):
        links.append(
            ResourceLink(
                type="resource_link",
                uri=url,
                name=f"{task.task_id} at {task.provider}",
                mime_type=video.mime_type,
                annotations=for_user,
            )
        )
    return links


def _public_url(app: App, task: Task) -> str | None:
    return task.video.url if task.video and _has_public_urls(app, task) else None


def _has_public_urls(app: App, task: Task) -> bool:
    spec = app.catalogue.spec(task.provider)
    return spec is None or spec.public_urls


def _present(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Absent facts are left out, not null."""
    return {name: value for name, value in facts.items() if value is not None}
