from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import screen

DAY = date(2026, 11, 23)
LIST = """name,entry_id,type,aliases,weak_aliases,countries,addresses,identifiers,expires_on
Kvantek Severnaya Zarya,K1,entity,Kvantek SZ,Milurov,RU,"Lenina 7, Tambov Severny",Tax ID No. 7707083893|SWIFT KVNTRUMM,
Orbita Plus,O1,entity,,,CN,"",,
Orbita Plus,O2,entity,,,AE,"",,
VOLNA TAIGI,V1,vessel,,,,,IMO 9253325,
Old Terskov,X1,entity,,,RU,,,2020-01-01
Address Holder,A1,entity,,,HK,"Unit 1204, Kwong Loong Tower, Wan Chai",,
"""


@pytest.fixture(scope="module")
def list_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "own.csv"
    path.write_text(LIST, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def screener(list_path):
    return screen.Screener.load([list_path], as_of=DAY)


@pytest.fixture(scope="module")
def screener_all(list_path):
    return screen.Screener.load([list_path], as_of=DAY, hits="all")


def frame_of(**columns):
    """A frame of one row, or of as many as the lists given have."""
    columns = {key: value if isinstance(value, list) else [value] for key, value in columns.items()}
    return pd.DataFrame(
        {"consignee": ["Nobody Known"] * len(next(iter(columns.values())))} | columns
    )


def flags_of(screener, **columns):
    """(kind, facts) of every flag of a frame of one row."""
    frame = frame_of(**columns)
    roles = screen.find_roles([str(c) for c in frame.columns], {})
    chunk = screen.Chunk(1, frame.astype(object).to_numpy().tolist(), [1], {})
    return [
        (flag.kind, flag.facts) for row in screener.screen_chunk(chunk, roles) for flag in row.flags
    ]


# ------------------------------------------------------------------------------- load and screen


def test_load_counts_what_is_raised_and_what_has_expired(screener):
    assert (len(screener.entries), screener.expired, screener.options.as_of) == (5, 1, DAY)


def test_load_refuses_an_unknown_option(list_path):
    with pytest.raises(screen.ScreenError, match="no option treshold, expected as_of, threshold"):
        screen.Screener.load([list_path], as_of=DAY, treshold=90)


@pytest.mark.parametrize("threshold", [float("nan"), -1, 101])
def test_load_refuses_a_threshold_that_is_none(list_path, threshold):
    with pytest.raises(screen.ScreenError, match="0 to 100"):
        screen.Screener.load([list_path], as_of=DAY, threshold=threshold)


def test_load_of_a_missing_list_is_refused(tmp_path):
    with pytest.raises(screen.ScreenError):
        screen.Screener.load([str(tmp_path / "none.csv")], as_of=DAY)


def test_rows_come_in_the_csv_shape(screener):
    frame = frame_of(no=["a", "b", "c"], consignee=["Someone", "Orbita Plus", "Kvantek SZ"])
    found = screener.screen(frame)
    assert list(found.columns) == ["consignee", "no", *screen.SCREEN_COLUMNS]
    assert found[["no", "screen_row", "screen_score", "screen_entry_id"]].to_numpy().tolist() == [
        ["b", "2", "100", "O1"], ["c", "3", "100", "K1"],
    ]  # fmt: skip
    assert {type(cell) for cell in found.to_numpy().ravel()} == {str}


def test_a_frame_without_hits_keeps_the_columns(screener):
    found = screener.screen(frame_of(consignee="Someone"))
    assert (len(found), list(found.columns)) == (0, ["consignee", *screen.SCREEN_COLUMNS])


@pytest.mark.parametrize("rows", [0, 1])
def test_an_empty_frame_keeps_the_columns(screener, rows):
    frame = pd.DataFrame({"consignee": ["Someone"] * rows, "n": [1] * rows})
    assert list(screener.screen(frame.head(0)).columns) == [
        "consignee",
        "n",
        *screen.SCREEN_COLUMNS,
    ]


def test_the_frame_given_is_left_alone(screener):
    frame = frame_of(consignee=["Orbita Plus", None], n=[1, 2])
    before = frame.copy(deep=True)
    screener.screen(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_frame_without_consignee_is_refused_in_one_sentence(screener):
    with pytest.raises(screen.ScreenError) as caught:
        screener.screen(pd.DataFrame({"no": ["1"], "weight": ["2"]}))
    assert (
        caught.value.message
        == "frame: no consignee column among no, weight; map one with columns=."
    )


def test_columns_are_mapped_by_the_caller(list_path):
    screener = screen.Screener.load([list_path], as_of=DAY, columns={"consignee": "Abc"})
    assert len(screener.screen(pd.DataFrame({"Abc": ["Orbita Plus"]}))) == 1


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT])
def test_a_missing_value_is_an_empty_cell(screener, nothing):
    frame = pd.DataFrame(
        {
            "consignee": pd.Series([nothing, "Orbita Plus"], dtype=object),
            "n": pd.Series([nothing, 1], dtype=object),
        }
    )
    found = screener.screen(frame)
    assert found["screen_flags"].tolist() == ["unscreened", "party"]
    assert found["consignee"].tolist() == ["", "Orbita Plus"] and found["n"].tolist() == ["", "1"]


