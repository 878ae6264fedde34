"""What an attacker or an unlucky user gives: said in one sentence, or screened; never a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import screen
from caller import call
from conftest import ROOT

PROGRAM = str(ROOT / "screen.py")
HEADER = ",".join(["Consignee", *screen.SCREEN_COLUMNS])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder, made the current one, with own.csv and rows.csv."""
    (tmp_path / "own.csv").write_text("name\nOrbita Plus\n")
    (tmp_path / "rows.csv").write_text("Consignee\nOrbita Plus\nSomeone\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCREEN_LISTS", raising=False)
    return tmp_path


def run(*args, shell="", **env):
    """A real process of `screen.py -l own.csv ARGS`, its streams turned by `shell`."""
    command = f'"{sys.executable}" "{PROGRAM}" -l own.csv {" ".join(args)} {shell}'
    given = {**os.environ, **env}
    return subprocess.run(["sh", "-c", command], capture_output=True, env=given, timeout=60)


def refused(done):
    """The one sentence of a run that could not screen, behind the talk on what was read."""
    assert (done.exit_code, done.stdout, done.stderr.count("Error: ")) == (2, "", 1)
    return done.stderr.splitlines()[-1]


# ------------------------------------------------------------------------------ streams and files


@pytest.mark.parametrize(
    "shell", ["2>&-", pytest.param("2>/dev/full", marks=pytest.mark.skipif(
        not Path("/dev/full").exists(), reason="needs /dev/full"))]
)  # fmt: skip
def test_talk_that_nobody_can_hear_stops_no_run(place, shell):
    done = run("rows.csv", shell=shell)
    assert done.returncode == 0 and done.stdout.startswith(HEADER.encode())


@pytest.mark.parametrize(("args", "shell"), [("rows.csv", ">&-"), ("-", "<&-")])
def test_a_closed_stream_is_one_sentence(place, args, shell):
    done = run("-q", args, shell=shell)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"closed" in done.stderr


