"""What the internet may reach: the callbacks of providers. They are not believed, they only make us ask.

A call is for one task, which its URL names; whoever knows the URL may call. Of the body only the provider's task id is
read, and the provider is asked for it before it counts. Seeing to a call takes longer than answering it, so it is done
afterwards, and again where that failed: a provider may call only once.
"""

import base64
import errno
import hashlib
import hmac
import logging
import os
import re
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self
from urllib.parse import urlsplit

import anyio
import anyio.abc
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from seedance_mcp.domain.errors import NotFoundError, SeedanceError, StoreError
from seedance_mcp.domain.task import Task
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.settings import PublicAddress
from seedance_mcp.simulator.listening import listen, serve_on
from seedance_mcp.tasks.catalogue import Catalogue
from seedance_mcp.tasks.clock import Clock
from seedance_mcp.tasks.service import VideoTasks

logger = logging.getLogger(__name__)

KEY_FILE: Final = "callback.key"
MAX_BODY: Final = 256 * 1024
BODY_S: Final = 10.0
"""How long a caller may take for its body."""
LISTEN_RETRY_S: Final = 30.0
SEEN_TO_AFTER_S: Final = (0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 120.0, 300.0)
"""Pauses before each try. A create may be without its answer for two minutes, while its callback is here already."""
MOST_AT_ONCE: Final = 100
"""Calls that are seen to, and connections."""
LEAVE_S: Final = 0.05
_SECRET_BYTES: Final = 32
_PURPOSE: Final = b"callback "
_SOUND_ID: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)
"""It is written into a note, so it must not be able to say anything."""


class Tokens:
    """Names a task in a way that nobody can guess, and every process of the data folder can read."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, owner: str, task_id: str) -> str:
        named = _text(f"{owner}\0{task_id}".encode())
        return f"{named}.{self._seal(named)}"

    def read(self, token: str) -> tuple[str, str] | None:
        """Owner and task id; None for anything that was not made by `token`."""
        named, _, seal = token.partition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(named).encode()):
            return None
        owner, _, task_id = base64.urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode().rpartition("\0")
        return owner, task_id

    def _seal(self, named: str) -> str:
        return _text(hmac.digest(self._secret, _PURPOSE + named.encode(), hashlib.sha256))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def shared_secret(folder: Path) -> bytes:
    """The secret of this data folder; the first process that asks makes it.

    Raises:
        StoreError: It cannot be read or written.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make_secret(path)
        secret = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}. Check the folder's permissions.") from error
    if len(secret) != _SECRET_BYTES:
        raise StoreError(f"{path} is damaged. Delete it; callbacks for videos that are under way are then lost.")
    return secret


