"""The other side of thousand.py: a loop that looks at every video every 5 s, as small as can be, and keeps nothing."""

import json
import time
from collections.abc import Sequence

import anyio
import anyio.abc
import httpx
from figures import most_rss_mb
from scripted_provider import CREATE, FETCH, PROMPT
from thousand_plan import Plan, given_plan

EVERY_S = 5.0
PATIENCE_S = 30.0
_dues: dict[str, list[float]] = {}


async def run(plan: Plan) -> None:
    await anyio.sleep(max(0.0, plan.begin - time.time()))
    cpu = time.process_time()
    client = httpx.AsyncClient(base_url=plan.address, timeout=PATIENCE_S, limits=httpx.Limits(max_connections=None))
    async with client, anyio.create_task_group() as group:
        for one in plan.starts:
            group.start_soon(follow, client, str(one.number), EVERY_S - one.age_s % EVERY_S)
        group.start_soon(order, client, plan.orders, plan.begin, group)
        await anyio.sleep(max(0.0, plan.begin + plan.window_s - time.time()))
        group.cancel_scope.cancel()
    result = {
        "dues": _dues,
        "cpu_s": time.process_time() - cpu,
        "rss_most_mb": most_rss_mb(),
    }
    print(json.dumps(result))


async def follow(client: httpx.AsyncClient, task_id: str, wait: float) -> None:
    while True:
        _dues.setdefault(task_id, []).append(time.time() + wait)
        await anyio.sleep(wait)
        said = (await client.get(FETCH, params={"taskId": task_id})).json()
        if said["status"] == "success":
            return
        wait = EVERY_S


async def order(
    client: httpx.AsyncClient, orders: Sequence[tuple[float, int]], begin: float, group: anyio.abc.TaskGroup
) -> None:
    for at, number in orders:
        await anyio.sleep(max(0.0, begin + at - time.time()))
        said = (await client.post(CREATE, json={"inputs": {"prompt": f"{PROMPT}{number}"}})).json()
        group.start_soon(follow, client, said["taskId"], EVERY_S)


if __name__ == "__main__":
    anyio.run(run, given_plan())