@pytest.mark.parametrize("text", ["NA", "None", "nan", "NULL"])
def test_a_word_that_looks_missing_stays_itself(screener, text):
    found = screener.screen(frame_of(consignee="Orbita Plus", note=text))
    assert found["note"].tolist() == [text]


@pytest.mark.parametrize("dtype", ["object", "string", "str", "category"])
def test_text_of_every_dtype_is_screened(screener, dtype):
    frame = pd.DataFrame({"consignee": pd.Series(["Someone", "Orbita Plus"], dtype=dtype)})
    assert screener.screen(frame)["screen_row"].tolist() == ["2"]


def test_numbers_become_text(screener):
    found = screener.screen(
        pd.DataFrame({"consignee": ["Orbita Plus"], "hs_code": [85423100], "qty": [1.5]})
    )
    assert found[["hs_code", "qty"]].to_numpy().tolist() == [["85423100", "1.5"]]
    assert "goods" in found["screen_flags"][0]


def test_any_index_is_taken(screener):
    frame = frame_of(consignee=["Someone", "Orbita Plus"]).set_index(pd.Index([7, 7]))
    assert screener.screen(frame)["screen_row"].tolist() == ["2"]


# ----------------------------------------------------------------------------------- one row

EVERY = {"consignee": "-", "end_user": "Orbita Plus", "consignee_address": "Unit 1204, Kwong Loong Tower, Wan Chai",
         "identifier": "IMO 9253325", "destination": "RU", "hs_code": "8542.31", "description": "roller bearings"}  # fmt: skip


def test_flags_of_a_row_stand_in_the_contracts_order(screener):
    kinds = [kind for kind, _ in flags_of(screener, **EVERY)]
    assert kinds == sorted(kinds, key=screen.FLAG_KINDS.index)
    assert set(kinds) >= {"party", "address", "identifier", "destination", "goods", "unscreened"}


@pytest.mark.parametrize("role", screen.PARTY_ROLES)
def test_every_party_column_is_screened(screener, role):
    roles = {"consignee": ((0,),), role: ((1 if role != "consignee" else 0,),)}
    chunk = screen.Chunk(
        1, [["Someone" if role != "consignee" else "Orbita Plus", "Orbita Plus"]], [1], {}
    )
    (row,) = screener.screen_chunk(chunk, roles)
    assert [(flag.kind, flag.facts["role"]) for flag in row.flags] == [("party", role)]


def test_several_columns_of_one_role_are_all_screened(screener_all):
    frame = pd.DataFrame(
        [["Someone", "Orbita Plus"], ["Kvantek SZ", "Orbita Plus"]],
        columns=["Consignee", "consignee name"],
    )
    roles = screen.find_roles(list(frame.columns), {})
    assert len(roles["consignee"]) == 2
    chunk = screen.Chunk(1, frame.to_numpy().tolist(), [1, 2], {})
    found = [
        {f.facts["entry_id"] for f in row.flags} for row in screener_all.screen_chunk(chunk, roles)
    ]
    assert found == [{"O1", "O2"}, {"K1", "O1", "O2"}]


@pytest.mark.parametrize("text", ["", " ", "-", "n/a", "To order", "TO THE ORDER OF"])
def test_a_consignee_that_names_nobody_is_unscreened(screener, text):
    assert [kind for kind, _ in flags_of(screener, consignee=text)] == ["unscreened"]


