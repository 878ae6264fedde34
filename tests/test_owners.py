from __future__ import annotations

from datetime import date

import pytest

import screen
from rows import read_cases

DAY = date(2026, 11, 25)


def parse_shares(text):
    """`A>B 60|B>C` as shares."""
    shares = []
    for one in text.split("|"):
        names, _, percent = one.partition(" ")
        owner, _, owned = names.partition(">")
        row = {"owner": owner, "owned": owned, "percent": percent}
        shares.append(screen.parse_share(row, "owners.csv, line 2"))
    return shares


def parse_listed(text):
    """`A US-SDN|A UK-SL` as entries by owner."""
    listed = {}
    for one in text.split("|"):
        owner, name = one.split()
        entry = screen.ListEntry(name, f"{owner}1", "entity", ((owner, "primary"),))
        listed.setdefault(owner, []).append(entry)
    return listed


def own(case):
    """The entries of the owned firms of a case."""
    day = date.fromisoformat(case["as_of"])
    return screen.find_owned(parse_shares(case["shares"]), parse_listed(case["listed"]), day)


@pytest.mark.parametrize("case", read_cases("owners"), ids=lambda case: case["case"])
def test_who_is_owned_by_each_rule(case):
    found = sorted(f"{entry.names[0][0]} {entry.list}" for entry in own(case))
    assert found == sorted(case["owned"].split("|") if case["owned"] else [])


def told(name):
    """The chain and rules that are said of the first owned firm of case `name`."""
    (case,) = [case for case in read_cases("owners") if case["case"] == name]
    return [entry.remarks for entry in own(case)]


def test_the_chain_is_told_to_the_listed_owner():
    assert told("through two firms")[-1].startswith(
        "A (US-SDN A1) 60 % → B 55 % → C 50 % → D; owned by OFAC 50 Percent Rule (at least 50 %,"
    )
    assert told("aggregate of three")[0].startswith(
        "A (US-SDN A1) 20 % + B (US-SDN B1) 20 % + C (US-SDN C1) 20 % → X; "
    )


def test_the_rule_that_differs_is_named_with_its_state_and_date():
    (said,) = told("direct half")
    assert "owned by OFAC 50 Percent Rule (at least 50 %, shares added up; in force, 2025" in said
    assert "not owned by UK ownership and control (more than 50 %, shares not added up; in" in said
    assert "probably yes" in told("affiliates rule in force")[0]


def test_an_unknown_share_is_said():
    assert told("share unknown")[0].startswith("A (US-SDN A1) ? % → B; ")
    assert told("share unknown")[0].endswith("; a share is not known: find it out")


def test_loops_and_sums_are_said():
    shares = parse_shares("A>B 60|B>C 60|C>B 60|D>E 10")
    assert [*screen.find_share_faults(shares)] == [
        "B: the owners hold 120 % in all, over 100 %",
        "firms that own one another: b, c",
    ]
    assert [*screen.find_share_faults(parse_shares("A>B 60|B>C 60"))] == []


def test_rows_that_name_an_owned_firm_are_flagged(tmp_path):
    (tmp_path / "list.csv").write_text(
        "name,entry_id,list,countries\nVolnakor Holding,V1,US-SDN,RU\nUnrelated Qst,U1,US-SDN,CN\n"
    )
    owners = tmp_path / "owners.csv"
    owners.write_text(
        "owner,owned,percent,source,as_of\nVolnakor Holdng,Betalim Trading LLC,60 %,register,2026-05-01\n"
        'Betalim Trading LLC,Gammatec GmbH,"55,5",,\n',
        encoding="utf-8",
    )
    loaded = screen.Screener.load(tmp_path / "list.csv", as_of=DAY)
    screener, faults = screen.own_firms(loaded, str(owners))
    roles = {"consignee": ((0,),)}
    chunk = screen.Chunk(
        1, [["Gammatec GmbH"], ["Betalim Tradng LLC"], ["Other AG"]], [1, 2, 3], {}
    )
    first, second = screener.screen_chunk(chunk, roles)
    facts = [row.flags[0].facts for row in (first, second)]
    assert [(f["listed_name"], f["name_kind"], f["list"]) for f in facts] == [
        ("Gammatec GmbH", "owned", "US-SDN"),
        ("Betalim Trading LLC", "owned", "US-SDN"),
    ]
    assert (
        "Volnakor Holdng (US-SDN V1) 60 % (register 2026-05-01) → Betalim Trading LLC 55.5 % → Gammatec GmbH"
        in first.flags[0].reason
    )
    assert faults == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("owner,owned\nA,B\n", "owners.csv: no column percent, expected owner, owned, percent."),
        ("owner,owned,percent\nA,B,120\n", "owners.csv, line 2, column percent: '120' found, 0 to"),
        ("owner,owned,percent\nA,B,half\n", "owners.csv, line 2, column percent: 'half' found, 0"),
    ],
)
def test_what_cannot_be_read_stops_the_run(tmp_path, text, fault):
    path = tmp_path / "owners.csv"
    path.write_text(text)
    with pytest.raises(screen.ScreenError) as caught:
        screen.read_owners(str(path))
    assert fault in caught.value.message
