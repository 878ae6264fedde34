from __future__ import annotations

import ast
import csv
import re
from pathlib import Path
from statistics import median

import pytest

import screen

SOURCE = Path(screen.__file__).read_text(encoding="utf-8")
TREE = ast.parse(SOURCE)
NODES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
TOP = {node.name: node for node in TREE.body if isinstance(node, NODES)}
FUNCTIONS = [node for node in ast.walk(TREE) if isinstance(node, NODES[:2])]
BARS = [n for n, line in enumerate(SOURCE.splitlines(), 1) if re.fullmatch("# ={90,}", line)]
HEADINGS = [SOURCE.splitlines()[n].lstrip("# 0123456789") for n in BARS]
ROOMS = ["Vocabulary", "Goods", "Destinations", "Files", "Tables", "Lists", "Verdicts", "Update", "Cells", "Names", "Match", "Shipments",
         "History", "Surges", "Output", "Show", "Report", "Clearances", "Since", "Places", "Owners", "Screening", "Selftest", "Run", "Receipt", "Command line"]  # fmt: skip


# What a function names although it stands in a later room.
KNOWN_DOWN: list[str] = []


def room_of(node):
    """The number of the room that `node` stands in."""
    return sum(bar < node.lineno for bar in BARS)


def find_uses(node):
    """Top-level functions and classes that the code of `node` names, annotations aside."""
    notes = [
        n.annotation
        for n in ast.walk(node)
        if isinstance(n, ast.arg | ast.AnnAssign) and n.annotation
    ]
    notes += [n.returns for n in ast.walk(node) if isinstance(n, NODES[:2]) and n.returns]
    left_out = {id(inner) for note in notes for inner in ast.walk(note)}
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in left_out}
    own = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    own |= {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return (names & TOP.keys()) - own - {node.name}


def test_rooms_stand_in_order():
    found = [room for heading in HEADINGS for room in ROOMS if heading.startswith(room)]
    assert found == ROOMS


def test_functions_call_what_stands_in_their_room_or_above():
    down = {f"{name} -> {used}" for name, node in TOP.items() for used in find_uses(node)
            if room_of(TOP[used]) > room_of(node)}  # fmt: skip
    assert down == set(KNOWN_DOWN)


def size_of(function):
    """Lines of `function`, its decorators aside."""
    return function.end_lineno - function.lineno + 1


def test_no_function_is_over_45_lines():
    assert [f.name for f in FUNCTIONS if size_of(f) > 45] == []


def test_half_of_the_functions_have_at_most_12_lines():
    assert median(map(size_of, FUNCTIONS)) <= 12


def test_every_public_function_class_and_method_says_what_it_is():
    nodes = [n for n in [*TOP.values(), *(m for c in TOP.values() if isinstance(c, ast.ClassDef) and c.name[0] != "_" for m in c.body)]
             if isinstance(n, NODES) and not n.name.startswith("_")]  # fmt: skip
    assert [n.name for n in nodes if not ast.get_docstring(n)] == []


def test_nothing_global_is_rebound():
    assert [n.lineno for n in ast.walk(TREE) if isinstance(n, ast.Global | ast.Nonlocal)] == []


def test_nothing_happens_at_import():
    plain = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, *NODES)
    odd = [n for n in TREE.body if not isinstance(n, plain)]
    docstring, *rest = odd
    assert isinstance(docstring, ast.Expr) and [
        ast.unparse(n.test) if isinstance(n, ast.If) else "needed packages" for n in rest
    ] == [
        "sys.version_info < (3, 11)",
        "needed packages",
        "TYPE_CHECKING",
        "__name__ == '__main__'",
    ]


def test_no_function_rebinds_its_parameters():
    rebound = []
    for function in FUNCTIONS:
        parameters = {
            a.arg
            for a in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        }
        stored = {
            n.id
            for n in ast.walk(function)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        rebound += [f"{function.name}: {name}" for name in sorted(parameters & stored)]
    assert rebound == []


def test_no_bare_except_and_no_foreign_word():
    assert [
        n.lineno for n in ast.walk(TREE) if isinstance(n, ast.ExceptHandler) and n.type is None
    ] == []
    names = {n.name for n in [*TOP.values(), *FUNCTIONS]}
    assert [n for n in names if re.match(r"_?(process|handle|do|util|data)(_|$)", n)] == []


def test_records_are_frozen_with_slots():
    loose = [c.name for c in TOP.values() if isinstance(c, ast.ClassDef) for d in c.decorator_list
             if "dataclass" in ast.unparse(d) and "dataclass(frozen=True, slots=True" not in ast.unparse(d)]  # fmt: skip
    assert loose == []


@pytest.mark.parametrize("path", sorted(screen.TABLES.glob("*.csv")), ids=lambda path: path.stem)
def test_every_row_of_a_table_has_its_source_and_date(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    odd = [
        n
        for n, row in enumerate(rows, 2)
        if not row["source"].strip() or not re.fullmatch(r"20\d\d-\d\d-\d\d", row["as_of"] or "")
    ]
    assert rows and odd == [] and not any(None in row or None in row.values() for row in rows)


def test_the_top_level_holds_the_program_and_three_folders():
    folder = Path(screen.__file__).parent
    assert {p.name for p in folder.iterdir() if p.name[0] not in "._"} <= {
        "screen.py",
        "lists",
        "samples",
        "tests",
        "README.md",
    }