def test_best_is_one_hit_a_role_and_all_is_every_entry_in_order(screener, screener_all):
    parties = {"consignee": "Orbita Plus", "end_user": "Kvantek SZ"}
    best, every = (
        [(f["role"], f["entry_id"]) for kind, f in flags_of(s, **parties)]
        for s in (screener, screener_all)
    )
    assert best == [("consignee", "O1"), ("end_user", "K1")]
    assert every == [("consignee", "O1"), ("consignee", "O2"), ("end_user", "K1")]


# ---------------------------------------------------------------------------------- evidence

MISSPELT = "Orbita Pluss"


def score_of(screener, **columns):
    return next(
        (facts["score"] for kind, facts in flags_of(screener, **columns) if kind == "party"), None
    )


def test_country_and_address_move_a_score_by_their_bounds(list_path):
    screener = screen.Screener.load([list_path], as_of=DAY, threshold=70)
    alone = score_of(screener, consignee="Kvantek Servernoya Zaria")
    agrees = score_of(screener, consignee="Kvantek Servernoya Zaria", consignee_country="RU")
    differs = score_of(screener, consignee="Kvantek Servernoya Zaria", consignee_country="CN")
    both = score_of(
        screener,
        consignee="Kvantek Servernoya Zaria",
        consignee_country="RU",
        consignee_address="Tambov Severny, Lenina 7",
    )
    assert alone + screen.EVIDENCE_MOST < 99
    assert (agrees, differs) == (
        pytest.approx(alone + screen.COUNTRY_AGREES),
        pytest.approx(alone + screen.COUNTRY_CONFLICTS),
    )
    assert both == pytest.approx(alone + screen.COUNTRY_AGREES + screen.ADDRESS_AGREES)


def test_the_agreeing_country_comes_first(screener):
    assert [
        f["entry_id"]
        for kind, f in flags_of(screener, consignee=MISSPELT, consignee_country="AE")
        if kind == "party"
    ] == ["O2"]


NAMES = st.sampled_from(["Kvantek Severnaya Zarya", "Kvantek Severnaya Zara", "Kvantek Severnaya", "Orbita Pluss",
                         "Orbita Plus Ltd", "Volna Tajgi", "Orbita", "Kvantek SZ GmbH"])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    NAMES,
    st.sampled_from(["", "RU", "CN", "DE", "Atlantis"]),
    st.sampled_from(["", "Lenina 7, Tambov Severny", "Main St 1"]),
)
def test_evidence_never_hides_a_strong_hit_nor_makes_an_exact_one(
    screener_all, name, country, address
):
    alone = {
        f["entry_id"]: f["score"]
        for kind, f in flags_of(screener_all, consignee=name)
        if kind == "party"
    }
    moved = {f["entry_id"]: f["score"] for kind, f in
             flags_of(screener_all, consignee=name, consignee_country=country, consignee_address=address) if kind == "party"}  # fmt: skip
    for entry_id, score in alone.items():
        if score >= screen.SURE:
            assert moved.get(entry_id, 0) >= score
        assert (
            abs(moved.get(entry_id, score) - score)
            <= screen.COUNTRY_AGREES + screen.ADDRESS_AGREES + 0.05
        )
        assert (moved.get(entry_id) == 100) == (score == 100)


ADDRESSES = [
    ("Unit 1204, Kwong Loong Tower, Wan Chai", ["A1"]), ("KWONG LOONG TOWER UNIT 1204 WAN-CHAI", ["A1"]),
    ("Unit 1205, Kwong Loong Tower, Wan Chai", []), ("Kwong Loong Tower, Wan Chai", []), ("Wan Chai", []), ("", []),
]  # fmt: skip


@pytest.mark.parametrize(("address", "entries"), ADDRESSES)
def test_a_listed_address_raises_address(screener, address, entries):
    found = [
        f["entry_id"]
        for kind, f in flags_of(screener, consignee_address=address)
        if kind == "address"
    ]
    assert found == entries


def test_an_address_beside_its_own_name_is_evidence_not_a_second_flag(screener):
    kinds = [
        kind
        for kind, _ in flags_of(
            screener, consignee="Kvantek SZ", consignee_address="Lenina 7, Tambov Severny"
        )
    ]
    assert kinds == ["party"]


