"""SEEDANCE_PRICES: the user's own prices, and what is said about a file that is none."""

from pathlib import Path

import pytest

from seedance_mcp.domain.errors import SetupError
from seedance_mcp.price_file import __doc__ as example
from seedance_mcp.price_file import read_prices

KNOWN = ("kinovi", "seedance2_ink")


def written(folder: Path, text: str) -> Path:
    file = folder / "prices.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_example_in_the_documentation_is_a_price_file(tmp_path: Path) -> None:
    """Issue: documented with an example."""
    lines = [line.strip() for line in (example or "").splitlines()[2:]]
    prices = read_prices(written(tmp_path, "\n".join(lines)), KNOWN)["seedance2_ink"]
    row = prices.find(model="seedance-2.0", resolution="720p", has_video=False)
    assert row is not None
    assert (row.credits_per_s, prices.usd_per_credit, prices.as_of) == (8, 0.01, "2026-11-01")
    assert prices.find(model="seedance-2.0", resolution="1080p", has_video=False) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x", "is not TOML"),
        ("[kinovi]\n", "kinovi.prices"),
        ("[kinovi]\nprices = []\n", "kinovi.prices"),
        ("[[kinovi.prices]]\nresolution = '720p'\n", "it needs credits_per_second or usd_per_second"),
        ("[[kinovi.prices]]\nusd_per_second = -1\n", "usd_per_second"),
        ("[[kinovi.prices]]\nusd_per_second = inf\n", "usd_per_second"),
        ("[[kinova.prices]]\nusd_per_second = 1\n", "names 'kinova'; known are kinovi, seedance2_ink"),
        ("[[kinovi.prices]]\nusd_per_seconds = 1\n", "usd_per_seconds"),
        ("[[kinovi.prices]]\nusd_per_second = 1\nmodel = 'seedance-9'\n", "kinovi.prices.0.model"),
    ],
)
def test_a_file_that_is_no_price_list_is_named_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    """Ours: a wrong price is worse than none, so it stops the start."""
    with pytest.raises(SetupError, match=r"SEEDANCE_PRICES") as caught:
        read_prices(written(tmp_path, text), KNOWN)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Ours: one line, no traceback."""
    with pytest.raises(SetupError, match="cannot be read"):
        read_prices(tmp_path / "none.toml", KNOWN)


def test_the_row_that_says_most_counts_wherever_it_stands(tmp_path: Path) -> None:
    """Ours: a general row written first must not make the special one cheaper."""
    text = "[[kinovi.prices]]\nusd_per_second = 0.05\n[[kinovi.prices]]\nmodel = 'seedance-2.0'\nusd_per_second = 0.2\n"
    prices = read_prices(written(tmp_path, text), KNOWN)["kinovi"]
    rows = [prices.find(model=one, resolution="720p", has_video=False) for one in ("seedance-2.0", "seedance-2.0-fast")]
    assert [row.usd_per_s for row in rows if row] == [0.2, 0.05]
