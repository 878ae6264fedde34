"""Destinations: countries as written, embargoes, places, diversion in company only."""

import pytest

import screen
from rows import phrases_of, read_cases

ALL_GOODS = (screen.HIGH_PRIORITY, "dual-use controls", "Japan catch-all")
RULES = [
    {**row, "iso2": iso2}
    for row in screen.read_table("destinations")
    if row["kind"] != "points"
    for iso2 in row["countries"].split("|")
]
SIGNS = screen.read_table("red_flags")
COUNTRIES = screen.read_table("countries")


def route(*, goods=(), tier="", **cells):
    """The flags of cells by role in the company of goods tables and a high-priority tier."""
    listed = [screen.Flag("goods", "", {"table": table, "tier": tier}) for table in goods]
    places = [flag for role, text in cells.items() for flag in screen.screen_places(role, text)]
    first = {flag.facts.get("country"): flag for flag in reversed(places)}
    way = screen.screen_way({role: (text,) for role, text in cells.items()}, listed)
    return (*reversed(first.values()), *way)


def rules(kind, **row):
    return [flag.facts["rule"] for flag in route(**row) if flag.kind == kind]


@pytest.mark.parametrize("case", read_cases("destinations"), ids=lambda case: case["text"])
def test_countries_as_people_write_them(case):
    assert screen.parse_country(case["text"]) == case["iso2"]


@pytest.mark.parametrize("row", COUNTRIES, ids=lambda row: row["iso2"])
def test_every_name_of_a_country_reads_as_it_alone(row):
    names = [row["iso2"], row["iso3"], *row["names"].split("|")]
    written = [*names, *(name.upper() for name in names), *(f" {name}. " for name in names)]
    assert [name for name in written if screen.parse_country(name) != row["iso2"]] == []


def test_all_countries_are_there_once():
    assert len({row["iso2"] for row in COUNTRIES}) == len({row["iso3"] for row in COUNTRIES}) == 250


@pytest.mark.parametrize(
    "text, unread", [("Atlantis", True), ("Kenya", False), ("", False), (" ", False)]
)
def test_unread_destination_is_said(text, unread):
    flags = [flag for flag in screen.screen_places("destination", text)]
    facts = {"role": "destination", "found": text}
    assert [(flag.kind, flag.facts) for flag in flags] == [("unscreened", facts)] * unread


@pytest.mark.parametrize("row", RULES, ids=lambda row: f"{row['iso2']}-{row['rule']}")
def test_every_destination_rule_is_reached(row):
    alone = route(destination=row["iso2"])
    flags = route(destination=row["iso2"], goods=ALL_GOODS, tier="1")
    if row["kind"] == "partner":
        cells = {"destination": row["iso2"], "consignee": "ABC Trading"}
        assert (alone, rules("diversion", goods=ALL_GOODS, tier="1", **cells)) == ((), [])
        return
    found = [flag for flag in flags if row["rule"] in flag.facts["rule"].split("; ")]
    assert [(flag.kind, flag.facts["country"]) for flag in found] == [(row["kind"], row["iso2"])]
    assert row["source"] in found[0].reason and row["as_of"] in found[0].reason
    assert bool(row["needs"]) != any(row["rule"] == flag.facts["rule"] for flag in alone)


@pytest.mark.parametrize("country", [row for row in RULES if row["needs"]], ids=lambda r: r["iso2"])
def test_country_groups_need_goods(country):
    embargoed = screen.find_destination_flags(country["iso2"])
    assert route(destination=country["iso2"]) == embargoed


PARTY_CELLS = read_cases("offices")


@pytest.mark.parametrize("case", PARTY_CELLS, ids=lambda case: case["consignee"])
def test_offices_of_embargoed_states_in_party_cells(case):
    flags = screen.screen_places("consignee", case["consignee"])
    assert [flag.facts["country"] for flag in flags] == [case["code"]] * bool(case["code"])


@pytest.mark.parametrize(
    "row", [row for row in RULES if row["needs"].startswith("tier")], ids=lambda r: r["iso2"]
)
def test_transshipment_needs_high_priority_goods(row):
    found = ";".join(rules("diversion", destination=row["iso2"], goods=("dual-use controls",)))
    assert row["rule"] not in found


def test_destination_flag_has_the_keys_of_the_contract():
    for flag in route(destination="KG", consignee="KG Cargo", goods=ALL_GOODS, tier="1"):
        assert set(flag.facts) == {"rule", "country", "table"}


def test_syria_is_for_review():
    (flag,) = screen.find_destination_flags("SY")
    assert "do not hard-block" in flag.reason


@pytest.mark.parametrize(
    "rule", ["us_country_group_D1", "us_country_group_D5", "us_military_end_use"]
)
def test_hong_kong_counts_as_china(rule):
    found = rules("destination", destination="Hong Kong", goods=ALL_GOODS)
    assert rule in ";".join(found)


@pytest.mark.parametrize(
    "column", ["transit", "consignee_country", "end_user_country", "bank_country"]
)
def test_an_embargo_counts_by_any_country_of_the_row(column):
    found = rules("destination", destination="DE", **{column: "Russia"})
    assert found == ["russia_belarus_controls"]


@pytest.mark.parametrize("case", read_cases("places"), ids=lambda case: case["address"])
def test_places(case):
    flags = screen.find_region_flags(case["address"])
    assert [flag.facts["country"] for flag in flags][:1] == ([case["code"]] if case["code"] else [])


REGIONS = [row for row in screen.read_table("regions") if row["what"] in ("whole", "place")]


