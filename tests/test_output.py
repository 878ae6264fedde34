from __future__ import annotations

import csv
import io
import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import screen
from caller import call
from own import DAY, read_records, read_rows, run, run_records, run_rows


@pytest.fixture
def place(own_place):
    """A folder with own.csv."""
    return own_place


# ------------------------------------------------------------------------------- cells unchanged

CELLS = ["", " ", "NA", "None", "null", "nan", "007", "1e5", "1,5", 'say "x"', "two\nlines", "two\r\nlines", "=1+1", "-5",
         "+7 495", "@x", "'quoted'", "Zürich", "华为", " lead and tail ", "\ttab", "1.0", "TRUE", "a;b|c"]  # fmt: skip


def write_input(cells):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([["Consignee", "Note", ""], *(["Orbita Plus", cell, cell] for cell in cells)])
    return out.getvalue()


def test_input_cells_come_out_as_they_went_in(place):
    (place / "rows.csv").write_bytes(write_input(CELLS).encode())
    _, *rows = csv.reader(io.StringIO(run("rows.csv").stdout_bytes.decode(), newline=""))
    assert [row[:3] for row in rows] == [["Orbita Plus", cell, cell] for cell in CELLS]


def test_input_cells_come_out_as_they_went_in_jsonl(place):
    (place / "rows.csv").write_bytes(write_input(CELLS).encode())
    assert [record["shipment"]["Note"] for record in run_records("rows.csv")] == CELLS


def test_repeated_and_empty_headers_lose_no_cell(place):
    headers, cells = ["Consignee", "Note", "Note", "", ""], ["Orbita Plus", "a", "b", "c", "d"]
    text = f"{','.join(headers)}\n{','.join(cells)}\n"
    header, row = csv.reader(io.StringIO(run(text=text).stdout))
    assert (header[:5], row[:5]) == (headers, cells)
    (record,) = run_records(text=text)
    assert list(record["shipment"].values()) == cells


@given(st.lists(st.sampled_from(["", "A", "B", "A (2)", "A (3)"]), max_size=6))
def test_keys_are_distinct_whatever_the_headers(headers):
    assert len(set(screen.unique_headers(headers))) == len(headers)


# ---------------------------------------------------------------------------------- three shapes

ROW = "Consignee,Country,HS Code\nOrbita Plus,CN,8542.31\nSomeone,DE,610910\n,DE,x\n"
COLUMNS = (
    "screen_row", "screen_flags", "screen_score", "screen_role", "screen_query_name", "screen_listed_name",
    "screen_name_kind", "screen_list", "screen_entry_id", "screen_programme", "screen_also_on", "screen_licence",
    "screen_citation", "screen_hs_rule", "screen_reason",
)  # fmt: skip


def test_csv_is_the_contracts(place):
    done = run(text=ROW)
    first, second = read_rows(done.stdout)
    assert done.stdout.splitlines()[0].split(",") == ["Consignee", "Country", "HS Code", *COLUMNS]
    assert {k: v for k, v in first.items() if k in COLUMNS[2:10]} == {
        "screen_score": "100", "screen_role": "consignee", "screen_query_name": "Orbita Plus", "screen_listed_name": "Orbita Plus",
        "screen_name_kind": "primary", "screen_list": "own", "screen_entry_id": "O1", "screen_programme": "",
    }  # fmt: skip
    assert first["screen_flags"].split(";")[0] == "party" and "854231" in first["screen_hs_rule"]
    assert second["screen_row"] == "3"
    assert (second["screen_flags"], second["screen_score"]) == ("hs-code;unscreened", "")


def test_jsonl_is_the_contracts(place):
    first, second = run_records(text=ROW)
    assert list(first) == ["row", "file", "flags", "shipment", "hits"]
    assert (first["row"], first["file"]) == (1, "-")
    assert first["shipment"] == {"Consignee": "Orbita Plus", "Country": "CN", "HS Code": "8542.31"}
    keys = {
        "party": {"role", "query_name", "listed_name", "name_kind", "score", "list", "entry_id", "programmes", "countries",
                  "also_on", "licence", "citation", "evidence", "words"},
        "goods": {"hs_code", "rule", "table", "tier", "controls", "edition"}, "destination": {"rule", "country", "table"},
        "diversion": {"rule", "country", "table"}, "hs-code": {"hs_code", "found"}, "unscreened": {"role", "found"},
    }  # fmt: skip
    hits = [*first["hits"], *second["hits"]]
    assert {h["kind"] for h in hits} == set(keys)
    assert all(set(h) - {"kind", "reason"} == keys[h["kind"]] and h["reason"] for h in hits)
    for record in (first, second):
        assert list(dict.fromkeys(h["kind"] for h in record["hits"])) == record["flags"]


def test_address_and_identifier_hits_have_the_contracts_keys(place):
    (place / "own.csv").write_text(
        'name,entry_id,addresses,identifiers\nFirst,F1,"Lenina 7, Tambov Severny",IMO 9253325\n'
    )
    text = 'Consignee,Consignee Address,IMO\nSomeone,"Lenina 7, Tambov Severny",9253325\n'
    (record,) = run_records(text=text)
    keys = {"kind", "reason", "role", "query", "listed_name", "list", "entry_id", "score"}
    assert record["flags"] == ["address", "identifier"]
    assert [set(hit) for hit in record["hits"]] == [keys, keys]


