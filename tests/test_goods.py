"""Goods: codes as they come, tables they meet, texts that name other goods."""

import pytest

import screen
from rows import phrases_of, read_cases

GOODS = [(row, code) for row in screen.read_table("goods") for code in row["prefix"].split("|")]
CHPL = {
    code: row["tier"]
    for row, code in GOODS
    if row["table"] == screen.HIGH_PRIORITY and row["edition"] == "HS 2022"
}
DESCRIPTIONS = read_cases("descriptions")
KEYWORDS = screen.read_table("descriptions")
PHRASES = screen.read_phrases("descriptions")
FORMS = {
    "plain": "{0}{1}",
    "dotted": "{0}.{1}",
    "spaced": "{0} {1}",
    "dashed": "{0}-{1}",
    "float": "{0}{1}.0",
    "eight digits": "{0}{1}00",
    "national line": "{0}.{1}.00.01",
    "ten digits": "{0}{1}9000",
    "apostrophe": "'{0}{1}",
    "quoted": '"{0}.{1}"',
    "formula": '="{0}{1}"',
    "HS": "HS {0}.{1}",
    "HTS": "HTS: {0}.{1}.0000",
    "words": "{0}.{1} - other goods",
    "blanks": " {0}{1}\t",
}


def wide(code):
    return "".join(chr(ord(digit) + 0xFEE0) for digit in code)


def scientific(code, point="."):
    mantissa = f"{code[0]}{point}{code[1:].rstrip('0')}"
    return f"{mantissa}E5" if point == "." else f"{mantissa}e+05"


def written(code):
    """The code in eighteen forms."""
    forms = [form.format(code[:4], code[4:]) for form in FORMS.values()]
    return [*forms, wide(code), scientific(code), scientific(code, ",")]


def tiers(text):
    return [screen.tier_of(code.digits) for code in screen.parse_hs_cell(text)]


def tables(code, destination="*"):
    return {flag.facts["table"]: flag for flag in screen.find_goods(code, destination)}


def test_fifty_codes_have_a_tier():
    assert len(CHPL) == 50


@pytest.mark.parametrize("code", CHPL)
def test_every_form_of_a_high_priority_code_finds_its_tier(code):
    assert [text for text in written(code) if tiers(text) != [CHPL[code]]] == []


@pytest.mark.parametrize("code", CHPL)
def test_every_form_of_a_high_priority_code_is_sound(code):
    assert [text for text in written(code) if find_faults(text)] == []


OLDER = [row for row in screen.read_table("goods") if row["edition"] != "HS 2022"]


@pytest.mark.parametrize("row", OLDER, ids=lambda row: f"{row['prefix']}-{row['table']}")
def test_older_codes_find_what_they_became(row):
    older = tables(row["prefix"])[row["table"]]
    assert "older code" in older.reason and older.facts["edition"] == row["edition"]
    newer = row["description"].rsplit("(now ")[1].split(",")[0].strip(")")
    if row["tier"]:
        assert {tier for text in written(row["prefix"]) for tier in tiers(text)} == {row["tier"]}
        assert screen.tier_of(newer) == row["tier"]


@pytest.mark.parametrize("case", read_cases("hs"), ids=lambda case: case["text"])
def test_hs_cases(case):
    code = screen.parse_hs_code(case["text"])
    assert (code.digits, code.sound) == (case["digits"], case["sound"] == "yes"), code.fault
    assert screen.tier_of(code.digits) == case["tier"]


def test_two_hundred_neighbours_have_no_tier():
    neighbours = [case for case in read_cases("hs") if case["note"] == "neighbour"]
    texts = [text for case in neighbours for text in written(case["digits"])]
    assert len(neighbours) == 200 and [text for text in texts if any(tiers(text))] == []


