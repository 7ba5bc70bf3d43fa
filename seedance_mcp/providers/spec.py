"""What a provider is: one frozen record and a few pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from seedance_mcp.domain.cost import Estimate, PriceList
from seedance_mcp.domain.errors import ErrorKind
from seedance_mcp.domain.model import ModelSpec, problems_with
from seedance_mcp.domain.task import Status
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers.json_view import JsonObject, JsonView


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One HTTP operation. `{task_id}` in the path is replaced by the percent-encoded provider task id."""

    method: Literal["GET", "POST", "DELETE", "PUT"]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReply:
    """What a provider answered about one task, in its own words. What it did not say is None."""

    provider_task_id: str | None = None
    status: str | None = None
    progress: float | None = None
    video_url: str | None = None
    last_frame_url: str | None = None
    error: str | None = None
    credits: float | None = None
    usd: float | None = None
    refused: "Refusal | None" = None
    """Set when the body itself says no, whatever the HTTP status (002's `success: false`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error body in the provider's words."""

    message: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """A stream of server-sent events about the key's tasks; it only ever makes a task due for a look."""

    path: str
    name: str
    """The one event name that counts."""
    parse: Callable[[JsonView], ProviderReply]


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePrices:
    """A price and schema that the provider itself answers for at this moment."""

    path: Callable[[VideoRequest, ModelSpec], str]
    estimate: Callable[[JsonView, VideoRequest, ModelSpec], Estimate | None]
    mismatches: Callable[[JsonView, ModelSpec], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One task in a provider's own list."""

    provider_task_id: str
    made_at: float | None = None
    """Unix seconds, by the provider's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskList:
    """A provider's list of the key's tasks, in which a create can be found whose answer was lost."""

    paths: tuple[str, ...]
    """All of them together are the whole list."""
    find: Callable[[JsonView, VideoRequest, ModelSpec], tuple[Listed, ...]]
    """The tasks in one answer that were made by just such a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A place at the provider for a caller's own files: one multipart field, and where the answer holds the link."""

    path: str
    field: str
    parse_url: Callable[[JsonView], str | None]
    lifetime_s: float
    """How long the provider keeps a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSetting:
    """A choice of the operator's that only this provider has; `apply` gives the spec as chosen."""

    variable: str
    meaning: str
    default: str
    apply: "Callable[[ProviderSpec, str], ProviderSpec]"
    choices: tuple[str, ...] = ()
    is_path: bool = False


def _no_rules(_request: VideoRequest, _model: ModelSpec) -> list[str]:
    return []


def _no_notes(_request: VideoRequest, _model: ModelSpec) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """A provider as data. What it lacks is None; nothing here touches the network."""

    id: str
    title: str
    docs_url: str
    base_url: str
    key_variable: str | None
    """The environment variable of its key; None when it needs none."""
    models: tuple[ModelSpec, ...]
    create: Endpoint
    fetch: Endpoint
    cancel: Endpoint | None
    statuses: Mapping[str, Status]
    """The provider's status words, all of them; any other word is an error."""
    build_body: Callable[[VideoRequest, ModelSpec, str | None], JsonObject]
    """Request, model, callback URL (or None) → the body of a create."""
    parse_reply: Callable[[JsonView], ProviderReply]
    parse_refusal: Callable[[JsonView], Refusal]
    rules: Callable[[VideoRequest, ModelSpec], list[str]] = _no_rules
    """Problems that `ModelSpec` cannot say."""
    error_kinds: Mapping[str, ErrorKind] = field(default_factory=dict[str, ErrorKind])
    """The provider's error codes that mean more than their HTTP status."""
    refusal_statuses: frozenset[int] = frozenset()
    """HTTP statuses beyond the usual ones which the provider's documents call a refusal of a create."""
    prices: PriceList | None = None
    usual_s: tuple[float, float] | None = None
    """How long a video usually takes, from the documents."""
    url_lifetime_s: float | None = None
    """How long a result link works; None where the documents do not say."""
    cancel_costs: Literal["yes", "no", "unknown"] = "unknown"
    public_urls: bool = True
    """False when its links mean nothing outside this process."""
    notes: tuple[str, ...] = ()
    """Said with every result."""
    notes_for: Callable[[VideoRequest, ModelSpec], tuple[str, ...]] = _no_notes
    """Said with the result of such a request."""
    answers_at_the_end: bool = False
    """Whether the create blocks until the video is there, and has no task id."""
    events: EventSource | None = None
    parse_callback: Callable[[JsonView], str | None] | None = None
    """The provider's task id in the body of a callback; nothing else in there is believed."""
    live: LivePrices | None = None
    task_list: TaskList | None = None
    upload: Upload | None = None
    balance: Endpoint | None = None
    """Answers what is left on the account, in a form that the documents do not show."""
    settings: tuple[ProviderSetting, ...] = ()

    def problems(self, request: VideoRequest, model: ModelSpec) -> list[str]:
        """Every reason why this provider cannot make the request with this model."""
        return [*problems_with(request, model, self.id), *self.rules(request, model)]

    def model_for(self, name: str | None) -> ModelSpec | None:
        return next((model for model in self.models if model.model == name), None)

    def notes_on(self, request: VideoRequest, model: ModelSpec) -> tuple[str, ...]:
        """What the caller should know about such a video here, such as a default that others do not share."""
        sound: tuple[str, ...] = ()
        if request.generate_audio is None and model.audio_default is not None:
            sound = (
                f"{self.id} makes it {'with' if model.audio_default else 'without'} sound unless asked otherwise.",
            )
        return (*self.notes, *sound, *self.notes_for(request, model))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredProvider:
    """A provider together with what the operator set for it."""

    spec: ProviderSpec
    base_url: str
    key: SecretStr | None = None
    max_concurrent: int | None = None
    own_usd_per_credit: float | None = None
    """What a credit costs this user."""

    @property
    def usd_per_credit(self) -> float | None:
        prices = self.spec.prices
        published = prices.usd_per_credit if prices else None
        return published if self.own_usd_per_credit is None else self.own_usd_per_credit

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Its own origin where the operator set the base URL (it may be loopback), or where it is in this process."""
        is_set = self.base_url != self.spec.base_url or not self.spec.public_urls
        return frozenset({self.origin}) if is_set else frozenset()

    @property
    def origin(self) -> str:
        """scheme://host:port."""
        parts = urlsplit(self.base_url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        host = (parts.hostname or "").lower()
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