def _make_secret(path: Path) -> None:
    """Whole or not at all, and never twice: a link to a finished file fails where another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)


class Public:
    """This machine's public address: the callback URLs of tasks, and who takes the calls.

    Raises:
        StoreError: The secret of the data folder cannot be read or written.
    """

    def __init__(self, address: PublicAddress, folder: Path, catalogue: Catalogue, clock: Clock) -> None:
        self._address = address
        self._catalogue = catalogue
        self._clock = clock
        self._tokens = Tokens(shared_secret(folder))

    def callback_url(self, task: Task) -> str:
        """Where the provider of this task may call back."""
        return f"{self._address.url}/callback/{self._tokens.token(task.owner, task.task_id)}"

    def callbacks(self, tasks: VideoTasks) -> "Callbacks":
        """Takes the calls about these tasks."""
        return Callbacks(tasks, self._tokens, self._catalogue, self._clock)

    def listening(self, tasks: VideoTasks) -> "Listening":
        """Takes them on a port of this machine."""
        return Listening(self._address, self.callbacks(tasks), self._clock)


class Callbacks:
    """Answers calls, and sees to them."""

    def __init__(self, tasks: VideoTasks, tokens: Tokens, catalogue: Catalogue, clock: Clock) -> None:
        self._tasks = tasks
        self._tokens = tokens
        self._catalogue = catalogue
        self._clock = clock
        self._group: anyio.abc.TaskGroup | None = None
        self._open: set[tuple[str, str, bytes]] = set()

    async def run(self) -> None:
        """Sees to the calls; for ever."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                await anyio.sleep_forever()
            finally:
                self._group = None

    def app(self, *prefixes: str) -> ASGIApp:
        """Nothing but callbacks, behind each of these prefixes."""
        routes = [Route(f"{prefix}/callback/{{token}}", self._called, methods=["POST"]) for prefix in prefixes]
        return Router(routes, redirect_slashes=False, default=_nothing_here)

    async def _called(self, request: Request) -> Response:
        named = self._tokens.read(request.path_params["token"])
        if named is None:
            return Response(status_code=404)
        return Response(status_code=await self._take(named, request))

    async def _take(self, named: tuple[str, str], request: Request) -> int:
        body = await _body(request, self._clock)
        if isinstance(body, int):
            return body
        key = (*named, hashlib.sha256(body).digest())
        if key not in self._open:
            if self._group is None or len(self._open) >= MOST_AT_ONCE:
                return 503
            self._open.add(key)
            self._group.start_soon(self._see_to, *key, body)
        return 200

    async def _see_to(self, owner: str, task_id: str, digest: bytes, body: bytes) -> None:
        try:
            for pause_s in SEEN_TO_AFTER_S:
                await self._clock.sleep(pause_s)
                if await self._is_seen_to(owner, task_id, body):
                    return
            logger.warning("task %s: its provider called back, to no effect", task_id)
        finally:
            self._open.discard((owner, task_id, digest))

    async def _is_seen_to(self, owner: str, task_id: str, body: bytes) -> bool:
        try:
            task = await self._tasks.get(owner, task_id)
            return await self._tasks.called_back(owner, task_id, self._id_in(body, task))
        except NotFoundError:
            # The folder was emptied by hand.
            return True
        except SeedanceError as error:
            logger.info("task %s was called back: %s", task_id, error)
            return False
        except Exception:
            # A fault in seeing to one call must not stop the others.
            logger.exception("task %s: its callback failed", task_id)
            return True

    def _id_in(self, body: bytes, task: Task) -> str | None:
        spec, view = self._catalogue.spec(task.provider), JsonView.parse(body)
        told = spec.parse_callback(view) if spec and spec.parse_callback and view else None
        return told if told and _SOUND_ID.fullmatch(told) else None


async def _body(request: Request, clock: Clock) -> bytes | int:
    """The whole body, or the status that says why there is none."""
    read: bytes | int = 408

    async with anyio.create_task_group() as group:

        async def lose_patience() -> None:
            await clock.sleep(BODY_S)
            group.cancel_scope.cancel()

        group.start_soon(lose_patience)
        read = await _limited(request)
        group.cancel_scope.cancel()
    return read


async def _limited(request: Request) -> bytes | int:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_BODY:
                return 413
    except ClientDisconnect:
        return 400
    return bytes(body)


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(status_code=404)(scope, receive, send)


class Listening:
    """Takes callbacks on a port, if no other process of this machine does; else waits until that one has gone."""

    def __init__(self, address: PublicAddress, callbacks: Callbacks, clock: Clock) -> None:
        self._address = address
        self._callbacks = callbacks
        self._clock = clock
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(anyio.create_task_group())
            group.start_soon(self._callbacks.run)
            group.start_soon(self._keep_listening)
            stack.callback(group.cancel_scope.cancel)
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def _keep_listening(self) -> NoReturn:
        host, port = self._address.host, self._address.port
        # Some reverse proxies take the prefix away.
        app = self._callbacks.app(*{"", urlsplit(self._address.url).path})
        has_told = False
        while True:
            try:
                listener = listen(host, port)
                has_told = False
                await serve_on(listener, app, leave_s=LEAVE_S, max_connections=MOST_AT_ONCE)
            except OSError as error:
                if not has_told:
                    level = logging.INFO if error.errno == errno.EADDRINUSE else logging.WARNING
                    why = error.strerror or error
                    logger.log(level, "callbacks: %s:%d: %s; tried every %.0f s", host, port, why, LISTEN_RETRY_S)
                has_told = True
            except Exception:
                logger.exception("callbacks: listening failed")
            await self._clock.sleep(LISTEN_RETRY_S)
