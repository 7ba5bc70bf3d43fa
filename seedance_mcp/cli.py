"""The command line: serves MCP, makes and follows videos from a shell, runs the simulator."""

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedance_mcp.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """The `seedance-mcp` command; the result is the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Importing makes hundreds of thousands of objects that stay: collecting meanwhile only costs time.
    gc.disable()
    try:
        return _run(given)
    except KeyboardInterrupt:
        return 130


def _run(given: Sequence[str]) -> int:
    if not given:
        return _serve()
    if given[0] == "create":
        return _create(given[1:])
    options = _parser().parse_args(given)
    if options.command == "simulator":
        return _simulator(options)
    if options.command == "follow":
        return _with_settings(lambda settings: _follow(settings, options))
    if options.command in {"providers", "upload"}:
        return _with_settings(lambda settings: _provider_command(settings, options))
    return _serve()


def _parser() -> argparse.ArgumentParser:
    from seedance_mcp import __version__

    parser = argparse.ArgumentParser(
        prog="seedance-mcp",
        description="AI video with Seedance 2.0 for any MCP client. Without a command it serves MCP over stdio.",
    )
    parser.add_argument("--version", action="version", version=f"seedance-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve MCP over stdin and stdout (the default)")
    commands.add_parser("create", help="make one video from the shell; see seedance-mcp create --help", add_help=False)
    follow = commands.add_parser("follow", help="finish the videos that are under way and save them")
    follow.add_argument("task_ids", nargs="*", metavar="TASK_ID", help="only these; default: all unfinished ones")
    follow.add_argument("--json", action="store_true", help="print each task that ends as one JSON object")
    simulator = commands.add_parser(
        "simulator", help="speak the providers' wire formats locally, for trying and testing"
    )
    simulator.add_argument("--host", default="127.0.0.1")
    simulator.add_argument("--port", type=_port, default=8700, help="0 chooses a free one (default %(default)s)")
    simulator.add_argument(
        "--run-seconds", type=float, default=4.0, help="how long a video takes (default %(default)s)"
    )
    table = commands.add_parser("providers", help="show what every provider and model can do, and its prices")
    table.add_argument("--balance", action="store_true", help="also ask the configured ones what is left")
    upload = commands.add_parser("upload", help="put a local file at a provider that takes files; prints its link")
    upload.add_argument("file", metavar="FILE")
    upload.add_argument("--provider", help="default: the first configured one that takes files")
    return parser


def _follow(settings: "Settings", options: argparse.Namespace) -> int:
    from seedance_mcp.following import follow

    return follow(settings, options)


def _provider_command(settings: "Settings", options: argparse.Namespace) -> int:
    from seedance_mcp.provider_commands import providers, upload

    gc.enable()
    return providers(settings, options) if options.command == "providers" else upload(settings, options)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535; {text!r} was given")
    return int(text)


def _serve() -> int:
    def serve(settings: "Settings") -> int:
        import anyio

        from seedance_mcp.server import Program
        from seedance_mcp.stdio import serve_stdio

        program = Program(settings)
        gc.freeze()
        gc.enable()
        anyio.run(serve_stdio, program)
        return 0

    return _with_settings(serve)


def _create(arguments: Sequence[str]) -> int:
    def create(settings: "Settings") -> int:
        from seedance_mcp.shell import create

        return create(settings, arguments)

    return _with_settings(create)


def _with_settings(run: Callable[["Settings"], int]) -> int:
    from seedance_mcp.domain.errors import SetupError
    from seedance_mcp.logs import set_up_logs
    from seedance_mcp.settings import load_settings

    try:
        settings = load_settings()
    except SetupError as error:
        sys.stderr.write(f"seedance-mcp: {error}\n")
        return 2
    set_up_logs(settings.log_level, settings.secrets)
    return run(settings)


def _simulator(options: argparse.Namespace) -> int:
    import anyio

    from seedance_mcp.simulator.serving import run_simulator

    def announce(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    gc.enable()
    try:
        anyio.run(run_simulator, options.host, options.port, options.run_seconds, announce)
    except OSError as error:
        why = error.strerror or error
        announce(f"seedance-mcp: --host {options.host} --port {options.port}: {why}. --port 0 takes a free one.")
        return 1
    return 0
