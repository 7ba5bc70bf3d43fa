"""What happens to bad arguments: everything is said at once, in our own words, and nothing is sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig import SMALL, Era, Rig, body_of, error_of, facts_of, text_of
from seedance_mcp.providers import PROVIDERS
from seedance_mcp.tools import tools_for
from seedance_mcp.tools.arguments import read
from seedance_mcp.tools.schema import check_portable

FILE_GIVEN = (
    "first_frame: providers fetch pictures from a public https URL; 'photo.png' was given. Put the file on the web."
)
ERAS: tuple[Era, ...] = ("auto", "legacy")


@pytest.mark.parametrize("era", ERAS)
async def test_a_misspelt_argument_is_refused_with_the_right_name_and_nothing_is_sent(rig: Rig, era: Era) -> None:
    """peers.md §2: five of five servers drop a misspelt argument and order the paid default."""
    async with rig.client(era) as client:
        result = await client.call_tool("create_video", {"prompt": "a corgi", "durations": 9})
    error = error_of(result)
    assert error["kind"] == "invalid_request"
    assert "Did you mean 'duration'?" in text_of(result)
    assert rig.creates == []


async def test_all_problems_are_said_at_once_for_arguments_and_providers_alike(rig: Rig) -> None:
    """DESIGN §3: all problems at once, each saying what was asked, what is true, what to do."""
    wish = {"prompt": "a corgi", "durations": 9, "duration": 99, "resolution": "8k", "first_frame": "photo.png"}
    async with rig.client(SEEDANCE_PROVIDERS="kinovi") as client:
        result = await client.call_tool("create_video", wish)
    assert error_of(result)["problems"] == [
        "create_video has no argument \"durations\". Did you mean 'duration'?",
        FILE_GIVEN,
        "kinovi makes 4 to 15 s with seedance-2.0; duration=99 was asked. Use 15 or less, or make two videos.",
        "kinovi makes seedance-2.0 in 480p, 720p, 1080p or 4k; resolution='8k' was asked. Choose one of these.",
    ]
    assert all(problem in text_of(result) for problem in error_of(result)["problems"])
    assert rig.requests("create") == []


async def test_a_missing_prompt_is_one_problem(rig: Rig) -> None:
    """Ours: not one for the argument and one more for every provider."""
    async with rig.client() as client:
        result = await client.call_tool("create_video", {"duration": 5})
    assert [problem.split(";")[0] for problem in error_of(result)["problems"]] == ["create_video needs prompt"]


async def test_an_impossible_request_names_who_could_do_it(rig: Rig) -> None:
    """DESIGN §3 Errors: and which other configured provider could do it."""
    wish = {"prompt": "a corgi", "provider": "seedance2_ink", "resolution": "4k"}
    async with rig.client() as client:
        result = await client.call_tool("create_video", wish)
    assert "kinovi can make it as asked" in text_of(result)


async def test_a_provider_without_its_key_is_named_with_the_variable_to_set(rig: Rig) -> None:
    """Issue: naming a provider without its key is `auth` and names the variable."""
    async with rig.client(KINOVI_API_KEY="") as client:
        result = await client.call_tool("create_video", {**SMALL, "provider": "kinovi"})
    assert error_of(result)["kind"] == "auth"
    assert "Set KINOVI_API_KEY where the server runs" in text_of(result)
    assert "seedance2_ink" in text_of(result)


async def test_a_placeholder_instead_of_a_key_is_called_by_its_name(rig: Rig) -> None:
    """peers.md 28: hosts pass on a literal ${…}."""
    async with rig.client(KINOVI_API_KEY="${user_config.kinovi}") as client:
        result = await client.call_tool("create_video", {**SMALL, "provider": "kinovi"})
    assert error_of(result)["kind"] == "auth"
    assert "KINOVI_API_KEY holds the unfilled placeholder '${user_config.kinovi}'" in text_of(result)


async def test_with_nothing_but_placeholders_no_demo_video_is_made_instead(rig: Rig) -> None:
    """Ours: somebody who set a key wants a real video, not a demo that looks like success."""
    unfilled = {"KINOVI_API_KEY": "${A}", "SEEDANCE2_INK_API_KEY": "${B}"}
    async with rig.client("auto", **unfilled) as client:
        created = await client.call_tool("create_video", SMALL)
        estimated = await client.call_tool("estimate_cost", SMALL)
    for result in (created, estimated):
        assert error_of(result)["kind"] == "auth"
        assert "KINOVI_API_KEY holds '${A}'" in text_of(result)


async def test_an_unknown_provider_is_told_the_known_ones(rig: Rig) -> None:
    """Ours: the enum is published, but a better answer than "not in the list" is possible."""
    async with rig.client() as client:
        result = await client.call_tool("create_video", {**SMALL, "provider": "kinova"})
    assert "There is no provider 'kinova'. Known: seedance2_ink, kinovi" in text_of(result)


async def test_strings_that_hold_json_are_read_as_what_they_hold(rig: Rig) -> None:
    """peers.md 25: some hosts stringify lists, numbers and booleans."""
    wish = {"prompt": "a corgi", "duration": "4", "resolution": "480p", "generate_audio": "false", "wait_seconds": "0"}
    references = '["https://example.com/a.png", "https://example.com/b.png", "https://example.com/c.png"]'
    async with rig.client() as client:
        facts_of(await client.call_tool("create_video", {**wish, "provider": "kinovi", "seed": "7"}))
        wish_2 = {"prompt": "x", "reference_images": references, "provider": "seedance2_ink", "wait_seconds": 1}
        assert facts_of(await client.call_tool("create_video", wish_2))["mode"] == "reference_to_video"
    bodies = [body_of(create) for create in rig.creates]
    assert bodies[0]["inputs"] == {
        "outputResolution": "480p",
        "prompt": "a corgi",
        "duration": "4",
        "generate_audio": False,
        "seed": 7,
    }
    assert len(bodies[1]["mediaUrls"]) == 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("duration", "soon", 'duration is a whole number; "soon" was given.'),
        ("duration", 4.5, "duration is a whole number; 4.5 was given."),
        ("duration", True, "duration is a whole number; true was given."),
        ("generate_audio", "maybe", 'generate_audio is true or false; "maybe" was given.'),
        ("label", 7, "label is a text; 7 was given."),
        ("label", "half \ud83d", "label holds half a character (a lone surrogate). Send it again whole."),
        ("duration", 10**400, f"duration is a whole number; 1{'0' * 78}… was given."),
        ("reference_images", [1], "reference_images is a list of texts; [1] was given."),
        ("max_cost_usd", "much", 'max_cost_usd is a number; "much" was given.'),
        ("max_cost_usd", -1, "max_cost_usd is at least 0; -1 was asked."),
        ("wait_seconds", 601, "wait_seconds is from 0 to 600; 601 was asked."),
    ],
)
async def test_a_value_of_the_wrong_kind_is_named_with_what_was_expected(
    rig: Rig, name: str, value: object, said: str
) -> None:
    """Ours: no library text, no link to somebody's documentation."""
    async with rig.client() as client:
        result = await client.call_tool("create_video", {"prompt": "a corgi", name: value})
    assert said in error_of(result)["problems"]
    assert rig.creates == []