IDENTIFIERS = [
    ("IMO 9253325", ["V1"]), ("imo9253325", ["V1"]), ("9253325", ["V1"]), ("IMO 9253326", []), ("7707083893", ["K1"]),
    ("INN 7707083893", ["K1"]), ("7707083894", []), ("KVNTRUMM", ["K1"]), ("SWIFT: KVNTRUMM", ["K1"]),
    ("KVNTRUMX", []), ("12345", []), ("", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "entries"), IDENTIFIERS)
def test_a_listed_number_raises_identifier(screener, text, entries):
    found = [
        f["entry_id"] for kind, f in flags_of(screener, identifier=text) if kind == "identifier"
    ]
    assert found == entries


def test_a_number_in_a_party_cell_raises_identifier(screener):
    assert [(k, f["role"]) for k, f in flags_of(screener, consignee="Ocean Gull, IMO 9253325")] == [
        ("identifier", "consignee")
    ]


@pytest.mark.parametrize(
    ("number", "sound"),
    [
        ("9253325", True),
        ("9253326", False),
        ("9074729", True),
        ("9074792", False),
        ("0000000", True),
    ],
)
def test_imo_check_digit(number, sound):
    assert screen.is_imo(number) == sound


# -------------------------------------------------------------- the same rows however they come


def many_rows(count=600):
    """Rows of made-up parties, some listed, misspelt or empty, in a fixed shuffle."""
    names = [
        "Orbita Plus",
        "Orbita Pluss",
        "Kvantek Severnaya Zara",
        "Someone",
        "",
        "Milurov",
        "Volna Taigi",
        "Kim",
        "Zarya Bakery",
    ]
    rng = np.random.default_rng(7)
    pick = lambda cells: [cells[i] for i in rng.integers(0, len(cells), count)]  # noqa: E731
    return pd.DataFrame({
        "no": [str(n) for n in range(count)], "consignee": pick([*names, *(f"Ordinary Firm {n}" for n in range(40))]),
        "end_user": pick([*names, *[""] * 20]), "destination": pick(["DE", "RU", "CN", "AE", ""]),
        "consignee_address": pick(["", "", "Lenina 7, Tambov Severny", "Main St 1"]),
        "hs_code": pick(["8542.31", "610910", "847130", "x"]),
    })  # fmt: skip


def rows_by_number(frame):
    return (
        frame.drop(columns="screen_row")
        .sort_values("no")
        .reset_index(drop=True)
        .to_numpy()
        .tolist()
    )


@pytest.fixture(scope="module")
def plain(screener_all):
    return screener_all.screen(many_rows())


@pytest.mark.parametrize("size", [1, 7, 250])
def test_chunks_of_any_size_give_the_same_rows(list_path, plain, size):
    screener, frame = screen.Screener.load([list_path], as_of=DAY, hits="all"), many_rows()
    parts = [screener.screen(frame.iloc[i : i + size]) for i in range(0, len(frame), size)]
    assert 0 < len(plain) < len(frame) and rows_by_number(pd.concat(parts)) == rows_by_number(plain)


def test_shuffled_rows_give_the_same_flags(list_path, plain):
    screener = screen.Screener.load([list_path], as_of=DAY, hits="all")
    assert rows_by_number(
        screener.screen(many_rows().sample(frac=1, random_state=3))
    ) == rows_by_number(plain)


def test_two_jobs_give_the_same_rows(list_path, plain, monkeypatch):
    monkeypatch.setattr(screen, "WORTH_SHARING", 10)
    screener = screen.Screener.load([list_path], as_of=DAY, hits="all", jobs=2)
    pd.testing.assert_frame_equal(screener.screen(many_rows()), plain)
    assert screener.pool is not None, "no second process took part"
    screener.close()


def test_a_forgotten_cache_gives_the_same_rows(list_path, plain, monkeypatch):
    monkeypatch.setattr(screen, "MOST_KNOWN", 5)
    screener, frame = screen.Screener.load([list_path], as_of=DAY, hits="all"), many_rows()
    assert rows_by_number(
        pd.concat([screener.screen(frame.iloc[:300]), screener.screen(frame.iloc[300:])])
    ) == rows_by_number(plain)


