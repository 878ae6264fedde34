"""The rows of the seed table are raised by what they show; ordinary rows of the same chapters,
words and ways are not."""

import pandas as pd
import pytest

import screen
from ordinary import HEADERS, build_ordinary, count_alerts, read_goods
from rows import CASES, read_cases

SEED = read_cases("seed")
NEAR = ("Kazakhstan", "Turkey", "UAE", "Hong Kong", "Armenia")


@pytest.fixture(scope="module")
def screener():
    return screen.Screener.load([str(CASES / "seed_list.csv")])


@pytest.fixture(scope="module")
def raised(screener):
    """The kinds of each row of the seed table."""
    frame = pd.DataFrame(SEED).drop(columns=["line", "expect"])
    found = screener.screen(frame)
    kinds = zip(found["screen_row"], found["screen_flags"], strict=True)
    return {int(row): set(flags.split(";")) for row, flags in kinds}


def test_the_seed_table_has_sixty_rows():
    assert len(SEED) >= 60


@pytest.mark.parametrize("n", range(1, len(SEED) + 1), ids=lambda n: str(n))
def test_every_row_of_the_seed_table_is_raised(n, raised):
    assert set(SEED[n - 1]["expect"].split(";")) <= raised.get(n, set()), SEED[n - 1]


def test_ordinary_goods_on_ways_where_goods_are_diverted_stay_quiet(screener):
    goods = read_goods()
    rows = [[*goods[n % len(goods)], NEAR[n % len(NEAR)]] for n in range(300)]
    frame = pd.DataFrame(rows, columns=["HS Code", "Description", "Destination"])
    found = screener.screen(frame.assign(Consignee="Tulipan Home LLC"))
    listed = found[["HS Code", "Description", "screen_flags"]].to_numpy().tolist()
    assert len(listed) <= 3, listed


@pytest.mark.parametrize("seed", [2, 3])
def test_a_clean_file_stays_quiet(seed):
    rows = 2_000
    counts = count_alerts(rows, seed)
    assert {kind: n for kind, n in counts.items() if n > 0.02 * rows} == {}
    assert counts["unscreened"] <= 0.002 * rows


def test_a_clean_file_is_the_same_for_the_same_seed():
    assert build_ordinary(50, 4) == build_ordinary(50, 4) != build_ordinary(50, 5)
    assert len(build_ordinary(1, 4)[0]) == len(HEADERS)