async def test_absent_null_and_empty_arguments_all_mean_left_out(rig: Rig) -> None:
    """Ours: models fill optional arguments with null and empty text."""
    wish: dict[str, Any] = {**SMALL, "label": "", "first_frame": None, "reference_images": [], "wait_seconds": 0}
    async with rig.client() as client:
        assert facts_of(await client.call_tool("create_video", wish))["mode"] == "text_to_video"


async def test_a_single_text_is_a_list_of_one(rig: Rig) -> None:
    """Ours: a list with one element is what a plain text can only mean."""
    wish = {"prompt": "x", "provider": "kinovi", "reference_images": "https://example.com/a.png", "wait_seconds": 1}
    async with rig.client() as client:
        facts_of(await client.call_tool("create_video", wish))
    assert body_of(rig.creates[0])["inputs"]["urls"] == ["https://example.com/a.png"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "https://user:secret@example.com/a.png",
        "https://127.0.0.1/a.png",
        "https://localhost/a.png",
        "https://169.254.169.254/latest/meta-data",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "~/photo.png",
        "https://example.com/" + "a" * 3000,
    ],
)
async def test_a_frame_that_no_provider_could_or_should_fetch_is_refused(rig: Rig, url: str) -> None:
    """DESIGN §7: https, no credentials, no private address."""
    async with rig.client() as client:
        result = await client.call_tool("create_video", {"prompt": "x", "first_frame": url})
    assert error_of(result)["problems"][0].startswith("first_frame: ")
    assert "secret" not in text_of(result)
    assert rig.creates == []


async def test_other_tools_refuse_unknown_and_missing_arguments_too(rig: Rig) -> None:
    """DESIGN §3: unknown arguments are refused at run time, everywhere."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_task", {"task": "vt_x"}),
        ("get_task", {}),
        ("get_task", {"task_id": "vt_x", "provider": "kinovi"}),
        ("cancel_task", {}),
        ("list_tasks", {"status": "done"}),
        ("list_tasks", {"cursor": "nonsense"}),
        ("list_tasks", {"task_ids": [f"vt_{number}" for number in range(51)]}),
        ("estimate_cost", {"durration": 5}),
    ]
    async with rig.client() as client:
        for tool, arguments in calls:
            assert error_of(await client.call_tool(tool, arguments))["kind"] == "invalid_request", (tool, arguments)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TOOLS = tools_for(PROVIDERS)
NAMES = sorted({parameter.name for tool in TOOLS for parameter in tool.parameters})


@given(arguments=st.dictionaries(st.sampled_from(NAMES) | st.text(), ANY_JSON, max_size=6))
def test_no_arguments_whatever_can_break_the_reader(arguments: dict[str, Any]) -> None:
    """Ours: free input ends in values or in problems, never in an exception."""
    for tool in TOOLS:
        found = read(tool.parameters, arguments, tool.name)
        known = {parameter.name for parameter in tool.parameters}
        assert set(found.values) <= known
        unknown = set(arguments) - known
        assert len(found.problems) >= len(unknown)


@pytest.mark.parametrize(
    "published",
    [
        {"type": ["string", "null"], "description": "x"},
        {"type": "array", "description": "x"},
        {"type": "string", "description": ""},
        {"type": "string", "description": "x", "format": "uri"},
        {"type": "integer", "description": "x", "enum": [1, 2]},
        {"anyOf": [], "description": "x"},
    ],
)
def test_an_argument_that_some_vendor_refuses_cannot_be_published(published: dict[str, Any]) -> None:
    """mcp.md §11: anything else fails at start-up."""
    with pytest.raises(ValueError, match="cannot be published"):
        check_portable("name", published)
