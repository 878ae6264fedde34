from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

import screen
from caller import call
from own import DAY, LIST, read_rows, run

# --------------------------------------------------------------------------- receipt and verify


@pytest.fixture
def received(own_place):
    (own_place / "rows.csv").write_text("Consignee,Note\nOrbita Plus,a\nSomeone,b\n")
    run("--receipt", "receipt.json", "-o", "out.csv", "rows.csv")
    return own_place


def verified(code):
    """The lines that `verify` writes."""
    done = call("verify", "receipt.json")
    assert done.exit_code == code, done.stderr
    return done.stdout.splitlines()


def test_a_receipt_holds_the_account_and_no_clock(received):
    receipt = json.loads((received / "receipt.json").read_text())
    assert receipt["counts"] == {"rows": 2, "flagged": 1, "unscreened": 0, "kinds": {"party": 1}}
    keys = {"version", "options", "program", "tables", "lists", "inputs", "suppressed", "output"}
    assert keys <= receipt.keys()
    assert (list(receipt["inputs"]), receipt["options"]["as_of"]) == (["rows.csv"], "2026-11-23")


@pytest.mark.parametrize("args", [(), ("--jobs", "1"), ("--jobs", "2"), ("-q",)])
def test_the_same_run_gives_the_same_bytes(received, args):
    run("--receipt", "again.json", "-o", "again.csv", *args, "rows.csv", code=0)
    one, two = (json.loads((received / n).read_text()) for n in ("receipt.json", "again.json"))
    assert list(one.pop("written").values()) == list(two.pop("written").values()) and one == two
    assert (received / "again.csv").read_bytes() == (received / "out.csv").read_bytes()


def test_lists_in_another_order_give_the_same_rows(own_place):
    (own_place / "other.csv").write_text("name\nOrbita Plus\n")
    rows = "Consignee\nOrbita Plus\nKvantek SZ\n"
    one, two = (call(*DAY, "--hits", "all", *args, text=rows).stdout
                for args in (("-l", "own.csv", "-l", "other.csv"), ("-l", "other.csv", "-l", "own.csv")))  # fmt: skip
    assert one == two and len(read_rows(one)) == 2


def test_verify_of_an_unchanged_run_says_so(received):
    assert verified(0) == [
        "receipt.json: the same program, tables, lists, inputs and options give the same 2 rows"
    ]


CHANGES = [
    ("own.csv", "Kvantek SZ", "Kvantek SX", ["list own (own.csv) has changed"]),
    ("own.csv", "Orbita Plus,O1", "Orbita Plux,O1", ["list own (own.csv) has changed", "the rows that come out are others"]),
    ("rows.csv", "Someone,b", "Someone,c", ["input rows.csv has changed"]),
    ("rows.csv", "Someone", "Kvantek SZ", ["input rows.csv has changed", "rows flagged: 1 then, 2 now", "the rows that come out are others"]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "said"), CHANGES)
def test_verify_names_what_changed(received, file, old, new, said):
    text = (received / file).read_text()
    assert old in text
    (received / file).write_text(text.replace(old, new))
    lines = verified(2)
    assert [words for words in said if not any(x.startswith(words) for x in lines)] == [], lines


@contextmanager
def changed_receipt():
    """What receipt.json holds, written back as it was changed."""
    file = Path("receipt.json")
    receipt = json.loads(file.read_text())
    yield receipt
    file.write_text(json.dumps(receipt))


def test_verify_names_a_changed_option(received):
    with changed_receipt() as receipt:
        receipt["options"]["every"] = True
    assert verified(2) == ["the rows that come out are others"]


def test_verify_names_a_changed_table_and_program(received):
    with changed_receipt() as receipt:
        receipt["tables"]["goods.csv"] = receipt["program"] = "0" * 64
    lines = verified(2)
    assert "table goods.csv has changed" in lines
    assert "the program has changed" in lines


ODD_OPTIONS = ('{"options": {"as_of": 7}}', '{"options": {"as_of": "2026-01-01", "x": 1}}')


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", *ODD_OPTIONS])
def test_verify_refuses_what_is_no_receipt(own_place, text):
    (own_place / "receipt.json").write_text(text)
    assert verified(2) == []


def test_outputs_of_two_days_differ_only_where_the_list_does(own_place):
    rows = "Consignee\nOrbita Plus\nSomeone\nKvantek SZ\nNew Firm Ltd\n"
    before = set(run(text=rows).stdout.splitlines())
    (own_place / "own.csv").write_text(
        LIST.replace("Kvantek SZ,", ",") + "New Firm,N1,entity,,,,,\n"
    )
    after = set(run(text=rows).stdout.splitlines())
    assert {line.split(",")[0] for line in before ^ after} == {"Kvantek SZ", "New Firm Ltd"}


def test_verify_says_of_another_version_that_it_is_one(received):
    with changed_receipt() as receipt:
        receipt["version"] = "0.9"
    assert verified(2) == [f"the program is another: version 0.9 then, {screen.VERSION} now"]


def test_verify_checks_the_output_that_the_run_wrote(received):
    with open("out.csv", "a") as file:
        file.write("another row\n")
    assert verified(2) == ["out.csv is not what that run wrote: it was changed afterwards"]
    (received / "out.csv").unlink()
    assert verified(2) == ["out.csv is not there any more, so that it cannot be checked"]


@pytest.mark.parametrize(("file", "code"), [("out.csv", 0), ("rows.csv", 2)])
def test_verify_checks_the_output_that_is_given(received, file, code):
    done = call("verify", "receipt.json", file)
    assert done.exit_code == code
    assert done.stdout.startswith("rows.csv is not what that run wrote") == bool(code)


def test_a_receipt_that_was_moved_finds_its_files_beside_it(received, monkeypatch):
    away = received / "archive"
    away.mkdir()
    for name in ("own.csv", "rows.csv", "out.csv", "receipt.json"):
        (received / name).rename(away / name)
    done = call("verify", "archive/receipt.json")
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_workbook_can_be_verified(own_place):
    pytest.importorskip("openpyxl")
    (own_place / "rows.csv").write_text("Consignee,Note\nOrbita Plus,a\n")
    run("--receipt", "receipt.json", "-o", "out.xlsx", "--report", "page.html", "rows.csv")
    assert verified(0)[0].endswith("give the same 1 rows")
