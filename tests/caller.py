"""Calls the command line within the test's process, stdout and stderr apart under every click."""

import inspect

from click.testing import CliRunner

import screen

APART = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


def call(*args, text=None):
    """The result of `screen.py ARGS` with `text` as standard input."""
    runner = CliRunner(**APART)
    return runner.invoke(screen.main, [str(a) for a in args], input=text, prog_name="screen.py")
