"""The Surges room: cells as people write them, the story found, and silence elsewhere."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import screen
from history import build_history
from ordinary import HEADERS, build_ordinary, write_ordinary
from rows import read_cases

HERE = Path(__file__).parent
BASE = {
    "date": "2025-01-01",
    "destination": "Kyrgyzstan",
    "hs_code": "8482.10",
    "consignee": "Tulpar LLC",
    "value": "100",
}


def say_month(month: int) -> str:
    return f"{month // 12}-{month % 12 + 1:02}" if month else ""


def build_ledger(*rows: dict[str, str], repeat: int = 1, file: str = "") -> screen.SurgeLedger:
    """A ledger of rows that are BASE but for what is given, each taken `repeat` times."""
    ledger = screen.SurgeLedger()
    add_rows(ledger, [BASE | row for row in rows for _ in range(repeat)], file)
    return ledger


def add_rows(ledger: screen.SurgeLedger, rows: Sequence[dict[str, str]], file: str = "") -> None:
    frame = pd.DataFrame(rows, dtype=object).fillna("")
    ledger.add({role: list(frame[role]) for role in frame}, file)


def add_frame(frame: pd.DataFrame, size: int = 10**9) -> screen.SurgeLedger:
    ledger = screen.SurgeLedger()
    for start in range(0, len(frame), size):
        part = frame[start : start + size]
        ledger.add({role: part[role].to_numpy() for role in part.columns})
    return ledger


def months(ledger: screen.SurgeLedger) -> list[str]:
    return sorted(say_month(month) for month in ledger.trade()[1]["period"].unique())


@pytest.fixture(scope="module")
def story():
    frame, truth = build_history(20_000)
    ledger = add_frame(frame, 6_000)
    return ledger, screen.find_surges(ledger), truth


@pytest.mark.parametrize("case", read_cases("dates"), ids=lambda case: case["note"])
def test_date_is_read_both_ways(case):
    read = tuple(say_month(month) for month in screen.parse_month(case["text"]))
    assert read == (case["day_first"], case["month_first"])


@pytest.mark.parametrize("case", read_cases("amounts"), ids=lambda case: case["note"])
def test_amount_is_read(case):
    for comma, expected in ((False, case["plain"]), (True, case["decimal_comma"])):
        read = screen.parse_amount(case["text"], comma)
        assert read == float(expected) if expected else math.isnan(read)


@given(st.text(max_size=30))
def test_no_cell_stops_the_run(text):
    assert len(screen.parse_month(text)) == 2
    assert isinstance(screen.parse_amount(text), float)


@pytest.mark.parametrize(
    "other, expected",
    [
        ("25/04/2025", ["2025-04"]),
        ("04/25/2025", ["2025-03", "2025-04"]),
        ("2025-04-25", ["2025-04"]),
    ],
)
def test_a_file_has_one_date_order(other, expected):
    assert months(build_ledger({"date": "03/04/2025"}, {"date": other})) == expected


def test_date_order_is_each_files_own():
    ledger = build_ledger({"date": "03/04/2025"}, {"date": "04/25/2025"}, file="us.csv")
    add_rows(ledger, [BASE | {"date": "05/06/2025"}, BASE | {"date": "25/06/2025"}], "uk.csv")
    assert months(ledger) == ["2025-03", "2025-04", "2025-06"]


def test_date_order_may_show_in_a_later_chunk():
    ledger = build_ledger({"date": "03/04/2025"})
    add_rows(ledger, [BASE | {"date": "03/25/2025"}])
    assert months(ledger) == ["2025-03"]


@pytest.mark.parametrize(
    "values, total", [(["12,5", "1.234"], 1246.5), (["12,5", "1,234", "9.50", "8.75"], 1264.75)]
)
def test_the_files_usual_decimal_mark_settles_its_thousands(values, total):
    ledger = build_ledger(*({"value": value} for value in values))
    assert ledger.trade()[1]["amount"].sum() == total


def test_unread_cells_are_counted_and_their_rows_kept():
    odd = {"date": "soon", "hs_code": "84", "destination": "Atlantis", "value": "-"}
    ledger = build_ledger({}, *({key: odd[key]} for key in odd))
    assert ledger.unread == {"date": 1, "hs_code": 1, "destination": 1, "value": 1}
    assert ledger.rows == ledger.trade()[1]["rows"].sum() == 5


def test_absent_column_is_named():
    with pytest.raises(screen.ScreenError) as stop:
        screen.SurgeLedger().add({"destination": [], "hs_code": []}, "may.csv")
    assert stop.value.message == (
        "may.csv: found no date column among destination, hs_code, expected one; "
        "name it with --column date=HEADER."
    )


@pytest.mark.parametrize(
    "present, expected",
    [({"value": "9", "weight": "2"}, "value"), ({"value": "-", "weight": "2"}, "weight"),
     ({"value": "-", "quantity": "2"}, "quantity"), ({"value": "-"}, "rows")],
)  # fmt: skip
def test_the_first_amount_that_the_file_states_is_compared(present, expected):
    assert build_ledger({"date": "2025-01-01"} | present).trade()[0] == expected


@pytest.mark.parametrize(
    "span, expected",
    [
        (24, [(6, 11), (18, 23)]),
        (36, [(18, 23), (30, 35)]),
        (15, [(0, 2), (12, 14)]),
        (14, [(0, 9), (10, 13)]),
        (2, [(0, 0), (1, 1)]),
        (1, []),
        (0, []),
    ],
)
def test_periods_follow_the_span(span, expected):
    assert screen.choose_periods({month: 9 for month in range(span)}) == expected


def test_a_mistyped_year_does_not_move_the_periods():
    rows = {month: 500 for month in range(24)} | {330: 1, -500: 1}
    assert screen.choose_periods(rows) == [(6, 11), (18, 23)]


def test_the_story_comes_first_with_its_true_growth(story):
    _, surges, truth = story
    assert (surges[0].destination, surges[0].heading, surges[0].tier) == ("KG", "8482", "3.B")
    assert surges[0].growth_percent == pytest.approx(truth.growth_percent, rel=0.02)
    assert surges[0].baseline_amount == pytest.approx(truth.baseline)
    assert surges[0].current_amount == pytest.approx(truth.current)


def test_at_most_five_other_groups_shout(story):
    assert len(story[1]) <= 6


def test_the_reason_says_growth_periods_tier_route_and_source(story):
    reason = story[1][0].reason
    for words in (
        "KG x 8482: value up 2,000 %",
        "2025-07 to 2025-12 against 2024-07 to 2024-12",
        "high-priority tier 3.B (check the parameters)",
        "transshipment point: ",
        "trade with RU in 8482 fell by ",
        " of the rise may have moved from there",
    ):
        assert words in reason


def test_the_history_asked_for_has_at_most_five_other_groups():
    frame, truth = build_history(200_000)
    first, *others = screen.find_surges(add_frame(frame, 50_000))
    assert len(others) <= 5
    assert (first.destination, first.heading) == ("KG", "8482")
    assert first.growth_percent == pytest.approx(truth.growth_percent, rel=0.02)


def test_chunks_do_not_matter(story):
    frame, _ = build_history(20_000)
    assert screen.find_surges(add_frame(frame)) == story[1]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_history_without_a_story_is_silent(seed):
    assert screen.find_surges(add_frame(build_history(20_000, story=False, seed=seed)[0])) == []


@pytest.mark.parametrize("low, high", [(50, 100), (100, 1900), (1900, 2100)])
def test_raising_the_least_growth_never_adds_a_place(story, low, high):
    lower, higher = (screen.find_surges(story[0], least) for least in (low, high))
    assert {(s.destination, s.heading) for s in higher} <= {
        (s.destination, s.heading) for s in lower
    }
    assert any(s.key[0] == "destination" for s in higher) == (high < 2000)


def grow(before: int, now: int, **cells: str) -> list[dict[str, str]]:
    """Rows of BASE and `cells` spread over the last quarters: `before` in 2024, `now` in 2025."""
    days = [(year, n) for year, count in ((2024, before), (2025, now)) for n in range(count)]
    return [{"date": f"{y}-{10 + n % 3}-{n // 3 % 28 + 1:02}"} | cells for y, n in days]


@pytest.mark.parametrize(
    "before, now, found",
    [(10, 40, True), (10, 19, False), (1, 4, False), (0, 12, True), (0, 4, False), (40, 40, False)],
)
def test_growth_must_be_large_and_rest_on_enough_rows(before, now, found):
    surges = screen.find_surges(build_ledger(*grow(before, now), *grow(1, 1, hs_code="0901.21")))
    assert [s.key[0] for s in surges] == ["destination"] * found


def test_new_trade_has_no_percent():
    new = screen.find_surges(build_ledger(*grow(0, 12), *grow(9, 9, destination="Germany")))[0]
    assert (new.baseline_rows, new.current_rows, new.growth_percent) == (0, 12, None)
    assert "KG x 8482: value new trade (0 to 1,200), rows 0 to 12" in new.reason


def test_tier_goods_and_transshipment_points_lead_among_equals():
    rows = [
        *grow(10, 50, hs_code="9403.20", destination="France"),
        *grow(10, 50, hs_code="9403.20"),
        *grow(10, 50, destination="France"),
        *grow(10, 50),
    ]
    order = [(s.destination, s.heading) for s in screen.find_surges(build_ledger(*rows))]
    assert order[0] == ("KG", "8482") and order[-1] == ("FR", "9403")


def test_a_larger_rise_leads_among_like_groups():
    rows = [*grow(10, 40, destination="Armenia"), *grow(10, 80)]
    assert [s.destination for s in screen.find_surges(build_ledger(*rows))] == ["KG", "AM"]


def test_a_consignee_that_surged_unseen_in_its_destination_stands_alone():
    others = [*grow(400, 400, consignee="Old Buyer")]
    surges = screen.find_surges(build_ledger(*grow(5, 40), *others))
    assert [(s.key[0], s.group, s.destination) for s in surges] == [
        ("consignee", "Tulpar LLC x 8482", "KG")
    ]


def test_same_goods_under_changing_codes_are_reported():
    wordy = {"description": "Ball bearings 6204", "date": "2025-01-01"}
    rows = [wordy | {"hs_code": "8482.10"}, wordy | {"hs_code": "8431.39"}]
    (found,) = screen.find_surges(build_ledger(*rows, repeat=3))
    assert (found.key[0], found.tier, found.current_rows) == ("description", "3.B", 6)
    assert found.reason == ("alike goods under changing HS codes: Ball bearings 6204: 8431, 8482")
    assert screen.find_surges(build_ledger(*rows, repeat=2)) == []


def test_an_unread_code_is_no_other_heading():
    wordy = {"description": "Ball bearings 6204", "date": "2025-01-01"}
    rows = [wordy | {"hs_code": code} for code in ("8482.10", "n/a", "?")]
    assert screen.find_surges(build_ledger(*rows, repeat=3)) == []


def test_a_wording_under_many_headings_says_nothing():
    codes = [{"hs_code": f"84{n}.10", "description": "SPARE PARTS"} for n in (81, 82, 83, 84)]
    assert screen.find_surges(build_ledger(*codes, repeat=5)) == []


def build_sites(names: Sequence[str], address: str) -> list[screen.Surge]:
    rows = [{"consignee": name, "consignee_address": address} for name in names]
    return screen.find_surges(build_ledger(*rows))


def test_one_address_under_three_names_is_reported():
    (found,) = build_sites(["Alfa LLC", "Beta LLC", "Gamma LLC"], "14 Jibek Jolu Ave, Bishkek")
    assert found.reason == (
        "one address under several consignee names: 14 Jibek Jolu Ave, Bishkek: "
        "Alfa LLC, Beta LLC, Gamma LLC"
    )


@pytest.mark.parametrize(
    "names, address",
    [
        (["Alfa LLC", "Beta LLC"], "14 Jibek Jolu Ave, Bishkek"),
        (["Alfa LLC", "Beta LLC", "Gamma LLC"], "Bishkek"),
        (["Alfa LLC", "ALFA L.L.C.", "Alfa Ltd", "Beta LLC"], "14 Jibek Jolu Ave, Bishkek"),
        ([f"Firm{n} LLC" for n in range(30)], "1 Airport Free Zone Tower, Dubai"),
    ],
)
def test_neighbours_spellings_and_towers_say_nothing(names, address):
    assert build_sites(names, address) == []


def build_lots(value: str, days: int, repeat: int = 1) -> list[screen.Surge]:
    rows = [{"date": f"2025-03-{day + 1:02}", "value": value} for day in range(days)]
    return screen.find_surges(build_ledger(*rows, repeat=repeat))


@pytest.mark.parametrize(
    "value, days, repeat, found",
    [("2490", 6, 1, 1), ("1245", 6, 2, 1), ("2490", 5, 1, 0), ("2490", 1, 9, 0), ("2500", 9, 1, 0),
     ("2200", 9, 1, 0), ("2490", 6, 2, 1)],
)  # fmt: skip
def test_lots_just_below_a_limit_are_reported(value, days, repeat, found):
    assert len(build_lots(value, days, repeat)) == found


def test_split_lots_say_how_many():
    (found,) = build_lots("2490", 7)
    assert (found.current_rows, found.current_amount, found.group) == (
        7,
        17430.0,
        "Tulpar LLC x 8482",
    )
    assert found.reason == (
        "lots perhaps split: 7 of 7 daily consignments to Tulpar LLC in heading 8482 "
        "just below 2,500 in value"
    )


def flags_of(ledger, own=None, **row):
    """The surge flags of a row that is BASE but for `row`, by the ledger of a history."""
    index = screen.index_surges(ledger, own or screen.SurgeLedger())
    cells = {role: (text,) for role, text in (BASE | row).items()}
    return screen.screen_surges(cells, index)


def test_rows_of_a_group_that_surged_are_flagged(story):
    (flag,) = flags_of(story[0])
    assert (flag.kind, dict(flag.facts)) == (
        "surge", {"group": "KG x 8482", "growth_percent": story[1][0].growth_percent},
    )  # fmt: skip


@pytest.mark.parametrize("destination, heading", [("KG", "8483"), ("DE", "8482"), ("", "8482")])
def test_rows_of_other_groups_are_not(story, destination, heading):
    assert flags_of(story[0], destination=destination, hs_code=heading, value="") == ()


def test_rows_of_a_consignee_that_surged_are_flagged_however_spelt():
    ledger = build_ledger(*grow(5, 40), *grow(400, 400, consignee="Old Buyer"))
    (flag,) = flags_of(ledger, consignee="TULPAR, LLC")
    assert flag.facts["group"] == "Tulpar LLC x 8482"
    assert flags_of(ledger, consignee="Old Buyer") == ()


def test_rows_of_patterns_are_flagged():
    site = {"consignee_address": "14 Jibek Jolu Ave, Bishkek"}
    sites = build_ledger(*(site | {"consignee": f"{name} LLC"} for name in ("Alfa", "Beta", "Gam")))
    assert ["one address under" in f.reason for f in flags_of(sites, **site)] == [True]
    goods = {"description": "Ball bearings 6204"}
    codes = build_ledger(*(goods | {"hs_code": c} for c in ("8482.10", "8431.39")), repeat=3)
    assert ["changing HS codes" in f.reason for f in flags_of(codes, **goods)] == [True]
    lots = build_ledger(*({"date": f"2025-03-{n + 1:02}", "value": "2490"} for n in range(7)))
    assert ["lots perhaps split" in f.reason for f in flags_of(lots)] == [True]
    assert flags_of(lots, consignee="Other LLC", description="Nuts", consignee_address="9 A") == ()


def test_patterns_of_the_screened_file_itself_count_but_not_its_growth():
    own = build_ledger(*({"date": f"2025-03-{n + 1:02}", "value": "2490"} for n in range(7)))
    assert len(flags_of(screen.SurgeLedger(), own)) == 1
    grown = build_ledger(*grow(10, 60))
    assert flags_of(screen.SurgeLedger(), grown) == () != flags_of(grown)


def build_prices(count=40):
    """Bearings at 8 to 25 a kilogram."""
    rows = [{"value": str(100 * (8 + n % 18)), "weight": "100"} for n in range(count)]
    return build_ledger(*rows)


@pytest.mark.parametrize(
    "value, weight, odd",
    [("1500", "100", False), ("5000", "100", False), ("50", "100", True), ("90,000", "100", True),
     ("1,500", "100", False), ("1500", "", False), ("0", "100", False)],
)  # fmt: skip
def test_a_price_far_off_its_groups_own_is_flagged(value, weight, odd):
    flags = flags_of(build_prices(), value=value, weight=weight)
    assert ["value of a kilogram far off" in flag.reason for flag in flags] == [True] * odd


def test_few_prices_say_nothing():
    assert flags_of(build_prices(20), value="50", weight="100") == ()


def test_a_price_far_off_is_a_pattern_of_the_history():
    ledger = build_prices()
    add_rows(ledger, [BASE | {"value": "2", "weight": "100"}])
    (found,) = screen.find_patterns(ledger)
    assert (found.heading, found.current_rows) == ("8482", 1)
    assert found.reason.startswith("value of a kilogram far off the usual")
    assert found.reason.endswith(" in subheading 848210: so are 1 of 41 rows")


ROLES = ["reference", "date", "consignee", "consignee_address", "consignee_country", "hs_code",
         "description", "value", "weight", "destination", "transit"]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ordinary_files_show_no_pattern(seed):
    own = add_frame(pd.DataFrame(build_ordinary(5_000, seed), columns=ROLES))
    index = screen.index_surges(screen.SurgeLedger(), own)
    rows = [dict(zip(ROLES, row, strict=True)) for row in build_ordinary(5_000, seed)]
    flagged = [r for r in rows if screen.screen_surges({k: (v,) for k, v in r.items()}, index)]
    assert len(flagged) <= 0.002 * len(rows), [s.reason for s in screen.find_patterns(own)]


def test_an_empty_history_says_nothing():
    assert screen.find_surges(screen.SurgeLedger()) == []
    assert screen.list_amounts(screen.SurgeLedger(), []) == []


def test_the_columns_are_the_contracts():
    assert screen.SURGE_COLUMNS == (
        "destination", "heading", "baseline_rows", "current_rows", "baseline_amount",
        "current_amount", "growth_percent", "tier", "reason",
    )  # fmt: skip


def test_amounts_for_a_chart_show_the_jump(story):
    ((title, amounts),) = screen.list_amounts(story[0], story[1][:1])
    sums = [amount for _, amount in amounts]
    assert title == "KG x 8482, value" and len(amounts) == 12
    assert min(sums[-3:]) > 5 * max(sums[:9])
    assert (amounts[0][0], amounts[-1][0]) == ("2024-01", "2025-11")


SAMPLE_ROLES = {
    "Date": "date", "Consignee": "consignee", "Consignee address": "consignee_address",
    "Destination": "destination", "HS code": "hs_code", "Goods": "description",
    "Value USD": "value", "Weight kg": "weight",
}  # fmt: skip


def test_the_sample_tells_the_story():
    path = HERE.parent / "samples" / "history.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False).rename(columns=SAMPLE_ROLES)
    first, *others = screen.find_surges(add_frame(frame[list(SAMPLE_ROLES.values())]))
    assert (first.destination, first.heading, first.growth_percent) == ("KG", "8482", 2000.0)
    assert [surge.baseline_rows for surge in others] == [None]


def test_rows_without_any_date_are_counted_and_nothing_is_said():
    ledger = build_ledger({"date": "soon"}, repeat=50)
    assert (screen.find_surges(ledger), ledger.unread["date"]) == ([], 50)


def test_a_file_without_consignees_still_shows_destinations():
    ledger = screen.SurgeLedger()
    rows = pd.DataFrame([BASE | row for row in grow(10, 60)]).drop(columns="consignee")
    ledger.add({role: list(rows[role]) for role in rows})
    assert [(s.key[0], s.destination) for s in screen.find_surges(ledger)] == [
        ("destination", "KG")
    ]


def test_a_run_with_a_history_flags_the_patterns_of_its_own_file(tmp_path):
    write_ordinary(tmp_path / "past.csv", 3_000, 31)
    rows = build_ordinary(500, 32)
    for name in ("Alfa", "Beta", "Gamma"):
        row = [*rows[0]]
        row[2], row[3] = f"{name} Home LLC", "77 Lenin Street, Almaty"
        rows.append(row)
    week, nobody = tmp_path / "week.csv", tmp_path / "nobody.csv"
    lines = [",".join(f'"{cell}"' for cell in row) for row in [HEADERS, *rows]]
    week.write_text("\n".join(lines), encoding="utf-8")
    nobody.write_text("name\nXyzzyqqua Vwxkplu\n", encoding="utf-8")
    call = ["-q", "-l", nobody, week, "--history", tmp_path / "past.csv", "-f", "jsonl"]
    result = CliRunner().invoke(screen.main, list(map(str, call)))
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["row"] for row in found if "surge" in row["flags"]] == [501, 502, 503]