@pytest.mark.parametrize(
    "cell, digits",
    [
        ("8542.31; 8541.10", ["854231", "854110"]),
        ("854231/854239", ["854231", "854239"]),
        ("8542.31,8541.10", ["854231", "854110"]),
        ("8542.31\n8541.29", ["854231", "854129"]),
        ("8542.31-8542.39", ["854231", "854239"]),
        ("854231 854110", ["854231", "854110"]),
        ("8542 31 90 00", ["8542319000"]),
        ("8542,31", ["854231"]),
        ("8,54231E+05", ["854231"]),
        ("854231; 854231", ["854231"]),
        ("010121 or 848210", ["010121", "848210"]),
        ("010121 (formerly 8482.10)", ["010121", "848210"]),
        ("8542.31 (ISO 9001)", ["854231"]),
        ("", [""]),
    ],
)
def test_cells_of_several_codes(cell, digits):
    assert [code.digits for code in screen.parse_hs_cell(cell)] == digits


def find_faults(*cells):
    return [flag for flag in screen.screen_codes(cells, ()) if flag.kind == "hs-code"]


def test_hs_code_flag_has_the_keys_of_the_contract():
    (flag,) = find_faults("8542.31; 7701.10")
    assert flag.facts == {"hs_code": "770110", "found": "8542.31; 7701.10"}


@pytest.mark.parametrize("row", screen.read_table("goods"), ids=lambda row: row["prefix"][:6])
def test_every_goods_rule_is_reached(row):
    codes = row["prefix"].split("|")
    flags = [tables(code).get(row["table"]) for code in codes]
    if row["effect"] == "exclude":
        assert set(flags) == {None}
        return
    assert [flag.facts["rule"] for flag in flags] == codes
    assert {flag.facts["edition"] for flag in flags} == {row["edition"]}
    assert all(row["controls"] in flag.facts["controls"] for flag in flags)
    said = ("never proves control", row["as_of"])
    assert all(words in flag.reason for flag in flags for words in said)


def test_goods_flag_has_the_keys_of_the_contract():
    keys = ["hs_code", "rule", "table", "tier", "controls", "edition"]
    assert [list(flag.facts) for flag in screen.find_goods("854231", "RU")] == [keys] * 4


def test_high_priority_comes_first_and_each_table_once():
    names = [flag.facts["table"] for flag in screen.find_goods("848210", "RU")]
    assert names[0] == screen.HIGH_PRIORITY and len(names) == len(set(names))


def test_controls_name_the_entries_to_check():
    assert tables("845811")["dual-use controls"].facts["controls"] == (
        "EU 2B001.a; 2B201.a / U.S. ECCN 2B001; 2B201, else 2B991"
    )


def test_longest_prefix_decides_and_may_exclude():
    assert "Japan catch-all" in tables("854231") and "Japan catch-all" not in tables("854290")


@pytest.mark.parametrize(
    "destination, applies", [("RU", True), ("BY", True), ("KZ", False), ("", False)]
)
def test_supplements_apply_to_russia_and_belarus_only(destination, applies):
    assert ("EAR 746 supplements" in tables("730411", destination)) is applies


@pytest.mark.parametrize("code, tier", [("8542", "1"), ("85", "1"), ("8482", "3.B"), ("85422", "")])
def test_short_codes_say_so(code, tier):
    flag = tables(code).get(screen.HIGH_PRIORITY)
    assert screen.tier_of(code) == tier and (not tier or "too short to decide" in flag.reason)


@pytest.mark.parametrize("code", ["61", "6109", "610910", "", "848240", "0101"])
def test_ordinary_codes_meet_nothing(code):
    assert screen.find_goods(code, "DE") == () or not screen.tier_of(code)


def rows_met(text):
    return [hit[2] for hit in screen.find_phrases(screen.fold_phrase(text), PHRASES)]


def raised(texts, *digits):
    """Of `texts` those that get a flag beside the sound codes `digits`, wherever they go."""
    way = (screen.ANY_DESTINATION,)
    return [text for text in texts if screen.find_description_flags(text, digits, way)]


def graded(*grades):
    rows = [row for row in KEYWORDS if row["precision"] in grades]
    return pytest.mark.parametrize("row", rows, ids=lambda row: f"{row['language']}-{row['label']}")


@graded(*{row["precision"] for row in KEYWORDS})
def test_every_keyword_is_reached(row):
    assert [text for text in phrases_of(row) if row not in rows_met(text)] == []


@graded("high")
def test_high_grade_keywords_raise_alone(row):
    assert raised(phrases_of(row), "610910") == phrases_of(row)