@pytest.mark.parametrize("row", REGIONS, ids=lambda row: f"{row['code']}-{row['what']}")
def test_every_place_is_reached(row):
    flagged = {name: screen.find_region_flags(f"12, {name}") for name in phrases_of(row)}
    assert [name for name, flags in flagged.items() if not flags] == []
    assert {flags[0].facts["rule"] for flags in flagged.values()} == {row["rule"]}


def test_places_that_only_sound_alike_are_reached():
    others = [row for row in screen.read_table("regions") if row["what"] == "other"]
    names = [name for row in others for name in phrases_of(row)]
    assert [name for name in names if screen.find_region_flags(name)] == []


def test_an_embargo_on_the_way_counts():
    assert rules("destination", destination="AE", transit="IR") == ["embargo_comprehensive"]


@pytest.mark.parametrize("column", ["destination", "transit", "forwarder_address"])
def test_places_count_wherever_they_stand(column):
    cells = {"destination": "KZ", column: "Almaty via Moscow"}
    assert rules("destination", **cells) == ["russia_belarus_controls"]


def test_a_seat_in_russia_is_said_once():
    cells = {"destination": "RU", "consignee_address": "Moscow", "consignee_country": "Russia"}
    assert rules("destination", **cells) == ["russia_belarus_controls"]
    assert rules("destination", destination="KZ", consignee_address="Tverskaya 1, Moscow, Russia")


CELLS = {  # a row that shows the sign, by its test
    "transit": lambda row: [{"transit": code} for code in row["countries"].split("|")],
    "blank": lambda row: [{row["applies_to"]: " ", "intermediate_consignee": "ACME"}],
    "elsewhere": lambda row: [{"consignee_country": "Turkey"}],
    "words": lambda row: [
        {role: f"Alfa {words} 7"}
        for role in row["applies_to"].split("|")
        for words in phrases_of(row)
    ],
}


@pytest.mark.parametrize("row", SIGNS, ids=lambda row: row["id"])
def test_every_red_flag_is_reached(row):
    for cells in CELLS[row["test"]](row):
        found = rules("diversion", destination="PE", goods=ALL_GOODS, tier="1", **cells)
        assert row["id"] in found, cells


@pytest.mark.parametrize("row", SIGNS, ids=lambda row: row["id"])
def test_red_flags_need_company(row):
    assert row["needs"]
    for cells in CELLS[row["test"]](row):
        assert rules("diversion", destination="PE", **cells) == []


@pytest.mark.parametrize(
    "row",
    [row for row in SIGNS if "third" in row["needs"] and row["test"] != "elsewhere"],
    ids=lambda r: r["id"],
)
def test_some_red_flags_stay_silent_towards_partner_states(row):
    for cells in CELLS[row["test"]](row):
        found = rules("diversion", destination="NO", goods=ALL_GOODS, tier="1", **cells)
        assert row["id"] not in found


@pytest.mark.parametrize(
    "cells",
    [
        {"consignee": "Bankside Optics Ltd"},
        {"consignee": "Foodora GmbH"},
        {"end_user": "ACME", "intermediate_consignee": "ACME"},
        {"intermediate_consignee": "ACME"},
        {"intermediate_consignee": "", "end_user": ""},
        {"consignee_country": "Peru"},
        {"destination": "Norway", "consignee_country": "Germany"},
        {"transit": "Netherlands"},
        {"transit": ""},
        {"consignee_address": "12 Apton Road"},
        {"description": "to order"},
    ],
    ids=str,
)
def test_red_flags_near_misses(cells):
    here = {"destination": "PE", **cells}
    assert rules("diversion", goods=ALL_GOODS, tier="3.A", **here) == []


@pytest.mark.parametrize("code, asked", [("854231", True), ("851762", True), ("848210", False)])
def test_customer_certificate_is_a_note_not_a_flag(code, asked):
    (priority, *_) = screen.find_goods(code, "KZ")
    assert ("customer certificate" in priority.reason) is asked


def test_the_seat_of_the_consignee_counts():
    found = rules("diversion", destination="NO", consignee_country="TR", goods=ALL_GOODS, tier="1")
    assert "transshipment_us_2022" in found[0] and found[1:] == ["2-elsewhere"]


def test_goods_by_way_of_their_own_destination_are_not_odd():
    assert rules("diversion", destination="KZ", transit="KZ", goods=("dual-use controls",)) == []


def test_what_is_not_verified_says_so():
    (flag,) = route(destination="HK", goods=("dual-use controls",))
    assert "not verified" in flag.reason


def test_the_story_of_the_ball_bearings():
    goods = [flag.facts["table"] for flag in screen.find_goods("848210", "KG")]
    flags = route(destination="Kirgizistan", goods=goods, tier=screen.tier_of("848210"))
    assert [flag.kind for flag in flags] == ["destination", "diversion"]
    assert "FinCEN-BIS" in flags[1].reason and "2022-06-28" in flags[1].reason


def test_a_blank_destination_falls_back_on_the_consignee():
    flags = route(destination="", consignee_country="KG", goods=ALL_GOODS, tier="1")
    assert {flag.facts["country"] for flag in flags} == {"KG"}


@pytest.mark.parametrize(
    "hostile", ["Moscow street " * 9_000, "abcdefghi," * 9_000, "посольств " * 9_000]
)
@pytest.mark.parametrize("role", ["destination", "consignee_address", "consignee"])
def test_hostile_cells_come_to_an_end_and_are_said(role, hostile, no_hang):
    flags = screen.screen_places(role, hostile)
    assert flags[-1].kind == "unscreened" and "4,000 characters" in flags[-1].reason
