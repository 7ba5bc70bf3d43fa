"""`seedance-mcp providers` and `seedance-mcp upload`: what can be done where, and a file's way to a provider."""

import argparse
import sys
from collections.abc import Callable, Coroutine, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from seedance_mcp.domain.errors import InvalidRequestError, SeedanceError, SetupError
from seedance_mcp.media.kinds import LONGEST_START, mime_type_of
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import ConfiguredProvider, Upload
from seedance_mcp.settings import Settings
from seedance_mcp.tools.capabilities import HEADINGS, capability_rows

if TYPE_CHECKING:
    from rich.console import RenderableType

Row = tuple[str, ...]
"""A model of a provider: one cell under each of `HEADINGS`."""
MAX_UPLOAD = 30 * 1024 * 1024
"""Bytes; the largest picture that a provider's documents allow."""
WIDTH = 200
"""Characters of a line where there is no terminal whose width counts."""
NARROW = 160
"""On a terminal of fewer characters the table would be columns of cut words."""
TITLE = "Providers and models (configured ones are marked *)"


def providers(settings: Settings, options: argparse.Namespace) -> int:
    """Prints the capability table; with `--balance`, what providers say is left."""
    from rich.console import Console

    configured = {provider.spec.id for provider in settings.catalogue.configured}
    rows: list[Row] = []
    for name, *cells in capability_rows(settings.catalogue.known):
        provider = name.strip("`")
        rows.append((f"{provider}{' *' if provider in configured else ''}", *cells))
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    console.print(_blocks(rows) if console.width < NARROW else _table(rows))
    return _say_errors(lambda: _balances(settings)) if options.balance else 0


def _table(rows: Sequence[Row]) -> "RenderableType":
    from rich.table import Table

    table = Table(title=TITLE)
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=heading in {"provider", "model"})
    for row in rows:
        table.add_row(*row)
    return table


def _blocks(rows: Sequence[Row]) -> "RenderableType":
    """One provider below the other; what all its models have in common is said once."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(TITLE)]
    for provider, group in groupby(rows, key=lambda row: row[0]):
        models = tuple(group)
        block = Table.grid(padding=(0, 2, 0, 0))
        block.add_column(no_wrap=True)
        block.add_column()
        for heading, *cells in zip(HEADINGS, *models, strict=True):
            if heading == "model":
                block.add_row("  models", ", ".join(cells))
            elif heading != "provider":
                for number, fact in enumerate(_facts([row[1] for row in models], cells)):
                    block.add_row("" if number else f"  {heading}", fact)
        parts += [Text(f"\n{provider}", style="bold"), block]
    return Group(*parts)


def _facts(models: Sequence[str], cells: Sequence[str]) -> Sequence[str]:
    """What holds for all of these models, or for which of them."""
    where: dict[str, list[str]] = {}
    for model, cell in zip(models, cells, strict=True):
        where.setdefault(cell, []).append(model)
    return [cell if len(where) == 1 else f"{', '.join(those)}: {cell}" for cell, those in where.items()]


def upload(settings: Settings, options: argparse.Namespace) -> int:
    """Puts a file at a provider that takes files; prints the link alone, to be used as a frame or reference."""
    return _say_errors(lambda: _upload(settings, Path(options.file), options.provider))


async def _balances(settings: Settings) -> None:
    asked = [provider for provider in settings.catalogue.configured if provider.spec.balance]
    if not asked:
        sys.stdout.write("No configured provider has a documented way to ask for its balance.\n")
    for provider in asked:
        client = ProviderClient(provider)
        try:
            sys.stdout.write(f"{provider.spec.id} answers: {await client.balance()}\n")
        finally:
            await client.aclose()


async def _upload(settings: Settings, file: Path, name: str | None) -> None:
    provider, place = _taker(settings, name)
    content, kind = await _checked(file)
    client = ProviderClient(provider)
    try:
        # A name that is not UTF-8 has half characters, which cannot be sent.
        link = await client.upload(file.name.encode(errors="replace").decode(), content, kind)
    finally:
        await client.aclose()
    sys.stdout.write(f"{link}\n")
    sys.stderr.write(f"{provider.spec.id} keeps it for {place.lifetime_s / 3600:.0f} hours.\n")


def _taker(settings: Settings, name: str | None) -> tuple[ConfiguredProvider, Upload]:
    """The first configured provider that takes files, or the named one."""
    catalogue = settings.catalogue
    for one in catalogue.configured:
        if one.spec.upload and name in {None, one.spec.id}:
            return one, one.spec.upload
    takers = {spec.id: f"{spec.id} ({spec.key_variable})" for spec in catalogue.known if spec.upload}
    problem = catalogue.why_not(name) if name in takers or (name and catalogue.spec(name) is None) else None
    if problem is not None:
        raise SetupError(problem[1])
    who = f"{name} takes no files" if name else "No configured provider takes files"
    raise SetupError(f"{who}; {', '.join(takers.values())} would. Set its key, or put the file on the web.")


async def _checked(file: Path) -> tuple[bytes, str]:
    """The file's content and kind; neither is more than looked at before it is known to be taken."""
    path = anyio.Path(file)
    try:
        size = (await path.stat()).st_size
        # A device or a pipe may have no end.
        if not await path.is_file():
            raise InvalidRequestError(f"{file} is not a file. Give the path of one picture, video or sound.")
        async with await path.open("rb") as opened:
            kind = mime_type_of(await opened.read(LONGEST_START))
            if kind is not None and size <= MAX_UPLOAD:
                await opened.seek(0)
                return await opened.read(), kind
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be read. Check the path and its permissions.") from error
    raise InvalidRequestError(
        f"{file} has {size} bytes and is {kind or 'of no kind that a provider takes'}. Up to "
        "30 MB of JPEG, PNG, WebP, GIF, BMP, MP4, MOV, MP3 or WAV are taken."
    )


def _say_errors(work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    try:
        anyio.run(work)
    except SeedanceError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2 if error.kind in {"invalid_request", "auth"} else 1
    return 0
