"""A small list of one's own, and runs on it, for the tests of what comes out."""

import csv
import io
import json

from caller import call

LIST = """name,entry_id,type,aliases,weak_aliases,countries,addresses,programme
Kvantek Severnaya Zarya,K1,entity,Kvantek SZ,Milurov,RU,"Lenina 7, Tambov Severny",P1|P2
Orbita Plus,O1,entity,,,CN,,
Bereg Marine 12,O2,entity,,,AE,,
=Evil Formula,E1,entity,,,,,
"""
DAY = ("--as-of", "2026-11-23")


def run(*args, text=None, code=0):
    """A run with own.csv that ends with `code`."""
    done = call("-l", "own.csv", *DAY, *args, text=text)
    assert done.exit_code == code, done.stderr
    return done


def read_rows(stdout):
    """The rows of CSV."""
    return list(csv.DictReader(io.StringIO(stdout, newline="")))


def read_records(done):
    """The records of JSONL."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_rows(*args, text=None):
    """The rows of a CSV run."""
    return read_rows(run(*args, text=text).stdout)


def run_records(*args, text=None):
    """The records of a JSONL run."""
    return read_records(run("-f", "jsonl", *args, text=text))
