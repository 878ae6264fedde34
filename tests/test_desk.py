"""What a clerk sees: the table, a row in full, the page to print, the workbook."""

from __future__ import annotations

import io
import pty
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import browser
import screen
from caller import call
from conftest import ROOT
from own import DAY, run, run_rows

SAMPLE = ROOT / "samples" / "shipments.csv"


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The page of the sample, with a history."""
    page = tmp_path_factory.mktemp("desk") / "page.html"
    done = call("-q", *DAY, "--report", page, "--history", ROOT / "samples/history.csv", SAMPLE)
    assert done.exit_code == 0, done.stderr
    return page


# ----------------------------------------------------------------------------------- the table


def draw(width, path, monkeypatch, *args):
    """The lines of the table of `path` on a terminal of `width` columns."""
    monkeypatch.setattr(screen, "read_width", lambda: width)
    monkeypatch.setattr(
        screen.shutil, "get_terminal_size", lambda *_: screen.os.terminal_size((width, 20))
    )
    monkeypatch.setattr(
        screen.RunRequest, "writing", lambda self: screen.Writing(self.form, terminal=True)
    )
    done = call("-f", "table", *DAY, *args, path)
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_table_fits_its_terminal_and_says_why(width, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    lines = draw(width, SAMPLE, monkeypatch)
    *table, header, following = lines
    assert max(map(screen.width_of, table)) <= width
    assert header == table[0], "the header is on screen at the end"
    assert following.startswith("in full: screen.py show ")
    text = " ".join(" ".join(table).split())
    for why in (
        "= ACE BEARINGS FZE (US-SDN); diversion AE;",
        "embargo IR",
        "priority goods 3.B",
        "not screened",
    ):
        assert why in text


def test_a_table_in_a_pipe_is_one_line_a_row_and_uncut():
    done = call("-q", "-f", "table", *DAY, SAMPLE)
    header, *lines = done.stdout.splitlines()
    assert header.split()[-1] == "why" and len(lines) >= 22 and "…" not in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "coloured"),
    [("NO_COLOR", "1", False), ("TERM", "dumb", False), ("TERM", "xterm", True)],
)
def test_colour_obeys_the_user_and_the_terminal(name, value, coloured, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert any("\x1b[31m" in line for line in draw(120, SAMPLE, monkeypatch)) == coloured


CONTROLS = "\x1b]0;own\x07Orb\x1b[31mita\x9b Plus\x00\u202e"


@pytest.mark.parametrize("args", [("-f", "table", "-t", 2, "-a"), ("-f", "csv", "-t", 2)])
def test_no_control_character_of_a_cell_is_obeyed(own_place, args):
    (own_place / "own.csv").write_text("name\nOrbita Plus\n")
    (own_place / "rows.csv").write_text(f"Consignee,N\n{CONTROLS},x\nOrbita Plus,x\n")
    out = run(*args, "rows.csv").stdout
    ours = out if "table" in args else "".join(out.partition("\n")[2].split(",")[2:])
    assert [c for c in ours if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"] == []


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_fitted_cell_has_its_width(text, width):
    assert screen.width_of(screen.fit(screen.clean(text), width)) == width


RANKS = [
    ("Orbita Plus,Germany,", 0), ("Someone,Iran,", 0), ("Someone,Kyrgyzstan,8542.31", 1),
    ("Kvantek Severnaya Zara,Germany,", 2), (",Germany,", 2), ("Someone,Germany,8542.31", 3),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "rank"), RANKS)
def test_rows_are_ranked_by_urgency(own_place, cells, rank):
    (own_place / "rows.csv").write_text(f"Consignee,Destination,HS Code\n{cells}\n")
    run("--report", "page.html", "rows.csv", "-t", 80)
    found = re.findall(r"<h2>(.*): 1</h2>", (own_place / "page.html").read_text())
    assert found == [screen.RANKS[rank]]


# ---------------------------------------------------------------------------------- a row in full


def test_show_gives_a_row_by_number_and_by_reference(own_place):
    (own_place / "rows.csv").write_text(
        "Consignee,Reference,Note\nSomeone,R7,a\nOrbita Plux,R8,b\n"
    )
    by_number, by_name = (
        call("show", "-q", "-l", "own.csv", *DAY, "rows.csv", *name).stdout
        for name in (("2",), ("--column", "reference=Reference", "R8"))
    )
    for said in (by_number, by_name):
        lines = said.splitlines()
        marks = [
            lines[n + 1].split()
            for n, line in enumerate(lines)
            if line.split()[:1] in (["asked"], ["listed"])
        ]
        assert (
            [len(one) for one in marks] == [2, 2]
            and marks[0][0] == "======"
            and marks[0][1] == "~~~~"
        )
        assert re.search(r"consignee +Orbita Plux", said) and "1. party: " in said
    assert by_name.startswith("R8: row 2 of rows.csv")


def test_show_of_a_row_that_raised_nothing_says_just_that(own_place):
    (own_place / "rows.csv").write_text("Consignee\nSomeone\n")
    assert "no hit at threshold 85" in call("show", "-q", "-l", "own.csv", "rows.csv", 1).stdout


def test_show_of_a_row_that_is_not_there(own_place):
    (own_place / "rows.csv").write_text("Consignee\nSomeone\n")
    done = call("show", "-q", "-l", "own.csv", "rows.csv", "9")
    assert done.exit_code == 2 and "no row is called 9" in done.stderr


# --------------------------------------------------------------------------------- the page


def test_the_page_needs_nothing_else_and_is_deterministic(sample, tmp_path):
    text = sample.read_text("utf-8")
    assert not re.search(r"https?://|src=|<link|@import|url\(", text)
    again = tmp_path / "again.html"
    call("-q", *DAY, "--report", again, "--history", ROOT / "samples/history.csv", SAMPLE)
    assert again.read_bytes() == sample.read_bytes()
    assert (
        "79 rows: " in text
        and "<svg" in text
        and text.count("<section") == text.count('class="room"') > 20
    )


HOSTILE = (
    '<script>document.title="owned"</script><img src=x onerror=document.title="owned">"\'&$rows'
)
needs_browser = pytest.mark.skipif(not browser.PROGRAM, reason="chromium is not installed")


@pytest.fixture(scope="module")
def page(sample, tmp_path_factory):
    """The page of the sample in a browser."""
    if not browser.PROGRAM:
        pytest.skip("chromium is not installed")
    with browser.Browser(tmp_path_factory.mktemp("profile")) as found:
        found.open(sample)
        yield found


SEEN = "Array.from(document.querySelectorAll('section')).filter(s => s.offsetParent).length"


def test_a_click_on_a_kind_leaves_its_rows_and_a_second_brings_all_back(page):
    every = page.run(SEEN)
    page.run("document.querySelector('nav button').click()")
    parties = page.run(SEEN)
    assert 0 < parties < every
    assert parties == page.run("document.querySelectorAll('section[data-k~=party]').length")
    page.run("document.querySelector('nav button').click()")
    assert page.run(SEEN) == every


def test_the_page_prints_on_a4_and_asks_for_nothing(page):
    pdf = page.print()
    assert pdf.startswith(b"%PDF") and re.search(rb"/MediaBox \[0 0 59[45][.\d]* 84[12]", pdf)
    assert [url for url in page.requests if not url.startswith("file:")] == []


@needs_browser
def test_hostile_cells_are_inert(own_place, tmp_path):
    quoted = HOSTILE.replace('"', '""')
    (own_place / "rows.csv").write_text(
        f'Consignee,Description\n"Orbita Plus {quoted}","{quoted}"\nOrbita Plus,"{quoted}"\n'
    )
    run("--report", "page.html", "rows.csv", "-t", 40)
    with browser.Browser(tmp_path / "profile") as found:
        found.open(own_place / "page.html")
        assert found.run("document.title") == "Shipments to look at"
        assert found.run("document.querySelectorAll('img, script').length") == 1
        assert HOSTILE in found.run("document.body.textContent")


# -------------------------------------------------------------------------------- the workbook

CELLS = ["", " a", "007", "=1+1", "-5", "+7 495", "two\nlines", "cr\r\nlf", "_x000D_", "\x07bell", "华为", "1e5", "TRUE", "2026-01-02", "x" * 33_000]  # fmt: skip


def read_back(text):
    """A cell's text as Excel shows it; openpyxl leaves signs in the form of the file."""
    return re.sub(r"_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text or "")


def test_a_workbook_gives_back_every_cells_text(own_place):
    openpyxl = pytest.importorskip("openpyxl")
    out = io.StringIO(newline="")
    lines = [["Consignee", "Note"], *(["Orbita Plus", cell] for cell in CELLS)]
    out.write("".join(map(screen.write_csv, lines)))
    (own_place / "rows.csv").write_bytes(out.getvalue().encode())
    run("-o", "out.xlsx", "rows.csv")
    book = openpyxl.load_workbook("out.xlsx")
    rows, reasons = book.worksheets
    assert (book.sheetnames, rows.freeze_panes, reasons.freeze_panes) == (
        ["rows", "reasons"],
        "A2",
        "A2",
    )
    header, *cells = rows.iter_rows(values_only=True)
    assert header == ("Consignee", "Note", *screen.SCREEN_COLUMNS)
    notes = [read_back(row[1]) for row in cells]
    assert (
        notes[:-1] == CELLS[:-1]
        and notes[-1].endswith("holds no more)")
        and len(notes[-1]) == 32_767
    )
    assert {cell.data_type for row in rows.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}
    assert not any(isinstance(value, int | float) for row in cells for value in row)
    assert rows.column_dimensions["B"].width == 60
    csv_rows = run_rows("rows.csv")
    assert [row[2] for row in cells] == [row["screen_row"] for row in csv_rows]
    assert len(list(reasons.iter_rows())) == 1 + len(csv_rows)


def test_without_openpyxl_a_workbook_is_one_sentence(own_place, monkeypatch):
    (own_place / "rows.csv").write_text("Consignee\nOrbita Plus\n")
    monkeypatch.setitem(screen.sys.modules, "openpyxl", None)
    said = run("-o", "out.xlsx", "rows.csv", code=2).stderr.splitlines()[-1]
    assert (
        said == "Error: a workbook needs the package openpyxl: pip install openpyxl, or write .csv."
    )


# ------------------------------------------------------------------- an output with her own columns


@pytest.mark.parametrize("file", ["out.csv", "out.xlsx"])
def test_an_output_with_a_column_of_hers_is_not_replaced(own_place, file):
    openpyxl = pytest.importorskip("openpyxl")
    (own_place / "rows.csv").write_text("Consignee\nOrbita Plus\n")
    run("-o", file, "rows.csv")
    run("-o", file, "rows.csv")
    if file.endswith("csv"):
        (own_place / file).write_text("Consignee,screen_row,My decision\nOrbita Plus,1,ok\n")
    else:
        book = openpyxl.load_workbook(file)
        book["rows"]["Z1"] = "My decision"
        book.save(file)
    before = (own_place / file).read_bytes()
    said = run("-o", file, "rows.csv", code=2).stderr.splitlines()[-1]
    assert said == (
        f"Error: {file}: has a column 'My decision' that this run does not write: choose another name, or"
        " --force to replace it."
    )
    assert (own_place / file).read_bytes() == before
    run("-o", file, "--force", "rows.csv")


# -------------------------------------------------------------------------------- the first minutes


def test_no_file_on_a_terminal_is_help_and_two(own_place, monkeypatch):
    main, other = pty.openpty()
    done = screen_process("-l", "own.csv", stdin=other)
    screen.os.close(main)
    screen.os.close(other)
    assert done.returncode == 2 and done.stdout == ""
    assert "Usage: " in done.stderr and done.stderr.splitlines()[-1].startswith(
        "Error: no file given"
    )


def screen_process(*args, **more):
    """A real process of the program."""
    command = [sys.executable, screen.__file__, *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


MISTAKES = [
    (("updat",), "updat: neither a file nor a command: did you mean `screen.py update`?"),
    (("-l", "own.csv", "--treshold", "80", "rows.csv"), "No such option '--treshold'. Did you mean '--threshold'?"),
    (("-l", "own.csv", "-o", "rows.csv", "rows.csv"), "'rows.csv': the file to write is also rows.csv: choose another name."),
]  # fmt: skip


@pytest.mark.parametrize(("args", "sentence"), MISTAKES)
def test_a_mistake_gets_one_sentence_that_mends_it(own_place, args, sentence):
    (own_place / "rows.csv").write_text("Consignee\nOrbita Plus\n")
    done = call(*args)
    assert done.exit_code == 2 and sentence in done.stderr.splitlines()[-1]


def test_a_missing_package_is_said(tmp_path):
    (tmp_path / "rapidfuzz.py").write_text("raise ImportError('gone', name='rapidfuzz')\n")
    done = screen_process("-h", env={**screen.os.environ, "PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "Error: the package rapidfuzz is missing: run `python3 -m pip install"
    )


@pytest.mark.parametrize("error", [MemoryError, ZeroDivisionError, RecursionError, KeyError])
def test_whatever_nobody_foresaw_ends_with_two_and_a_sentence(own_place, monkeypatch, error):
    def fail(*_):
        raise error

    (own_place / "rows.csv").write_text("Consignee\nOrbita Plus\n")
    monkeypatch.setattr(screen, "run_screening", fail)
    done = call("-l", "own.csv", "--exit-code", "rows.csv")
    assert (
        done.exit_code == 2 and done.stderr.startswith("Error: ") and "Traceback" not in done.stderr
    )


def test_a_loop_of_links_is_a_sentence(own_place):
    (own_place / "a.csv").symlink_to("b.csv")
    (own_place / "b.csv").symlink_to("a.csv")
    done = call("-l", "own.csv", "a.csv")
    assert done.exit_code == 2 and done.stderr.startswith("Error: ")


def test_completion_knows_commands_and_files():
    words = {
        "_SCREEN_PY_COMPLETE": "bash_complete",
        "COMP_WORDS": "screen.py sh",
        "COMP_CWORD": "1",
    }
    done = call_with(words)
    assert "plain,show" in done and "file,sh" in done
    words["COMP_WORDS"], words["COMP_CWORD"] = "screen.py rows.csv --thr", "2"
    assert "plain,--threshold" in call_with(words)


def call_with(environment):
    """What the program prints under `environment`."""
    env = {**screen.os.environ, **environment}
    command = [
        screen.sys.executable,
        "-c",
        "import sys, screen; sys.argv[0] = 'screen.py'; screen.main()",
    ]
    return screen_run(command, env)


def screen_run(command, env):
    return subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout


def test_help_has_its_options_in_groups_and_the_files_first():
    said = call("run", "-h").stdout
    assert said.startswith("Usage: screen.py run [FILE ...] [OPTIONS]")
    places = [said.index(f"\n{title}:\n") for title in ("Lists", "Reading", "Output", "Records")]
    assert places == sorted(places) and "Exit codes:" in said and "SCREEN_LISTS" in said
