"""README.md is run: its commands end well and print what it shows; it names what the help names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click
import pytest

import screen
from conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"(?:^<!-- (\w+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS_NETWORK_OR_OTHERS = ("update", "mail")


class Block(NamedTuple):
    """A fenced block: its marker ("run", "tests" or ""), its language and its text."""

    marker: str
    language: str
    text: str


BLOCKS = [Block(m[1] or "", m[2], m[3]) for m in BLOCK.finditer(README)]
CONSOLES = [block.text for block in BLOCKS if block.language == "console"]
SHELLS = [block for block in BLOCKS if block.language in ("sh", "console")]


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the repository's root, with `screen.py` among the commands."""
    folder = tmp_path_factory.mktemp("desk")
    for name in ("screen.py", "lists", "samples", "tests"):
        (folder / name).symlink_to(ROOT / name)
    command = folder / "bin" / "screen.py"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "screen.py"}" "$@"\n')
    command.chmod(0o755)
    return folder


def run_shell(command: str, desk: Path) -> subprocess.CompletedProcess[str]:
    """What bash makes of `command` at the `desk`."""
    given = {"PATH": f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "SCREEN_LISTS")}
    return subprocess.run(
        ["bash", "-c", command], cwd=desk, env={**kept, **given},
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


def read_steps(console: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines shown below it."""
    parts = re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]
    return [(lines[0], lines[1:]) for lines in (part.splitlines() for part in parts)]


def is_shown(shown: str, printed: str) -> bool:
    """Whether the line `shown` is `printed`, or its beginning where it ends in an ellipsis."""
    one, other = (" ".join(line.split()) for line in (shown, printed))
    return one == other or (one.endswith("…") and other.startswith(one[:-1].rstrip()))


def test_an_ellipsis_stands_for_the_rest_of_a_line_and_for_nothing_else() -> None:
    assert is_shown("a  b …", "a b c") and not is_shown("a b …", "a c") and not is_shown("a", "a b")


@pytest.mark.parametrize("console", CONSOLES, ids=lambda text: text.splitlines()[0][2:50])
def test_a_console_block_prints_what_it_shows(console: str, desk: Path) -> None:
    if "jq" in console and not shutil.which("jq"):
        pytest.skip("jq is not installed")
    for command, shown in read_steps(console):
        done = run_shell(command, desk)
        printed = done.stdout.splitlines()
        assert (done.returncode, "Error" in done.stderr) == (0, False), f"{command}\n{done.stderr}"
        assert len(shown) == len(printed), f"{command}\n{done.stdout}"
        for one, other in zip(shown, printed, strict=True):
            assert is_shown(one, other), f"{command}\nshown:   {one}\nprinted: {other}"


def test_the_first_command_ends_in_flagged_rows(desk: Path) -> None:
    (block,) = [block for block in BLOCKS if block.marker == "run"]
    *setting_up, command = block.text.splitlines()
    assert all(line.startswith(("python3 -m venv", ".venv/bin/pip")) for line in setting_up)
    done = run_shell(command.replace(".venv/bin/python", f'"{sys.executable}"'), desk)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("S26079,")
    assert re.match(r"79 rows: 2\d flagged", done.stderr.splitlines()[-1])


def test_the_second_command_is_the_one_that_the_check_runs() -> None:
    (block,) = [block for block in BLOCKS if block.marker == "tests"]
    assert block.text.splitlines()[-1] == ".venv/bin/python -m pytest -q tests"


def find_calls(text: str) -> list[list[str]]:
    """The arguments of every call of screen.py in `text`, line by line."""
    calls = re.findall(r"screen\.py ([^|>\n;`]*)", text)
    return [call.partition(" #")[0].replace('"', " ").split() for call in calls]


CALLS = [call for block in SHELLS for call in find_calls(block.text)]
NAMED = CALLS + [call for code in re.findall(r"`([^`\n]+)`", README) for call in find_calls(code)]
COMMANDS = screen.main.commands


def read_options(command: click.Command) -> set[str]:
    """Every spelling of the options of `command`, `-h` among them."""
    return {"-h", "--help"} | {o for param in command.params for o in param.opts if o[0] == "-"}


@pytest.mark.parametrize("call", NAMED, ids=" ".join)
def test_a_call_in_readme_names_a_command_and_options_that_exist(call: list[str]) -> None:
    command = COMMANDS[call[0] if call and call[0] in COMMANDS else "run"]
    given = {word.partition("=")[0] for word in call if re.match(r"--?[a-z]", word)}
    assert given <= read_options(command)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_readme_names_every_command(name: str) -> None:
    assert name == "run" or re.search(rf"screen\.py {name}\b|`{name}`", README)


@pytest.mark.parametrize(
    "option", sorted({max(param.opts, key=len) for param in COMMANDS["run"].params} - {"files"})
)
def test_readme_names_every_option_of_the_main_call(option: str) -> None:
    short = next(p.opts[0] for p in COMMANDS["run"].params if option in p.opts)
    assert re.search(rf"(?<![\w-])({re.escape(option)}|{re.escape(short)})(?![\w-])", README)


@pytest.mark.parametrize(
    "name", ["shipments.csv", "sendungen.csv", "declarations.csv", "history.csv", "own_list.csv"]
)
def test_readme_names_every_sample(name: str) -> None:
    assert f"samples/{name}" in README and (ROOT / "samples" / name).is_file()


def test_readme_is_short() -> None:
    assert len(README.splitlines()) < 350