def test_every_flagged_row_is_one_input_row(plain):
    frame = many_rows()
    assert plain["screen_row"].is_unique
    assert plain["no"].tolist() == [frame["no"][int(n) - 1] for n in plain["screen_row"]]


# ----------------------------------------------------------------------- no row is passed over

CELLS = {
    "consignee": ["Nobody Known", "Orbita Plus", "Milurov", "", "to order", "IMO 9253325", "KVNTRUMM"],
    "notify_party": ["", "Someone", "Kvantek SZ"],
    "consignee_address": ["", "Main St 1", "Lenina 7", "Tambov Severny", "Lenina 7, Tambov Severny", "Yalta"],
    "consignee_country": ["", "RU", "Russia", "KG", "DE", "Crimea"],
    "destination": ["", "RU", "DE", "Hamburg", "Kyrgyzstan", "Sevastopol, Ukraine", "Crimea", "JP"],
    "transit": ["", "TR", "Simferopol", "Georgia via Russia", "Iran"],
    "hs_code": ["", "610910", "8542.31", "847130", "8482", "x", "8541.10; 610910", "854231"],
    "description": ["", "T-shirts", "ball bearings", "integrated circuits"],
    "identifier": ["", "7707083893", "12"],
}  # fmt: skip
HEADERS = st.lists(st.sampled_from(sorted({*CELLS} - {"consignee"}) * 2), max_size=9)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_row_that_gets_a_flag_is_passed_over(screener_all, data):
    headers = ["consignee", *data.draw(HEADERS)]
    row = st.tuples(*(st.sampled_from(CELLS[header]) for header in headers)).map(list)
    rows = data.draw(st.lists(row, min_size=1, max_size=12))
    roles = screen.find_roles(headers, {})
    chunk = screen.Chunk(1, rows, list(range(1, len(rows) + 1)), {})
    found = {row.number: row.flags for row in screener_all.screen_chunk(chunk, roles)}
    alone = {}
    for n, cells in enumerate(rows, 1):
        for row in screener_all.screen_chunk(screen.Chunk(n, [cells], [n], {}), roles):
            alone[n] = row.flags
    assert found == alone


@pytest.mark.parametrize(
    "columns,kinds",
    [
        ({"destination": "Sevastopol, Ukraine"}, ["destination"]),
        ({"destination": "DE", "transit": "Georgia via Russia"}, ["destination"]),
        ({"destination": "Crimea"}, ["destination"]),
        ({"consignee_country": "Crimea"}, ["destination"]),
        ({"final destination": "RU", "destination": "DE"}, ["destination"]),
        ({"final destination": "DE", "destination": "DE"}, []),
        ({"final destination": "Hamburg", "destination": "DE"}, []),
        ({"final destination": "Hamburg", "destination": "Elbe"}, ["unscreened"] * 2),
        ({"street": "Lenina 7", "city": "Tambov Severny"}, ["address"]),
    ],
)
def test_a_role_of_two_columns_is_read_whole(screener, columns, kinds):
    assert [kind for kind, _ in flags_of(screener, **columns)] == kinds


def test_a_destination_said_twice_is_one_way_of_the_goods(screener):
    once = flags_of(screener, destination="KG", hs="848210")
    assert flags_of(screener, destination="KG", final_destination="Kyrgyzstan", hs="848210") == once
    assert {"diversion", "goods"} <= {kind for kind, _ in once}


# ------------------------------------------------------------------- names that stand elsewhere

ELSEWHERE = [
    ({"notes": "for Kvantek Severnaya Zarya, urgent"}, [("party", "notes")]),
    ({"notes": "for KVANTEK SEVERNAIA ZARYA"}, [("party", "notes")]),
    ({"description": "pumps for Kvantek Severnaya Zarya"}, [("party", "description")]),
    ({"consignee_address": "Kvantek Severnaya Zarya, Main St 1"}, [("party", "consignee_address")]),
    ({"notes": "volna taigi"}, []),  # a ship's name may be anything
    ({"notes": "kvantek, zarya"}, []),
    ({"consignee": "Kvantek Severnaya Zarya", "notes": "Kvantek Severnaya Zarya"}, [("party", "consignee")]),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "expected"), ELSEWHERE)
