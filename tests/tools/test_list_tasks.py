"""list_tasks: finding a lost task, and waiting for many at once."""

from rig import SMALL, Rig, error_of, facts_of, text_of


async def test_recent_tasks_come_newest_first_and_page_by_page(rig: Rig) -> None:
    """DESIGN §3: how an assistant finds a task whose id it lost."""
    async with rig.client() as client:
        made: list[str] = []
        for number in range(5):
            wish = {**SMALL, "label": f"shot {number}", "wait_seconds": 0}
            rig.clock.time += 1
            made.append(facts_of(await client.call_tool("create_video", wish))["task_id"])
        first = facts_of(await client.call_tool("list_tasks", {"limit": 2}))
        second = facts_of(await client.call_tool("list_tasks", {"limit": 2, "cursor": first["next_cursor"]}))
        third = facts_of(await client.call_tool("list_tasks", {"limit": 2, "cursor": second["next_cursor"]}))
    seen = [row["task_id"] for page in (first, second, third) for row in page["tasks"]]
    assert seen == list(reversed(made))
    assert "next_cursor" not in third
    assert {"task_id", "status", "provider", "label", "created_at", "progress"} <= set(first["tasks"][0])


async def test_one_call_waits_until_a_whole_storyboard_has_ended(rig: Rig) -> None:
    """DESIGN §3: with task_ids, wait_seconds waits until all of them have ended."""
    async with rig.client() as client:
        ids = [
            facts_of(await client.call_tool("create_video", {**SMALL, "label": str(number), "wait_seconds": 0}))[
                "task_id"
            ]
            for number in range(3)
        ]
        result = await client.call_tool("list_tasks", {"task_ids": ids, "wait_seconds": 600})
    assert [row["status"] for row in facts_of(result)["tasks"]] == ["succeeded"] * 3
    assert [row["task_id"] for row in facts_of(result)["tasks"]] == ids
    assert all(row["file"] in text_of(result) for row in facts_of(result)["tasks"])


async def test_only_the_asked_status_is_listed(rig: Rig) -> None:
    """Ours: `failed` finds what went wrong."""
    rig.break_next(on="create", kind="status", status=402)
    async with rig.client() as client:
        wish = {**SMALL, "provider": "kinovi", "wait_seconds": 60}
        task_id = error_of(await client.call_tool("create_video", wish))["task_id"]
        await client.call_tool("create_video", {**wish, "label": "another", "wait_seconds": 0})
        rows = facts_of(await client.call_tool("list_tasks", {"status": "failed"}))["tasks"]
    assert [row["task_id"] for row in rows] == [task_id]
    assert "402" in rows[0]["error"]


async def test_an_unknown_id_in_the_list_is_an_error_that_names_it(rig: Rig) -> None:
    """Ours: a typing mistake must not look like a task that has ended."""
    async with rig.client() as client:
        assert error_of(await client.call_tool("list_tasks", {"task_ids": ["vt_x"]}))["task_id"] == "vt_x"


async def test_an_empty_list_says_so(rig: Rig) -> None:
    """Ours: text that stands alone."""
    async with rig.client() as client:
        assert text_of(await client.call_tool("list_tasks", {})) == "No tasks yet."
