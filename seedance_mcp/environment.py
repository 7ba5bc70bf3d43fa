"""Typed questions to the environment variables. An empty one counts as unset."""

from collections.abc import Mapping
from pathlib import Path

from seedance_mcp.domain.errors import SetupError

_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class Environment:
    """Typed questions to the environment, with the keys file behind it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        keys_file = self.folder("SEEDANCE_KEYS_FILE")
        self._keys = _read_keys(keys_file) if keys_file else {}

    def get(self, name: str) -> str | None:
        return self._values.get(name, "").strip() or self._from_file(name)

    def _from_file(self, name: str) -> str | None:
        return None if name == "SEEDANCE_KEYS_FILE" else self._keys.get(name) or None

    def folder(self, name: str) -> Path | None:
        value = self.get(name)
        if value is None:
            return None
        if is_placeholder(value):
            raise SetupError(f"{name} holds the unfilled placeholder {value!r}. Put a path there or remove it.")
        return Path(value).expanduser().absolute()

    def amount(self, name: str) -> float | None:
        """US dollars, not negative."""
        value = self.get(name)
        if value is None:
            return None
        try:
            amount = float(value.removeprefix("$"))
        except ValueError:
            amount = -1.0
        if not 0 <= amount < float("inf"):
            raise SetupError(f"{name} is an amount in US dollars such as 2.50; {value!r} is set. Correct it.")
        return amount

    def count(self, name: str) -> int | None:
        value = self.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            raise SetupError(f"{name} is a whole number of 1 or more; {value!r} is set. Correct it.")
        return int(value)

    def switch(self, name: str, *, default: bool) -> bool:
        value = self.get(name)
        if value is None:
            return default
        if value.lower() not in _YES | _NO:
            raise SetupError(f"{name} is on or off; {value!r} is set. Correct it.")
        return value.lower() in _YES


def is_placeholder(value: str) -> bool:
    """Whether a host passed on a `${…}` that it should have filled in."""
    return value.startswith("${") and value.endswith("}")


def _read_keys(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"SEEDANCE_KEYS_FILE {path} cannot be read. Check the path and its permissions.") from error
    pairs = [line.removeprefix("export ").partition("=") for line in map(str.strip, lines) if "=" in line]
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs if not name.startswith("#")}
