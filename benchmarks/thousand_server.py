"""The provider of thousand.py, on a port of its own. It prints the port, and remembers when it was asked for what.

`/control/begin` starts a run with a plan, `/control/report` tells of every video when it was asked for and noticed.
"""

import json
import socket
import time
from collections.abc import Mapping

import uvicorn
from scripted_provider import Made, ScriptedProvider
from thousand_plan import Plan


class Server(ScriptedProvider):
    """A scripted provider that another process directs."""

    def answer(self, path: str, query: bytes, content: bytes) -> tuple[str, bytes]:
        if path == "/control/begin":
            self._begin(Plan(**json.loads(content)))
            return "application/json", b"{}"
        if path == "/control/report":
            return "application/json", json.dumps(self._report()).encode()
        return super().answer(path, query, content)

    def _begin(self, plan: Plan) -> None:
        self.takes_s, self.address = plan.durations_s.__getitem__, plan.address
        self.made = {
            one.number: Made(accepted_at=plan.begin - one.age_s, ends_at=plan.begin + one.left_s) for one in plan.starts
        }

    def _report(self) -> Mapping[int, object]:
        return {
            number: {"ends_at": made.ends_at, "noticed_at": made.noticed_at, "looks_at": made.looks_at}
            for number, made in self.made.items()
        }


def never(_number: int) -> float:
    raise RuntimeError("nothing has begun")


def main() -> None:
    server = Server(now=time.time, takes_s=never, address="")
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(server.asgi, interface="asgi3", lifespan="off", ws="none", log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
