"""What must hold after a run, whatever was killed when."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak_run import Run, Shot
from soak_store import damage


@dataclass(kw_only=True)
class Findings:
    """What a run came to. Lists of words are what must not be."""

    second_creates: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    half_files: list[str] = field(default_factory=list[str])
    other: list[str] = field(default_factory=list[str])
    wanted: int = 0
    creates: int = 0
    accepted: int = 0
    saved: int = 0
    uncertain: int = 0
    uncertain_accepted: int = 0
    """Of the uncertain ones, those that the provider did accept."""
    spare_copies: int = 0
    """Whole files that no task names: its server was killed between the file and the row."""
    parts: int = 0

    @property
    def wrong(self) -> list[str]:
        return [*self.second_creates, *self.lost, *self.half_files, *self.other]


def judged(run: Run) -> Findings:
    """Looks at everything that is left once all servers have gone."""
    findings = Findings()
    for shot in (*run.shots, *run.neighbours):
        findings.wanted += 1
        _judge_creates(run, shot, findings)
        _judge_tasks(run, shot, findings)
    _judge_files(run, findings)
    findings.other += [f"the store is damaged: {one}" for one in damage(run.folder)]
    findings.other += [f"a call was refused: {one}" for one in run.troubles]
    said = run.errors.decode(errors="replace")
    findings.other += [f"a server said {word!r}: {said[-2000:]}" for word in ("Traceback", "locked") if word in said]
    return findings


def _judge_creates(run: Run, shot: Shot, findings: Findings) -> None:
    """A refusal (429) starts nothing and costs nothing; everything else may."""
    creates = [one for one in run.creates_of(shot) if one.status != 429]
    findings.creates += len(creates)
    findings.accepted += sum(one.accepted for one in creates)
    if len(creates) > 1:
        findings.second_creates.append(f"{shot.prompt!r} was sent {len(creates)} times")


def _judge_tasks(run: Run, shot: Shot, findings: Findings) -> None:
    tasks = [task for task in run.tasks if task.get("label") == shot.prompt]
    known = {task["task_id"] for task in tasks}
    accepted = [one for one in run.creates_of(shot) if one.accepted]
    findings.lost += [f"{task_id} of {shot.prompt!r} is unknown" for task_id in shot.heard - known]
    if len(tasks) != 1 and not findings.second_creates:
        findings.other.append(f"{shot.prompt!r} has {len(tasks)} tasks")
    for create in accepted:
        if not any(_accounts_for(task, create.task_id, run.folder) for task in tasks):
            states = [(task["status"], task.get("provider_task_id"), task.get("notes")) for task in tasks]
            findings.lost.append(f"{create.task_id} of {shot.prompt!r} was accepted; its tasks are {states}")
    for task in tasks:
        if task["status"] == "uncertain":
            findings.uncertain += 1
            findings.uncertain_accepted += bool(accepted)
        elif not _is_saved(task, run.folder):
            findings.lost.append(f"{task['task_id']} of {shot.prompt!r} is {task['status']}: {task.get('error')}")


def _accounts_for(task: Mapping[str, Any], provider_task_id: str | None, folder: Path) -> bool:
    """A saved file of this very video, or a task that says that it may exist."""
    if task["status"] == "uncertain":
        return "Do not create it again" in task["next_step"]
    return task.get("provider_task_id") == provider_task_id and _is_saved(task, folder)


def _is_saved(task: Mapping[str, Any], folder: Path) -> bool:
    file = Path(task.get("video", {}).get("file", ""))
    return task["status"] == "succeeded" and file.parent == folder / "videos" and file.is_file()


def _judge_files(run: Run, findings: Findings) -> None:
    """A video is what the provider made, byte for byte; whatever else is there must not look like one."""
    made = {_digest(file) for file in (run.folder / "rendered").glob("*.mp4")}
    named = [task["video"]["file"] for task in run.tasks if task["status"] == "succeeded"]
    files = list((run.folder / "videos").glob("*"))
    videos = [file for file in files if file.suffix == ".mp4"]
    contents = [_digest(file) for file in map(Path, named) if file.is_file()]
    findings.half_files += [
        f"{file.name} is not what the provider made" for file in videos if _digest(file) not in made
    ]
    if len(set(contents)) != len(named) and not findings.second_creates:
        findings.other.append(f"{len(named)} tasks share {len(set(contents))} different videos")
    findings.saved += len(named)
    findings.spare_copies += len(videos) - len(set(named))
    findings.parts += sum(file.suffix == ".part" for file in files)
    strangers = [file.name for file in files if file.suffix not in {".mp4", ".part"}]
    findings.other += [f"{name} lies among the videos" for name in strangers]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