@graded("medium")
def test_medium_grade_keywords_raise_without_a_code(row):
    assert raised(phrases_of(row)) == (phrases_of(row) if row["expected_hs"] else [])


@graded("low")
def test_low_grade_keywords_never_raise_alone(row):
    met = {text: {row["precision"] for row in rows_met(text)} for text in phrases_of(row)}
    alone = [text for text in met if met[text] <= {"low", "with"}]
    assert alone and raised(alone) == []


@graded("with")
def test_words_with_a_heading_raise_with_that_heading_only(row):
    code = row["expected_hs"].split("|")[0].ljust(6, "0")
    assert raised(phrases_of(row), code) == phrases_of(row)
    way = (screen.ANY_DESTINATION,)
    for text in phrases_of(row):
        found = screen.find_description_flags(text, ("610910",), way)
        assert row["table"] not in {flag.facts.get("table") for flag in found} or "high" in {
            other["precision"] for other in rows_met(text)
        }


SILENT = {"other": "{}", "accessory": "oscilloscope {}", "purpose": "thing {} oscilloscope"}


@graded(*SILENT)
def test_names_of_other_goods_accessories_and_purposes_silence(row):
    texts = [SILENT[row["precision"]].format(text) for text in phrases_of(row)]
    assert raised(texts, "610910") == []


def judged(expect):
    """How many descriptions are labelled `expect`, and those that are raised on the way to DE."""
    rows = [case for case in DESCRIPTIONS if case["expect"] == expect]
    codes = [filter(None, [case["hs_code"]]) for case in rows]
    found = [
        row["description"]
        for row, code in zip(rows, codes, strict=True)
        if screen.find_description_flags(row["description"], tuple(code), ("DE",))
    ]
    return len(rows), found


def test_misdeclared_goods_are_raised():
    total, found = judged("yes")
    assert total >= 100 and len(found) >= 0.9 * total


def test_ordinary_goods_are_not():
    total, found = judged("no")
    assert total >= 300 and len(found) <= 3, found


def test_description_flag_has_the_keys_of_the_contract():
    (flag,) = screen.find_description_flags("Ball bearings, 6204", ("870899",))
    assert flag.kind == "description"
    assert flag.facts == {"hs_code": "870899", "found": "ball bearings"}


def test_an_older_code_is_older_only_where_its_heading_went_away():
    assert "older" not in tables("854150")["dual-use controls"].reason


def test_a_short_code_names_no_control():
    assert tables("85")["dual-use controls"].facts["controls"] == ""


@pytest.mark.parametrize(
    "text, code, expect",
    [
        ("tantalum chip SMD capacitors", "610910", True),
        ("ball bearings packed well in one strong wooden case", "610910", True),
        ("ball bearing mounting grease", "340319", False),
        ("ball bearings, grease", "340319", True),
        ("microcontrollers and oscilloscopes", "854231", False),
        ("ball bearings and diodes", "848210", False),
        ("PCB with leads, MOSFET", "853400", True),
        ("x " * 1_900 + "ball bearings", "610910", True),
    ],
    ids=lambda part: str(part)[:40],
)
def test_what_stands_beside_the_goods(text, code, expect):
    assert bool(raised([text], code)) is expect


def test_the_end_of_a_description_that_was_not_read_is_said():
    (flag,) = screen.find_description_flags("x " * 2_000 + "ball bearings", ("610910",))
    assert flag.kind == "unscreened" and "4,000 characters" in flag.reason


def test_medium_grade_needs_another_chapter_or_no_code():
    assert raised(["PCB"]) and raised(["PCB"], "392690") and not raised(["PCB"], "850450")


def test_military_words_count_with_high_priority_goods_only():
    words = ["for military use"]
    assert raised(words, "854231") == raised(words, "640399") == []
    assert raised(["military radio chips"], "854231")


@pytest.mark.parametrize(
    "hostile",
    ["a " * 50_000, "ball " * 20_000, "轴" * 100_000, "8" * 100_000, "8" + " " * 100_000 + "!"],
)
def test_hostile_cells_come_to_an_end(hostile, no_hang):
    assert raised([hostile]) in ([], [hostile])
    assert not any(code.sound for code in screen.parse_hs_cell(hostile))
