"""A customs-like history made from a seed: seasons, noise, and one surge whose size is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

COUNTRIES = [
    "KG", "RU", "DE", "FR", "IT", "ES", "PL", "NL", "BE", "AT", "CZ", "SE", "FI", "GB", "US", "CA",
    "MX", "BR", "ZA", "IN", "TR", "AE", "KZ", "UZ", "AM", "GE", "RS", "SG", "MY", "TH", "VN", "ID",
    "JP", "KR", "AU", "EG", "MA", "SA", "IL", "CL",
]  # fmt: skip
LISTED = (8482, 8542, 8541, 8517, 8532, 8504, 8536, 9030, 8471, 8457)
MONTHS = 24


@dataclass(frozen=True, slots=True)
class Truth:
    """What was put into the history: KG x 8482 and RU x 8482, value in the two half years."""

    baseline: float
    current: float
    russia_baseline: float
    russia_current: float

    @property
    def growth_percent(self) -> float:
        return (self.current / self.baseline - 1) * 100


def build_history(
    rows: int = 200_000, story: bool = True, times: float = 21.0, seed: int = 5
) -> tuple[pd.DataFrame, Truth | None]:
    """Text columns by role, 24 months from 2024-01, 40 countries, 300 headings; and the truth."""
    rng = np.random.default_rng(seed)
    headings = _headings(rng)
    usual = _usual_rows(rng, rows, headings)
    if not story:
        return _as_text(rng, usual), None
    in_story = (usual["heading"] == 8482) & usual["country"].isin(["KG", "RU"])
    bearings = _story_rows(rng, max(2, rows // 20_000), times)
    frame = pd.concat([usual[~in_story][: rows - len(bearings)], bearings], ignore_index=True)
    half = bearings["month"].floordiv(6).map({1: "before", 3: "now"})
    sums = bearings.groupby(["country", half])["value"].sum()
    truth = Truth(*(sums[c, p] for c in ("KG", "RU") for p in ("before", "now")))
    return _as_text(rng, frame), truth


def _headings(rng: np.random.Generator) -> np.ndarray:
    others = np.setdiff1d(np.arange(2801, 9620), LISTED)
    others = others[(others % 100 > 0) & (others % 100 < 30)]
    return np.concatenate([LISTED, rng.choice(others, 300 - len(LISTED), replace=False)])


def _usual_rows(rng: np.random.Generator, rows: int, headings: np.ndarray) -> pd.DataFrame:
    """Trade with a season and a mild trend per heading, a mild trend per country, skewed values."""
    country = rng.choice(len(COUNTRIES), rows, p=_shares(rng, len(COUNTRIES)))
    heading = rng.choice(len(headings), rows, p=_shares(rng, len(headings)))
    phase, depth = rng.uniform(0, 12, 300), rng.uniform(0.1, 0.7, 300)
    trend = rng.normal(0, 0.15, 300)[:, None] + rng.normal(0, 0.15, 40)[None, :]
    months = np.arange(MONTHS)
    season = 1 + depth[:, None] * np.sin(2 * np.pi * (months[None, :] - phase[:, None]) / 12)
    weight = season[heading] * np.exp(trend[heading, country][:, None] * months[None, :] / 12)
    cut = np.cumsum(weight, axis=1)
    month = (rng.uniform(size=rows)[:, None] * cut[:, -1:] > cut).sum(axis=1)
    price = np.exp(rng.normal(np.log(4000), 0.8, 300))
    return pd.DataFrame(
        {
            "country": np.array(COUNTRIES)[country],
            "heading": headings[heading],
            "month": month,
            "value": price[heading] * np.exp(rng.normal(0, 0.7, rows)),
            "firm": rng.integers(0, 60, rows) // rng.integers(1, 8, rows),
        }
    )


def _shares(rng: np.random.Generator, count: int) -> np.ndarray:
    share = np.exp(rng.normal(0, 0.9, count))
    return share / share.sum()


def _story_rows(rng: np.random.Generator, unit: int, times: float) -> pd.DataFrame:
    """Bearings: `unit` rows a month to KG, from July 2025 `times` the value; RU the reverse."""
    parts = []
    for month in range(MONTHS):
        counts = {"KG": 18, "RU": 1} if month >= 18 else {"KG": 1, "RU": 20}
        for country, times_unit in counts.items():
            values = 9000 * np.exp(rng.normal(0, 0.5, times_unit * unit))
            part = pd.DataFrame({"value": values, "firm": rng.integers(0, 12, len(values))})
            parts.append(part.assign(country=country, heading=8482, month=month))
    story = pd.concat(parts, ignore_index=True)
    kyrgyz, month = story["country"] == "KG", story["month"]
    before, now = kyrgyz & month.between(6, 11), kyrgyz & (month >= 18)
    story.loc[now, "value"] *= times * story["value"][before].sum() / story["value"][now].sum()
    return story


def _as_text(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows in order of date, as a file would hold them."""
    frame = frame.sort_values("month", kind="stable", ignore_index=True)
    day = rng.integers(1, 29, len(frame))
    month = frame["month"]
    listed = frame["heading"].isin(LISTED)
    sub = np.where(frame["heading"] == 8482, "10", np.where(listed, "31", "90"))
    spare = rng.uniform(size=len(frame)) < 0.02
    house, goods = (frame["firm"] // 2).astype(str), "goods of kind " + frame["heading"].map(_word)
    return pd.DataFrame(
        {
            "date": (2024 + month // 12).astype(str)
            + "-" + (month % 12 + 1).astype(str).str.zfill(2)
            + "-" + pd.Series(day).astype(str).str.zfill(2),
            "consignee": frame["country"] + "firm" + frame["firm"].astype(str) + " Trading LLC",
            "consignee_address": house + " Harbour Road, " + frame["country"],
            "destination": frame["country"],
            "hs_code": frame["heading"].astype(str) + "." + sub,
            "description": np.where(spare, "SPARE PARTS", goods),
            "value": frame["value"].round(2).astype(str),
            "weight": (frame["value"] / 20).round(1).astype(str),
        }
    ).astype(str)  # fmt: skip


def _word(heading: int) -> str:
    """A made-up word for a heading."""
    return "".join("abdegiklno"[int(c)] + "r" for c in str(heading))