def test_a_listed_name_in_a_column_that_is_no_partys(screener, columns, expected):
    found = flags_of(screener, **columns)
    assert [(kind, facts["role"]) for kind, facts in found if kind == "party"] == expected


def test_an_address_is_looked_up_where_the_consignee_names_nobody(screener):
    roles = {"consignee": ((0,),), "consignee_address": ((1,), (2,))}
    rows = [
        ["TO ORDER", "KVANTEK SEVERNA", "YA ZARYA, LENINA 1"],
        ["Someone", "KVANTEK SZ", "Lenina 1"],
    ]
    chunk = screen.Chunk(1, rows, [1, 2], {})
    flagged = {row.number: row.flags for row in screener.screen_chunk(chunk, roles)}
    assert [flag.kind for flag in flagged[1]] == ["party", "unscreened"]
    assert "found in the consignee address" in flagged[1][0].reason


def test_a_word_of_a_firms_cell_is_no_ship(tmp_path):
    path = tmp_path / "ships.csv"
    path.write_text("name,type\nTRINITY,vessel\n")
    screener = screen.Screener.load(path, as_of=DAY)
    names = ["TRINITY TILE GROUP LLC DBA TRINITY", "TRINITY", "TRINITI", "Trinity Tiles"]
    found = screener.screen(pd.DataFrame({"consignee": names}))
    assert set(found["screen_query_name"]) <= {"TRINITY", "TRINITI"}
    assert "TRINITY" in set(found["screen_query_name"])


def test_a_wrong_ship_number_is_said(screener):
    found = flags_of(screener, identifier="IMO 9253326")
    assert [kind for kind, _ in found] == ["unscreened"]


NUMBERS = [
    ("SWIFT/BIC: DEUTDEFF", ("DEUTDEFF",)), ("SWIFT/BIC: DEUTDEFFXXX", ("DEUTDEFF",)),
    ("BIC DEUTDEFF500", ("DEUTDEFF",)), ("SWIFT code", ()), ("INN7707083893", ("7707083893",)),
    ("Tax ID No. 7707-083893", ("7707083893",)), ("IMO9253325", ("9253325",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "numbers"), NUMBERS)
def test_a_label_is_no_number(text, numbers):
    assert screen.find_numbers(text) == numbers


# --------------------------------------------------------------------- what a clean row costs


def test_no_row_is_looked_at_that_raises_nothing(screener, monkeypatch):
    looked = []
    real = screen.Screener.screen_row
    monkeypatch.setattr(
        screen.Screener, "screen_row", lambda self, *given: looked.append(1) or real(self, *given)
    )
    frame = many_rows(2_000).assign(consignee=[f"Firm {n % 97} Ordinary" for n in range(2_000)])
    frame = frame.assign(
        end_user="", destination="DE", consignee_address="Main St 1", hs_code="610910"
    )
    frame.loc[5, "consignee"] = "Orbita Plus"
    assert screener.screen(frame)["screen_row"].tolist() == ["6"]
    assert len(looked) == 1


def test_equal_scores_are_ordered_by_country_then_by_what_binds(tmp_path):
    path = tmp_path / "ties.csv"
    path.write_text(
        "name,list,entry_id,countries\nOrbita Pluss,US-EL,E1,CN\nOrbita Pluss,US-SDN,S1,RU\n"
        "Orbita Pluss,US-CMIC,C1,RU\n"
    )
    screener = screen.Screener.load(path, as_of=DAY, hits="all")
    asked = pd.DataFrame({"consignee": ["Orbita Pluss"] * 2, "consignee_country": ["", "CN"]})
    chunk = [row.flags for row in screener.screen_chunk(
        screen.Chunk(1, asked.to_numpy().tolist(), [1, 2], {}),
        {"consignee": ((0,),), "consignee_country": ((1,),)},
    )]  # fmt: skip
    lists = [[flag.facts["list"] for flag in flags] for flags in chunk]
    assert lists == [["US-SDN", "US-EL", "US-CMIC"], ["US-EL", "US-SDN", "US-CMIC"]]
    assert chunk[0][0].facts["also_on"] == ["US-CMIC", "US-EL"]
    assert "forbids: No dealing at all" in chunk[0][0].reason