@pytest.mark.parametrize("locale", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_rows_come_in_utf_8_whatever_the_locale(place, locale):
    (place / "rows.csv").write_text("Consignee\n华为 Orbita Plus\n", "utf-8")
    done = run("-q", "rows.csv", **locale)
    assert (done.returncode, done.stderr) == (0, b"") and "华为".encode() in done.stdout


def test_names_from_standard_input_may_hold_any_byte(place):
    (place / "names").write_bytes(b"\xef\xbb\xbfOrbita Plus\nM\xfcller\n")
    command = [sys.executable, PROGRAM, "name", "-q", "-l", "own.csv", "-"]
    with open("names", "rb") as names:
        given = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
        done = subprocess.run(command, stdin=names, capture_output=True, env=given, timeout=60)
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (0, b"", 2)


def test_a_name_that_is_not_utf_8_breaks_no_receipt(place):
    name = b"rows\xff.csv"
    with contextlib.suppress(OSError):
        Path(os.fsdecode(name)).write_text("Consignee\nOrbita Plus\n")
    if not Path(os.fsdecode(name)).exists():
        pytest.skip("the file system takes no such name")
    command = [sys.executable, PROGRAM, "-q", "-l", "own.csv", "--receipt", "run.json"]
    done = subprocess.run([*command, name, "rows.csv"], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    inputs = json.loads((place / "run.json").read_bytes())["inputs"]
    assert "rows\udcff.csv" in inputs


OVERWRITES = [
    ("-o", "rows.csv"), ("--receipt", "rows.csv"), ("-o", "own.csv"), ("-o", "./x/../rows.csv"),
    ("-o", "a.csv", "--receipt", "a.csv"), ("-o", "old.csv", "--history", "old.csv"),
]  # fmt: skip


@pytest.mark.parametrize("args", OVERWRITES, ids=" ".join)
def test_what_is_read_is_never_overwritten(place, args):
    (place / "x").mkdir()
    (place / "old.csv").write_text("kept")
    before = {path: path.read_bytes() for path in place.iterdir() if path.is_file()}
    assert "the file to write is also" in refused(call("-l", "own.csv", *args, "rows.csv"))
    assert {path: path.read_bytes() for path in place.iterdir() if path.is_file()} == before


def test_a_link_to_the_input_is_not_overwritten(place):
    (place / "link.csv").symlink_to("rows.csv")
    assert "is also" in refused(call("-l", "own.csv", "-o", "link.csv", "rows.csv"))


@pytest.mark.parametrize("option", ["-o", "--receipt", "--cleared"])
def test_an_option_left_empty_is_not_passed_over(place, option):
    refused(call("-q", "-l", "own.csv", option, "", "rows.csv"))


def test_a_second_file_that_is_missing_is_said_before_a_row_is_written(place):
    assert "none.csv: there is no such file" in refused(
        call("-l", "own.csv", "rows.csv", "none.csv")
    )


def test_a_zip_file_in_a_pipe_is_said(place):
    with zipfile.ZipFile("rows.zip", "w") as archive:
        archive.write("rows.csv")
        archive.writestr(".DS_Store", b"\0")
    done = run("-q", "-", shell="<&0 0<rows.zip")
    piped = subprocess.run(["sh", "-c", f'cat rows.zip | "{sys.executable}" "{PROGRAM}" -q -l own.csv'],
                           capture_output=True, timeout=60)  # fmt: skip
    assert piped.returncode == 2 and b"in a pipe: give the file itself" in piped.stderr
    assert done.returncode == 0 and b"Orbita Plus,1,party" in done.stdout


# ------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("args", [("-t", "nan"), ("-t", "NaN"), ("-t", "-nan")])
def test_no_threshold_is_not_a_number(place, args):
    assert refused(call("-l", "own.csv", *args, "rows.csv")).startswith("Error: ")


def test_more_jobs_than_sense_still_end(place):
    assert call("-q", "-l", "own.csv", "--jobs", "100000", "rows.csv").exit_code == 0


# ------------------------------------------------------------------------------- signs that act

ACTING = "Orbita\x1b[31m Plus\u202e\x9b"


def test_no_sign_of_a_name_or_path_acts_on_the_terminal(place):
    (place / f"{ACTING}.csv").write_text("Consignee\nOrbita Plus\n", "utf-8")
    (place / "odd.csv").write_text(
        f"name,list,entry_id,{ACTING}\nKvantek,{ACTING},{ACTING},\n", "utf-8"
    )
    said = [
        call("-l", "odd.csv", f"{ACTING}.csv"), call("-l", "own.csv", "-o", f"no/{ACTING}", "rows.csv"),
        call("name", "-l", "odd.csv", "-f", "table", "Kvantak", ACTING), call("hs", ACTING),
        call("lists", "-l", "odd.csv", "-f", "table"), call(f"{ACTING}.xlsx"), call("verify", ACTING),
    ]  # fmt: skip
    for done in said:
        assert not {"\x1b", "\u202e", "\x9b"} & {*done.stderr}
    assert not {"\x1b", "\u202e", "\x9b"} & {*said[2].stdout, *said[4].stdout}


def test_a_carriage_return_in_a_cell_stays_in_its_row(place):
    (place / "rows.csv").write_bytes(b'Consignee,Note\n"Orbita Plus","a\rb"\n')
    out = call("-q", "-l", "own.csv", "rows.csv").stdout_bytes
    assert b'Orbita Plus,"a\rb",1,party' in out


@pytest.mark.parametrize("delimiter", ["\t", "\\t", "tab"])
def test_a_tab_can_be_typed(place, delimiter):
    (place / "rows.csv").write_text("Consignee\tNote\nOrbita Plus\ta\n")
    assert call("-q", "-l", "own.csv", "-d", delimiter, "rows.csv").exit_code == 0


@pytest.mark.parametrize("encoding", ["utf-7", "unicode_escape", "raw_unicode_escape", "utf-16"])
def test_an_encoding_that_does_not_fit_is_one_sentence(place, encoding):
    assert "encoding" in refused(call("-q", "-l", "own.csv", "-e", encoding, "rows.csv"))


# --------------------------------------------------------------------------------------- lists


@pytest.mark.parametrize("width", range(2, 14))
def test_an_own_list_with_numbers_first_is_an_own_list(place, width):
    header = ["entry_id", "name", "remarks", "countries", "programme", "citation", "url", "type"]
    cells = [*header, *(f"x{n}" for n in range(9))][:width]
    row = ["306", "Foo Barwick", *[""] * (width - 2)]
    (place / "numbered.csv").write_text(f"{','.join(cells)}\n{','.join(row)}\n")
    ((entries, report),) = screen.judge_lists(
        [place / "numbered.csv"], screen.ListOptions(screen.date.today())
    )
    assert (report.status, [entry.entry_id for entry in entries]) == ("ok", ["306"])


def test_a_broken_link_among_lists_is_refused(place):
    (place / "lists").mkdir()
    (place / "lists" / "own.csv").write_text("name\nOrbita Plus\n")
    (place / "lists" / "gone.csv").symlink_to("nowhere.csv")
    assert "gone.csv cannot be read" in refused(call("-l", "lists", "rows.csv"))


def test_lists_that_burst_are_refused_soon(place):
    with zipfile.ZipFile("burst.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "name\n" + "a\n" * 10_000_000)
    assert "is larger than" in refused(call("-l", "burst.zip", "rows.csv"))


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('name,remarks\nA,"x\nFoo Barwick,y"\nY,2\n', "quotes that may join 2 rows"),
        ("name\n---\nOrbita Plus\n", "1 entries whose names have no letter: nothing can hit them"),
    ],
)
def test_what_an_own_list_may_have_lost_is_said(place, text, note):
    (place / "odd.csv").write_text(text)
    assert note in call("-l", "odd.csv", "rows.csv").stderr


# ------------------------------------------------------------------------- receipts and decisions

DAMAGE = [
    {"files": None}, {"threshold": "x"}, {"paths": [None]}, {"delimiter": 5}, {"admit": 5}, {"hits": 7},
    {"max_list_age": "x"}, {"columns": []}, {"history": [3]}, {"as_of": "2026-02-30"},
]  # fmt: skip
PARTS = [
    ("written", 5), ("written", {"rows.csv": 5}), ("tables", None), ("lists", [{}]), ("inputs", 5),
    ("output", None), ("counts", 3), ("options", []),
]  # fmt: skip


@pytest.fixture
def receipt(place):
    done = call("-q", "-l", "own.csv", "--receipt", "run.json", "rows.csv")
    assert done.exit_code == 0
    return json.loads((place / "run.json").read_text("utf-8"))


@pytest.mark.parametrize("options", DAMAGE, ids=str)
def test_a_receipt_with_a_damaged_option_is_refused(place, receipt, options):
    (place / "run.json").write_text(json.dumps(receipt | {"options": receipt["options"] | options}))
    done = call("verify", "run.json")
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(("part", "value"), PARTS, ids=str)
def test_a_receipt_with_a_damaged_part_is_refused(place, receipt, part, value):
    (place / "run.json").write_text(json.dumps(receipt | {part: value}))
    done = call("verify", "run.json")
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit)


