"""What of a provider's words reaches a user, and how ids reach a provider: no key, no flood, no other path."""

from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.recorded import SPECS
from providers.scripted import KEY, answering, create, talking_to
from seedance_mcp.domain.errors import BadReplyError, ProviderError, RefusedError
from seedance_mcp.providers import PROVIDERS
from seedance_mcp.providers.spec import ProviderReply, ProviderSpec
from seedance_mcp.providers.wire import MAX_WORDS

INK, KINOVI = SPECS["seedance2_ink"], SPECS["kinovi"]
EACH = pytest.mark.parametrize("spec", PROVIDERS, ids=lambda spec: spec.id)
ECHO = f"Bearer {KEY} is not a key we know; did you mean {KEY}-2?"


@EACH
@pytest.mark.parametrize("status", [400, 401, 404, 429])
async def test_a_key_that_the_provider_echoes_is_not_in_any_message(spec: ProviderSpec, status: int) -> None:
    """DESIGN §3 Errors: no key, ever."""
    body = {
        "success": False,
        "message": ECHO,
        "error": {"code": ECHO, "message": ECHO},
        "errors": [{"path": ECHO, "message": ECHO}, {"path": [ECHO]}],
    }
    async with talking_to(spec, answering(status, body)) as client:
        for ask in (lambda: create(client), lambda: client.cancel(KEY), lambda: client.fetch(KEY)):
            with pytest.raises(ProviderError) as caught:
                await ask()
            assert KEY not in str(caught.value)
            assert KEY not in repr(caught.value)
        assert KEY not in repr(client.provider)


@EACH
async def test_a_key_in_a_status_word_or_an_id_is_not_in_the_message(spec: ProviderSpec) -> None:
    """DESIGN §3 Errors: secrets are removed from the provider's own words."""
    async with talking_to(spec) as client:
        with pytest.raises(BadReplyError) as caught:
            client.status_of(ProviderReply(provider_task_id=f"task {KEY}", status=f"waiting for {KEY}"))

    assert "'waiting for ***'" in caught.value.message
    assert KEY not in caught.value.message


async def test_the_words_of_a_failed_task_are_cleaned_too() -> None:
    """DESIGN §3 Errors: what the engine passes on goes through the same function."""
    async with talking_to(KINOVI) as client:
        assert client.clean(f" no\n\tsuch {KEY}\r\nkey ") == "no such *** key"


async def test_without_a_key_no_authorization_is_sent_and_words_are_passed_on() -> None:
    """DESIGN §5: the demo needs no key."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": "d_1", "status": "queued"})

    async with talking_to(SPECS["demo"], httpx.MockTransport(answer), key=None) as client:
        await create(client)
        assert client.clean("no  key") == "no key"
    assert "authorization" not in seen[0].headers


@EACH
async def test_long_words_are_shortened_to_one_line(spec: ProviderSpec) -> None:
    """DESIGN §3 Errors: the provider's own words, shortened."""
    words = "the prompt\nwas rejected because " + "x" * 5000
    async with talking_to(spec, answering(400, {"message": words, "error": {"message": words}})) as client:
        with pytest.raises(RefusedError) as caught:
            await create(client)

    shown = caught.value.message.split("(HTTP 400): ")[1].split("…")[0] + "…"
    assert shown.startswith("the prompt was rejected because xxx")
    assert len(shown) == MAX_WORDS
    assert "\n" not in caught.value.message


async def test_a_key_at_the_cut_is_not_shown_in_part() -> None:
    """Ours: the key is taken out before the words are shortened."""
    async with talking_to(KINOVI) as client:
        for length in range(MAX_WORDS - len(KEY) - 2, MAX_WORDS + 2):
            assert KEY[:8] not in client.clean("x" * length + KEY)


async def test_half_a_character_in_an_answer_can_still_be_shown_and_stored() -> None:
    r"""RFC 8259 §8.2: a JSON string may hold half a surrogate pair, which UTF-8 cannot."""
    body = rb'{"success": true, "requestId": "r_\ud800", "status": "failed", "error": {"message": "no \udfff"}}'
    async with talking_to(INK, answering(200, content=body)) as client:
        reply = await client.fetch("r_1")

    assert (reply.provider_task_id, reply.error) == ("r_?", "no ?")


@pytest.mark.parametrize(
    ("task_id", "encoded"),
    [
        ("a/b?c", "a%2Fb%3Fc"),
        ("a b#c&d=e", "a%20b%23c%26d%3De"),
        ("%2F", "%252F"),
        ("../../models", "..%2F..%2Fmodels"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("v1.2", "v1.2"),
        ("任务-é", "%E4%BB%BB%E5%8A%A1-%C3%A9"),
        ("\ud800", "%3F"),
        ("a\r\nHost: b", "a%0D%0AHost%3A%20b"),
    ],
)
async def test_an_id_is_percent_encoded_into_the_path(task_id: str, encoded: str) -> None:
    """DESIGN §7: provider ids are percent-encoded into paths; an id must not lead to another endpoint."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.raw_path.decode()}")
        return httpx.Response(200, json={"success": True, "status": "queued"})

    for spec in PROVIDERS:
        async with talking_to(spec, httpx.MockTransport(answer)) as client:
            await client.fetch(task_id)
            if spec.cancel is not None:
                await client.cancel(task_id)

    assert seen == [
        f"GET /gate/api/open/v1/video/generations/{encoded}",
        f"POST /gate/api/open/v1/video/generations/{encoded}/cancel",
        f"GET /gate/api/v1/jobs/recordInfo?taskId={encoded}",
        f"GET /gate/v1/tasks/{encoded}",
        f"GET /gate/api/ai/queue/{encoded}",
        f"DELETE /gate/api/ai/queue/{encoded}",
        f"GET /gate/v1/videos/{encoded}",
    ]


@settings(deadline=None)
@given(st.text(min_size=1))
async def test_every_id_arrives_as_it_is_and_stays_one_step_of_the_path(task_id: str) -> None:
    """DESIGN §7: adopting a task takes any id a user has."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path.decode())
        return httpx.Response(200, json={"success": True, "status": "queued"})

    async with talking_to(INK, httpx.MockTransport(answer)) as client:
        await client.fetch(task_id)

    *before, last = seen[0].split("/")
    assert "/".join(before) == "/gate/api/open/v1/video/generations"
    assert unquote(last) == task_id
