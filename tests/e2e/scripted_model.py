"""A language model that needs no network: it does what the answers of its tools tell it to do, and nothing else."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import anyio
from agents.items import ModelResponse, TResponseStreamEvent
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

TRY_AGAIN = "An error occurred while running the tool. Please try again."
"""All that the SDK tells its model about a call that timed out."""
_NEXT_STEP = re.compile(r'Call (\w+)\(task_id="(\w+)"\)')


@dataclass(kw_only=True)
class Asked:
    """One call of a tool, as the model sees it."""

    tool: str
    arguments: Mapping[str, Any]
    asked_at: float
    answered_at: float = 0.0
    answer: str = ""

    @property
    def seconds(self) -> float:
        return self.answered_at - self.asked_at

    @property
    def timed_out(self) -> bool:
        return self.answer == TRY_AGAIN


class ObedientModel(Model):
    """Makes one call; repeats it as it was when told to try again, follows a next step, and else repeats the answer."""

    def __init__(self, tool: str, arguments: Mapping[str, Any]) -> None:
        self.asked: list[Asked] = []
        self._first = (tool, arguments)

    async def get_response(self, *_: Any, **given: Any) -> ModelResponse:
        if not self.asked:
            return self._ask(*self._first)
        last = self.asked[-1]
        last.answered_at = anyio.current_time()
        last.answer = _text(given["input"][-1]["output"])
        if last.timed_out:
            return self._ask(last.tool, last.arguments)
        if step := _NEXT_STEP.search(last.answer):
            return self._ask(step[1], {"task_id": step[2]})
        return _response(
            ResponseOutputMessage(
                id="message",
                type="message",
                role="assistant",
                status="completed",
                content=[ResponseOutputText(type="output_text", text=last.answer, annotations=[])],
            )
        )

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[TResponseStreamEvent]:
        return _never()

    def _ask(self, tool: str, arguments: Mapping[str, Any]) -> ModelResponse:
        self.asked.append(Asked(tool=tool, arguments=arguments, asked_at=anyio.current_time()))
        call_id = f"call-{len(self.asked)}"
        return _response(
            ResponseFunctionToolCall(
                type="function_call", call_id=call_id, name=tool, arguments=json.dumps(dict(arguments))
            )
        )


def _response(output: ResponseFunctionToolCall | ResponseOutputMessage) -> ModelResponse:
    return ModelResponse(output=[output], usage=Usage(), response_id=None)


def _text(output: str | list[dict[str, Any]]) -> str:
    """What a tool's output shows: text, or several blocks that are all text by now."""
    blocks = [output] if isinstance(output, str) else [cast("str", block["text"]) for block in output]
    return "\n".join(blocks)


def _never() -> NoReturn:
    raise NotImplementedError("these agents are not run as streams")
