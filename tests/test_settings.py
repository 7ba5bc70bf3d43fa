"""Settings: what the environment means, and what it cannot mean."""

from pathlib import Path

import pytest

from seedance_mcp.domain.errors import SetupError
from seedance_mcp.settings import all_settings, load_settings

KEY = {"KINOVI_API_KEY": "key"}


def configured(**environment: str) -> list[str]:
    return [provider.spec.id for provider in load_settings(environment).catalogue.configured]


def test_without_any_key_the_demo_is_used() -> None:
    """DESIGN §5."""
    assert configured() == ["demo"]
    assert configured(KINOVI_API_KEY="", SEEDANCE2_INK_API_KEY="  ") == ["demo"]


def test_beside_a_real_key_the_demo_appears_only_when_asked_for() -> None:
    """DESIGN §5: never chosen by itself next to a real key."""
    assert configured(**KEY) == ["kinovi"]
    assert configured(**KEY, SEEDANCE_DEMO="1") == ["kinovi", "demo"]


def test_the_operators_order_also_limits_which_providers_are_used() -> None:
    """DESIGN §3 Choosing."""
    both = {**KEY, "SEEDANCE2_INK_API_KEY": "key"}
    assert configured(**both) == ["seedance2_ink", "kinovi"]
    assert configured(**both, SEEDANCE_PROVIDERS=" kinovi , seedance2_ink") == ["kinovi", "seedance2_ink"]
    assert configured(**both, SEEDANCE_PROVIDERS="kinovi") == ["kinovi"]
    assert load_settings({**both, "SEEDANCE_PROVIDERS": "kinovi"}).catalogue.order_is_chosen


def test_a_key_with_an_unfilled_placeholder_configures_nothing() -> None:
    """DESIGN §5: a literal ${…} is reported, and no demo stands in for it."""
    assert configured(KINOVI_API_KEY="${user_config.key}") == []


def test_keys_may_come_from_a_file(tmp_path: Path) -> None:
    """DESIGN §7: keys come from the environment or SEEDANCE_KEYS_FILE; the environment wins."""
    file = tmp_path / "keys"
    file.write_text("# mine\nexport KINOVI_API_KEY='from file'\nSEEDANCE2_INK_API_KEY=other\n#X=1\nnonsense\n", "utf-8")
    catalogue = load_settings({"SEEDANCE_KEYS_FILE": str(file), "SEEDANCE2_INK_API_KEY": "mine"}).catalogue
    keys = {one.spec.id: one.key.get_secret_value() for one in catalogue.configured if one.key}
    assert keys == {"kinovi": "from file", "seedance2_ink": "mine"}


def test_a_base_url_may_have_a_prefix_and_its_origin_becomes_trusted() -> None:
    """DESIGN §5: <ID>_BASE_URL overrides scheme, host and an optional prefix; §7: it may be loopback."""
    catalogue = load_settings({**KEY, "KINOVI_BASE_URL": "http://127.0.0.1:8700/gateway/"}).catalogue
    assert catalogue.configured[0].base_url == "http://127.0.0.1:8700/gateway"
    assert catalogue.origins == {"http://127.0.0.1:8700"}
    assert load_settings(KEY).catalogue.origins == set()


def test_folders_are_absolute_and_never_the_working_directory(tmp_path: Path) -> None:
    """DESIGN §8: the output folder is in the user's Videos, never where a host happened to start us."""
    settings = load_settings({})
    assert settings.output_dir.is_absolute()
    assert settings.output_dir.name == "Seedance"
    assert settings.data_dir.is_absolute()
    chosen = load_settings({"SEEDANCE_DATA_DIR": "~/data", "SEEDANCE_OUTPUT_DIR": str(tmp_path)})
    assert chosen.data_dir == Path.home() / "data"
    assert chosen.output_dir == tmp_path


def test_limits_are_read_as_dollars() -> None:
    """DESIGN §3 Spending limits."""
    limits = load_settings({"SEEDANCE_CONFIRM_ABOVE_USD": "$2", "SEEDANCE_DAILY_BUDGET_USD": "9.50"}).limits
    assert (limits.confirm_above_usd, limits.daily_budget_usd) == (2.0, 9.5)
    assert not load_settings({}).limits.any


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEEDANCE_DAILY_BUDGET_USD", "much"),
        ("SEEDANCE_CONFIRM_ABOVE_USD", "-1"),
        ("SEEDANCE_CONFIRM_ABOVE_USD", "nan"),
        ("SEEDANCE_RESOURCE_LINKS", "maybe"),
        ("SEEDANCE_DEMO", "perhaps"),
        ("SEEDANCE_LOG_LEVEL", "loud"),
        ("SEEDANCE_PROVIDERS", "kinova"),
        ("SEEDANCE_DATA_DIR", "${user_config.dir}"),
        ("SEEDANCE_KEYS_FILE", "no-such-file"),
        ("KINOVI_BASE_URL", "kinovi.ai"),
        ("KINOVI_BASE_URL", "https://user:secret@kinovi.ai"),
        ("KINOVI_BASE_URL", "https://kinovi.ai:port"),
        ("KINOVI_MAX_CONCURRENT", "0"),
        ("KINOVI_MAX_CONCURRENT", "many"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    """Ours: a wrong setting stops the start with one line that names it, instead of meaning something else."""
    with pytest.raises(SetupError, match=name):
        load_settings({**KEY, name: value})


def test_every_setting_has_a_line_for_the_readme() -> None:
    """DESIGN §8: one table, generated."""
    names = [setting.name for setting in all_settings()]
    assert len(names) == len(set(names))
    assert all(setting.meaning for setting in all_settings())
