"""What the operator chose: environment variables, read once at start. An empty one counts as unset."""

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from seedance_mcp.domain.cost import PriceList
from seedance_mcp.domain.errors import SetupError
from seedance_mcp.environment import Environment, is_placeholder
from seedance_mcp.price_file import read_prices
from seedance_mcp.providers import DEMO, all_providers
from seedance_mcp.providers.spec import ConfiguredProvider, ProviderSpec
from seedance_mcp.tasks.budget import SpendingLimits
from seedance_mcp.tasks.catalogue import Catalogue

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
DEFAULT_LISTEN = "127.0.0.1:8787"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One environment variable, as the README's table shows it."""

    name: str
    meaning: str
    default: str = ""
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAddress:
    """Where the internet reaches this machine, and where the machine listens for it."""

    url: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The operator's choices, checked."""

    catalogue: Catalogue
    data_dir: Path
    output_dir: Path
    limits: SpendingLimits
    with_resource_links: bool = True
    log_level: str = "WARNING"
    prices: Mapping[str, PriceList] = field(default_factory=dict[str, PriceList])
    public: PublicAddress | None = None
    """None: providers are asked, and cannot call back."""
    secrets: tuple[SecretStr, ...] = field(default=())


def all_settings() -> tuple[Setting, ...]:
    """Every environment variable the server reads."""
    return (
        *(
            setting
            for spec in all_providers()
            for setting in (
                Setting(name=spec.key_variable or "", meaning=f"API key of {spec.title}", is_secret=True),
                Setting(name=f"{spec.id.upper()}_BASE_URL", meaning="Another address of it", default=spec.base_url),
                Setting(name=f"{spec.id.upper()}_MAX_CONCURRENT", meaning="At most so many videos there at once"),
                *(Setting(name=one.variable, meaning=one.meaning, default=one.default) for one in spec.settings),
            )
        ),
        Setting(name="SEEDANCE_PROVIDERS", meaning="Which providers are used, in this order (comma-separated)"),
        Setting(name="SEEDANCE_DEMO", meaning="`1` offers the demo provider beside real ones"),
        Setting(name="SEEDANCE_KEYS_FILE", meaning="A file of `NAME=value` lines with the keys"),
        Setting(name="SEEDANCE_PRICES", meaning="A TOML file with prices of your own"),
        Setting(name="SEEDANCE_DATA_DIR", meaning="Where the task store lives", default="the platform's data folder"),
        Setting(name="SEEDANCE_OUTPUT_DIR", meaning="Where videos are saved", default="`Seedance` in your Videos"),
        Setting(name="SEEDANCE_CONFIRM_ABOVE_USD", meaning="Dearer videos need `max_cost_usd`, so the user is asked"),
        Setting(name="SEEDANCE_DAILY_BUDGET_USD", meaning="No more than this in one UTC day, all processes together"),
        Setting(name="SEEDANCE_PUBLIC_URL", meaning="https address of this machine, at which providers may call back"),
        Setting(
            name="SEEDANCE_PUBLIC_LISTEN",
            meaning="Where your tunnel or reverse proxy delivers those calls",
            default=DEFAULT_LISTEN,
        ),
        Setting(name="SEEDANCE_RESOURCE_LINKS", meaning="`off` for hosts that drop results with links", default="on"),
        Setting(
            name="SEEDANCE_LOG_LEVEL", meaning="`DEBUG`, `INFO`, `WARNING` or `ERROR`, to stderr", default="WARNING"
        ),
    )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads and checks the environment.

    Raises:
        SetupError: A setting has a value that cannot be meant; the text names it.
    """
    env = Environment(os.environ if environment is None else environment)
    level = (env.get("SEEDANCE_LOG_LEVEL") or "WARNING").upper()
    if level not in LOG_LEVELS:
        raise SetupError(f"SEEDANCE_LOG_LEVEL is one of {', '.join(LOG_LEVELS)}; {level!r} is set. Correct it.")
    prices = _prices(env.folder("SEEDANCE_PRICES"))
    catalogue = _catalogue(env, prices)
    return Settings(
        catalogue=catalogue,
        data_dir=env.folder("SEEDANCE_DATA_DIR") or _default_data_dir(),
        output_dir=env.folder("SEEDANCE_OUTPUT_DIR") or _default_output_dir(),
        limits=SpendingLimits(
            confirm_above_usd=env.amount("SEEDANCE_CONFIRM_ABOVE_USD"),
            daily_budget_usd=env.amount("SEEDANCE_DAILY_BUDGET_USD"),
        ),
        with_resource_links=env.switch("SEEDANCE_RESOURCE_LINKS", default=True),
        log_level=level,
        prices=prices,
        public=_public(env),
        secrets=tuple(provider.key for provider in catalogue.configured if provider.key),
    )


def _catalogue(env: Environment, prices: Mapping[str, PriceList]) -> Catalogue:
    configured: dict[str, ConfiguredProvider] = {}
    unfilled: dict[str, str] = {}
    for spec in all_providers():
        key = env.get(spec.key_variable) if spec.key_variable else None
        if key and spec.key_variable and is_placeholder(key):
            unfilled[spec.key_variable] = key
        elif key:
            configured[spec.id] = _configured(spec, env, key, prices.get(spec.id))
    order = _order(env)
    chosen = [configured[name] for name in order if name in configured] if order else list(configured.values())
    nothing_set = not configured and not unfilled
    if nothing_set or env.switch("SEEDANCE_DEMO", default=False):
        chosen.append(ConfiguredProvider(spec=DEMO, base_url=DEMO.base_url))
    left_out = configured.keys() - {provider.spec.id for provider in chosen}
    return Catalogue(
        chosen, (*all_providers(), DEMO), unfilled=unfilled, order_is_chosen=bool(order), left_out=left_out
    )


def _prices(file: Path | None) -> Mapping[str, PriceList]:
    return {} if file is None else read_prices(file, [spec.id for spec in all_providers()])


def _order(env: Environment) -> Sequence[str]:
    names = [name.strip() for name in (env.get("SEEDANCE_PROVIDERS") or "").split(",") if name.strip()]
    known = [spec.id for spec in (*all_providers(), DEMO)]
    for name in names:
        if name not in known:
            raise SetupError(f"SEEDANCE_PROVIDERS names {name!r}; known are {', '.join(known)}. Correct it.")
    return names


def _configured(spec: ProviderSpec, env: Environment, key: str, prices: PriceList | None) -> ConfiguredProvider:
    variable = f"{spec.id.upper()}_BASE_URL"
    base_url = (env.get(variable) or spec.base_url).rstrip("/")
    if not _is_address(base_url):
        raise SetupError(f"{variable} is an address such as {spec.base_url}; {base_url!r} is set. Correct it.")
    return ConfiguredProvider(
        spec=_as_chosen(spec, env),
        base_url=base_url,
        key=SecretStr(key),
        max_concurrent=env.count(f"{spec.id.upper()}_MAX_CONCURRENT"),
        own_usd_per_credit=prices.usd_per_credit if prices else None,
    )


def _as_chosen(spec: ProviderSpec, env: Environment) -> ProviderSpec:
    """The spec with the operator's own choices applied."""
    for setting in spec.settings:
        value = env.get(setting.variable)
        if value is None:
            continue
        if setting.choices and value not in setting.choices:
            raise SetupError(
                f"{setting.variable} is one of {', '.join(setting.choices)}; {value!r} is set. Correct it."
            )
        if setting.is_path and not (value.startswith("/") and value.isprintable() and " " not in value):
            raise SetupError(f"{setting.variable} is a path such as {setting.default}; {value!r} is set. Correct it.")
        spec = setting.apply(spec, value)
    return spec