def test_a_receipt_that_never_ends_is_refused(place):
    (place / "run.json").write_text("[" * 100_000)
    assert "no receipt" in refused(call("verify", "run.json"))


def test_clear_says_when_there_is_nothing_to_clear(place):
    gone, clean = (call("clear", "rows.csv", row, "-l", "own.csv") for row in (9, 2))
    assert gone.exit_code == 2 and "no row is called 9" in gone.stderr
    assert clean.exit_code == 0 and "nothing was raised at threshold 85" in clean.stderr


def test_a_broken_pipe_of_the_engine_is_no_traceback(place):
    entries, reports = screen.read_lists([Path("own.csv")], screen.ListOptions(screen.date.today()))
    screener = screen.Screener(entries, reports, screen.Options(screen.date.today()))

    def broken():
        raise screen.BrokenProcessPool("gone")
        yield

    with pytest.raises(screen.ScreenError, match="killed"):
        list(screen.join_answers(broken()))
    assert screener.pool is None


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u3000", "\t"], ids=ascii)
def test_runs_of_blanks_in_a_name_come_to_an_end(blank, no_hang):
    assert screen.read_cell(f"Abc (Def) Ltd; Ghi{blank * 200_000}").names[1] == "Abc (Def) Ltd"
    assert screen.read_cell(f"A (B){blank * 9}C/O{blank * 9}D Ltd").names[0] == "A (B) C/O D Ltd"


def test_the_input_given_as_standard_input_is_not_overwritten(place):
    before = (place / "rows.csv").read_bytes()
    done = run("-q", "-o rows.csv", "-", shell="<rows.csv")
    assert done.returncode == 2 and b"is also standard input" in done.stderr
    assert (place / "rows.csv").read_bytes() == before


def test_an_output_keeps_its_mode_and_may_be_a_loop_of_links(place):
    (place / "out.csv").write_text("old")
    (place / "out.csv").chmod(0o640)
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    long = "n" * 200 + ".csv"
    for name in ("out.csv", "a", long):
        done = call("-q", "-l", "own.csv", "-o", name, "rows.csv")
        assert not done.exception or isinstance(done.exception, SystemExit), done.exception
    assert (place / "out.csv").stat().st_mode & 0o777 == 0o640 and (place / long).exists()
