"""The fictional creators of a simulated sale: who they are, what they sell and how big they are.

Sizes are heavy-tailed and every creator has a noise level of its own, because that is what makes
real leaderboards and real alerts hard: one room can be a tenth of the campaign, and a steady small
seller says more about the traffic than an erratic star. A few handles are awkward on purpose
(markup, a leading `=`, quotes, commas, other scripts), so that the demo shows at once when a board,
an export or a reader mishandles text. All names are made up from word lists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHANNELS = ("live", "video", "product_card", "linkshare")
CATEGORIES = ("beauty", "fashion", "electronics", "home", "food", "mom_baby")

CATEGORY_SHARE = (0.27, 0.22, 0.12, 0.13, 0.14, 0.12)
CATEGORY_AOV_RM = (46.0, 42.0, 98.0, 56.0, 30.0, 64.0)
CHANNEL_CHANCE = (0.62, 0.62, 0.55, 0.36)
CHANNEL_WEIGHT = (2.9, 1.0, 0.8, 0.45)
CHANNEL_CONVERSION = (1.15, 0.85, 1.05, 0.95)

ALWAYS_LIVE = 6
"""So many of the first creators have a live room: the planned shows are theirs."""

GIVEN = """nurul aisyah siti farah hana amira izzati syaza balqis zara liyana maya adam hakim amir
    danish irfan faiz iman azlan syafiq rayyan meiling weijie jiahui xinyi kaiwen siewling yanting
    zhiwei kavitha priya shalini deepa arjun vikram ravi anjali dewi putri rizky bagas wulan intan
    bayu mali somchai ploy nong linh thao minh huong bea jun paolo tala kiko angel""".split()

TAILS = {
    "beauty": "beauty glow skin cantik serum lips makeup".split(),
    "fashion": "style ootd hijab closet fit kurung wear".split(),
    "electronics": "tech gadget gear byte unbox audio".split(),
    "home": "home rumah dapur deco living kemas".split(),
    "food": "makan snack rasa kitchen sedap lapar".split(),
    "mom_baby": "mommy baby anak bonda tiny mama".split(),
}
JOINS = (".", "_", "")

AWKWARD = {
    2: "@mei.ling✨",
    4: "@<b>kak.long</b>",
    7: "=promo.hunter",
    11: '@ali "boss" tech',
    15: "@o'hana.home",
    20: "@dapur,kita",
    26: "+60.murah",
    33: "@ร้านน้องมายด์",
    40: "@小美爱买",
    47: "@the.one.and.only.official.mega.murah.warehouse.kuala.lumpur",
    54: "@R&D;DROP TABLE",
}
"""Handles by place in the cast: near the top, so that boards show them."""


@dataclass(frozen=True)
class Creator:
    """One creator. `keys` are the (channel, category) pairs that the feed reports for them."""

    id: str
    category: str
    size: float
    conversion: float
    aov_rm: float
    noise_cv: float
    commission_rate: float
    keys: tuple[tuple[str, str], ...]

    @property
    def goes_live(self) -> bool:
        return any(channel == "live" for channel, _ in self.keys)


def make_creators(count: int, seed: int = 1) -> tuple[Creator, ...]:
    """The first `count` creators of the cast `seed`, roughly biggest first."""
    if count < 1:
        raise ValueError(f"count = {count}: a sale needs at least one creator")
    rng = np.random.default_rng([seed, 101])
    category = rng.choice(len(CATEGORIES), size=count, p=CATEGORY_SHARE)
    rank = np.arange(1, count + 1)
    size = rank**-0.75 * rng.lognormal(0.0, 0.35, count)
    conversion = np.clip(rng.lognormal(np.log(0.036), 0.28, count), 0.02, 0.06)
    aov_rm = np.array(CATEGORY_AOV_RM)[category] * rng.lognormal(0.0, 0.22, count)
    aov_rm = np.clip(aov_rm, 25.0, 120.0)
    noise_cv = 0.05 + 0.25 * rng.beta(2.0, 4.0, count)
    commission = rng.uniform(0.03, 0.12, count).round(3)
    has_channel = rng.random((count, len(CHANNELS))) < CHANNEL_CHANCE
    has_channel[:ALWAYS_LIVE, 0] = True
    fallback = rng.integers(1, len(CHANNELS), count)
    second = rng.integers(0, len(CATEGORIES), count)
    strays = rng.random(count) < 0.2
    handles = _handles(count, category, rng)
    return tuple(
        Creator(
            id=handles[i],
            category=CATEGORIES[category[i]],
            size=float(size[i]),
            conversion=float(conversion[i]),
            aov_rm=float(aov_rm[i]),
            noise_cv=float(noise_cv[i]),
            commission_rate=float(commission[i]),
            keys=_keys(
                [c for c in range(len(CHANNELS)) if has_channel[i, c]] or [int(fallback[i])],
                CATEGORIES[category[i]],
                CATEGORIES[second[i]] if strays[i] else None,
            ),
        )
        for i in range(count)
    )


def _keys(channels: list[int], main: str, second: str | None) -> tuple[tuple[str, str], ...]:
    """One to three keys; a creator who strays sells the second category in the last channel."""
    kept = channels[:3]
    categories = [main] * len(kept)
    if second is not None:
        categories[-1] = second
    return tuple((CHANNELS[c], category) for c, category in zip(kept, categories, strict=True))


def _handles(count: int, category: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Distinct handles; a number is added where a combination of words is taken already."""
    given = rng.integers(0, len(GIVEN), count)
    tail = rng.random(count)
    join = rng.integers(0, len(JOINS), count)
    handles: list[str] = []
    seen: dict[str, int] = {}
    for i in range(count):
        if i in AWKWARD:
            handles.append(AWKWARD[i])
            continue
        tails = TAILS[CATEGORIES[category[i]]]
        plain = f"@{GIVEN[given[i]]}{JOINS[join[i]]}{tails[int(tail[i] * len(tails))]}"
        times = seen[plain] = seen.get(plain, 0) + 1
        handles.append(plain if times == 1 else f"{plain}{times}")
    return handles
