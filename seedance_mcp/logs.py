"""Log lines to stderr, one line each, with every key removed."""

import logging
import sys
from collections.abc import Sequence

from pydantic import SecretStr

REMOVED = "***"


class KeepSecrets(logging.Formatter):
    """Formats a record, then removes the keys: also from arguments, exceptions and tracebacks."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = tuple(secret.get_secret_value() for secret in secrets)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, REMOVED)
        return line


def set_up_logs(level: str, secrets: Sequence[SecretStr]) -> None:
    """Takes over the root logger; called before the SDK sets up its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeepSecrets(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Its INFO lines hold whole URLs.
    logging.getLogger("httpx").setLevel(logging.WARNING)
