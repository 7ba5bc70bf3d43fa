"""Drives any `ProviderSpec` over HTTP: one create, sent once; polls and cancels that may be repeated."""

from collections.abc import Callable

from seedance_mcp.domain.errors import AmbiguousError, BadReplyError, RefusedError, UnavailableError
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.task import Status
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.http import FormFile, HttpError, HttpReply, NoAnswerError, NotConnectedError
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.server_sent_events import server_sent_events
from seedance_mcp.providers.spec import Endpoint, Listed, ProviderReply, Refusal
from seedance_mcp.providers.wire import REFUSALS, ProviderWire

CREATE_TIMEOUT_S = 120.0
BLOCKING_TIMEOUT_S = 1800.0
"""For a create that answers when the video is done; "typically 5-15 minutes" is the longest documented."""
SILENCE_S = 60.0
"""The longest pause of an event stream; 001 sends a sign of life every 15 s."""

EVENT_STREAM = "text/event-stream"
AMBIGUOUS_4XX = frozenset({408, 409, 425})


class ProviderClient(ProviderWire):
    """Creates, polls and cancels at one provider, and what else it offers."""

    async def create(self, request: VideoRequest, model: ModelSpec, callback_url: str | None = None) -> ProviderReply:
        """Asks for a video, once, on a connection of its own. This is the call that costs money.

        Raises:
            RefusedError: It was definitely not accepted.
            AmbiguousError: It may have been accepted; it must never be sent again.
        """
        body = self.spec.build_body(request, model, callback_url)
        patience_s = BLOCKING_TIMEOUT_S if self.spec.answers_at_the_end else CREATE_TIMEOUT_S
        try:
            answer = await self.send(self.spec.create, None, patience_s, body=body, fresh=True)
        except NotConnectedError as error:
            raise RefusedError(
                f"{self.spec.id} could not be reached: {error}. Nothing was sent, so nothing was started or charged. "
                "Check the network, then call create_video again.",
                kind="unavailable",
                retryable=True,
            ) from error
        except NoAnswerError as error:
            raise self._lost(str(error)) from error
        return self._created(answer)

    async def fetch(self, provider_task_id: str) -> ProviderReply:
        """Asks how a task is doing; safe to repeat.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider will not answer for this task (key, id).
        """
        what = f"{self.spec.id} does not answer for task {self.clean(provider_task_id)!r}"
        answer, reply = await self._ask(self.spec.fetch, provider_task_id, what)
        if reply.refused and reply.status is None:
            self.refuse(answer, reply.refused, what)
        if reply.status is None:
            raise UnavailableError(f"{self.spec.id} answered without a status.", kind="bad_reply")
        return reply

    async def cancel(self, provider_task_id: str) -> ProviderReply:
        """Asks the provider to stop a task; safe to repeat. Only where `spec.cancel` exists.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider said no, as it does for a task that has ended.
        """
        endpoint = self.spec.cancel
        if endpoint is None:
            raise RefusedError(f"{self.spec.id} has no way to cancel a video.")
        what = f"{self.spec.id} does not cancel task {self.clean(provider_task_id)!r}"
        answer, reply = await self._ask(endpoint, provider_task_id, what)
        if reply.refused:
            self.refuse(answer, reply.refused, what)
        return reply

    def status_of(self, reply: ProviderReply) -> Status:
        """The provider's status word in ours.

        Raises:
            BadReplyError: A word its documents do not know; it must not be waited on for ever.
        """
        word = reply.status or ""
        status = self.spec.statuses.get(word) or self.spec.statuses.get(word.lower())
        if status is None:
            known = ", ".join(sorted(self.spec.statuses))
            raise BadReplyError(
                f"{self.spec.id} reports the unknown status {self.clean(word)!r} (known: {known}). The video may exist "
                f"there and may cost. Look at {self.spec.title}'s own site for task "
                f"{self.clean(reply.provider_task_id or '')!r}."
            )
        return status

    def knows(self, word: str) -> bool:
        """Whether the provider's documents know this status word, in either case."""
        return word in self.spec.statuses or word.lower() in self.spec.statuses

    def _created(self, answer: HttpReply) -> ProviderReply:
        view = JsonView.parse(answer.body)
        reply = self.spec.parse_reply(view) if view else ProviderReply()
        says_no = answer.status < 500 and not 300 <= answer.status < 400 and answer.status not in AMBIGUOUS_4XX
        if answer.status in REFUSALS or answer.status in self.spec.refusal_statuses or (says_no and reply.refused):
            refusal = reply.refused or (self.spec.parse_refusal(view) if view else Refusal())
            self.refuse(answer, refusal, f"{self.spec.id} refused the video", about="create")
        if not 200 <= answer.status < 300:
            raise self._lost(f"it answered HTTP {answer.status}")
        if view is None:
            raise self._lost("its answer could not be read")
        if self.spec.answers_at_the_end:
            if reply.video_url is None:
                raise self._lost("its answer holds no video")
        elif reply.provider_task_id is None:
            raise self._lost("its answer holds no task id")
        return reply

    async def look_up(self, path: str) -> JsonView:
        """Asks the provider something that is not about a task, such as its prices.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider said no.
        """
        _, view = await self.answer(Endpoint(method="GET", path=path), "", f"{self.spec.id} does not answer")
        return view

    async def listed(self, request: VideoRequest, model: ModelSpec) -> tuple[Listed, ...]:
        """Every task at the provider that such a request made. Only where `spec.task_list` exists.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider said no.
        """
        source = self.spec.task_list
        found = [source.find(await self.look_up(path), request, model) for path in source.paths] if source else []
        # A task that moves on while the parts of the list are read may be in two of them.
        return tuple({one.provider_task_id: one for part in found for one in part}.values())

    async def balance(self) -> str:
        """What the provider says is left, as it says it: the documents do not show its form.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider said no, or has no such question.
        """
        if self.spec.balance is None:
            raise RefusedError(f"{self.spec.id} documents no way to ask for its balance.")
        answer, _ = await self.answer(self.spec.balance, "", f"{self.spec.id} does not tell its balance")
        return self.clean(answer.body.decode(errors="replace"))

    async def upload(self, name: str, content: bytes, mime_type: str) -> str:
        """Puts a file at the provider and returns its link. Only where `spec.upload` exists.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider did not take it, or takes no files.
        """
        place = self.spec.upload
        if place is None:
            raise RefusedError(f"{self.spec.id} takes no files. Put it on the web and give its https URL.")
        file = FormFile(field=place.field, name=name, content=content, mime_type=mime_type)
        endpoint = Endpoint(method="POST", path=place.path)
        _, view = await self.answer(endpoint, "", f"{self.spec.id} did not take the file", file=file)
        url = place.parse_url(view)
        if url is None:
            raise UnavailableError(f"{self.spec.id} took the file, but its answer names no link.", kind="bad_reply")
        return url

    async def listen(self, opened: Callable[[], None], heard: Callable[[ProviderReply], None]) -> None:
        """Hears the provider's events about our tasks until its stream ends; `opened` is called once it is open.

        Raises:
            UnavailableError: The stream could not be opened, or broke off.
        """
        source = self.spec.events
        if source is None:
            return
        try:
            async with self._http.stream(source.path, silence_s=SILENCE_S) as answer:
                kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                if answer.status != 200 or kind != EVENT_STREAM:
                    raise UnavailableError(f"{self.spec.id} answered HTTP {answer.status} without events ({kind}).")
                opened()
                async for name, data in server_sent_events(answer.chunks):
                    view = JsonView.parse(data.encode()) if name == source.name else None
                    if view is not None:
                        heard(source.parse(view))
        except HttpError as error:
            raise UnavailableError(f"The event stream of {self.spec.id} broke off: {error}.") from error

    async def _ask(self, endpoint: Endpoint, provider_task_id: str, what: str) -> tuple[HttpReply, ProviderReply]:
        answer, view = await self.answer(endpoint, provider_task_id, what)
        return answer, self.spec.parse_reply(view)

    def _lost(self, why: str) -> AmbiguousError:
        return AmbiguousError(
            f"The video was sent to {self.spec.id}, but {why}: it may be running there and may be billed. "
            "It is not sent again."
        )