def test_csv_and_jsonl_tell_the_same_rows(place):
    for row, record in zip(run_rows(text=ROW), run_records(text=ROW), strict=True):
        assert row["screen_row"] == str(record["row"])
        assert row["screen_flags"] == ";".join(record["flags"])
        assert all(hit["reason"] in row["screen_reason"] for hit in record["hits"])


CONTROLS = "\x1b]0;own\x07Orb\x1b[31mita\x9b Plus\x00\u202e"


def test_a_table_obeys_no_control_character_of_a_cell(place):
    (place / "own.csv").write_text("name\nOrbita Plus\n")
    text = f"Consignee,N\n{CONTROLS},x\nOrbita Plus,x\n"
    out = run("-f", "table", "-t", 0, "--all", text=text).stdout
    odd = [c for c in out if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
    assert odd == []


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_fitted_cell_has_its_width(text, width):
    assert screen.width_of(screen.fit(screen.clean(text), width)) == width


# ------------------------------------------------------------------------------- several files


def test_several_files_have_a_first_column_and_start_again_at_row_one(place):
    for name in ("a.csv", "b.csv"):
        (place / name).write_text("Consignee\nSomeone\nOrbita Plus\n")
    done = run("a.csv", "b.csv")
    assert done.stdout.startswith("screen_file,Consignee,screen_row,")
    assert done.stdout.count("screen_row") == 1
    numbers = [(row["screen_file"], row["screen_row"]) for row in read_rows(done.stdout)]
    assert numbers == [("a.csv", "2"), ("b.csv", "2")]
    assert done.stderr.splitlines()[-1].startswith("4 rows: 2 flagged (2 party), 2 clear; ")


def test_files_of_other_headers_are_refused_in_csv_and_taken_in_jsonl(place):
    (place / "a.csv").write_text("Consignee\nOrbita Plus\n")
    (place / "b.csv").write_text("No,Consignee\n1,Orbita Plus\n")
    assert run("a.csv", "b.csv", code=2).stderr.splitlines()[-1] == (
        "Error: files of one CSV run need the same headers: found No, Consignee, expected Consignee;"
        " run them one by one or with -f jsonl."
    )
    assert [record["file"] for record in run_records("a.csv", "b.csv")] == ["a.csv", "b.csv"]


# --------------------------------------------------------------------------- spreadsheet formulas

FORMULAS = [
    "=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "\n=1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_neutralised(text):
    assert screen.neutralise(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a=1", "'=1", "7", "AB-12", "100"])
def test_other_cells_are_left_alone(text):
    assert screen.neutralise(text) == text


def test_our_own_columns_never_begin_a_formula(place):
    rows = run_rows("-t", 60, text="Consignee,Note\n=Evil Formula,=1\n")
    assert [(r["Consignee"], r["Note"]) for r in rows] == [("=Evil Formula", "=1")]
    assert rows[0]["screen_query_name"] == rows[0]["screen_listed_name"] == "'=Evil Formula"
    assert not any(screen.FORMULA.match(r[c]) for r in rows for c in COLUMNS)


def test_safe_cells_neutralises_the_input_too(place):
    (row,) = run_rows("--safe-cells", text="Consignee,Note\n=Evil Formula,=1\n")
    assert (row["Consignee"], row["Note"]) == ("'=Evil Formula", "'=1")


# ------------------------------------------------------- the score from the JSONL evidence alone


def vary(name, rng):
    """`name` misspelt, shortened, longer or in another order."""
    words = name.split()
    spot = rng.randrange(len(words))
    cut = rng.randrange(len(words[spot]))
    misspelt = [*words[:spot], words[spot][:cut] + words[spot][cut + 1 :], *words[spot + 1 :]]
    shorter = (words[1:] or words, words[:-1] or words)
    kinds = [words, words[::-1], misspelt, *shorter, [*words, "Marine"], [*words, "LLC"]]
    return " ".join(rng.choice(kinds)) or name


def test_evidence_alone_recomputes_the_score_and_the_reason_tells_it(place):
    rng = random.Random(1)
    starter = screen.TABLES / "starter.csv"
    lines = [
        [vary(row["name"], rng), rng.choice(["", "CN", "RU", row["countries"].split("|")[0]])]
        for row in rng.sample(screen.read_table("starter"), 300)
    ]
    out = io.StringIO()
    csv.writer(out).writerows([["Consignee", "Consignee Country"], *lines])
    args = ("-l", starter, *DAY, "-t", 70, "--hits", "all", "-f", "jsonl")
    records = read_records(call(*args, text=out.getvalue()))
    hits = [h for record in records for h in record["hits"] if h["kind"] == "party"]
    assert len(hits) >= 200 and len({h["score"] for h in hits}) > 20
    for hit in hits:
        assert 100 - sum(x["points"] for x in hit["evidence"]) == pytest.approx(hit["score"])
        assert f"with {hit['score']:g} (" in hit["reason"]
        assert all(x["words"] in hit["reason"] for x in hit["evidence"])
        assert hit["score"] >= 70


BANDS = [(100, "exact"), (99.9, "strong"), (95, "strong"), (94.9, "possible")]


@pytest.mark.parametrize(("score", "band"), BANDS)
def test_bands(score, band):
    assert screen.name_band(score, "primary") == band
    assert screen.name_band(score, "weak") == "weak alias"