def _is_address(url: str) -> bool:
    """Whether it is scheme, host and perhaps a port and a path; credentials do not belong there."""
    try:
        parts = urlsplit(url)
        has_sound_port = parts.port != 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and has_sound_port


def _public(env: Environment) -> PublicAddress | None:
    listen = env.get("SEEDANCE_PUBLIC_LISTEN") or DEFAULT_LISTEN
    host, _, port = listen.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SetupError(
            f"SEEDANCE_PUBLIC_LISTEN is a host and a port such as {DEFAULT_LISTEN}; {listen!r} is set. Correct it."
        )
    url = (env.get("SEEDANCE_PUBLIC_URL") or "").rstrip("/")
    if not url:
        return None
    if not _is_public_address(url):
        raise SetupError(
            "SEEDANCE_PUBLIC_URL is an https address such as https://videos.example.com or "
            f"https://example.com/seedance (http only for this machine itself); {url!r} is set. Correct it."
        )
    return PublicAddress(url=url, host=host.strip("[]"), port=int(port))


def _is_public_address(url: str) -> bool:
    """Whether a callback's path can be put behind it, and nobody on the way reads that path."""
    if not _is_address(url):
        return False
    parts = urlsplit(url)
    is_plain = re.fullmatch(r"[\w./~-]*", parts.path, re.ASCII) and not {"?", "#"} & set(url)
    return bool(is_plain) and (parts.scheme == "https" or _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _default_data_dir() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("seedance-mcp", appauthor=False))


def _default_output_dir() -> Path:
    import platformdirs

    return Path(platformdirs.user_videos_dir()) / "Seedance"
