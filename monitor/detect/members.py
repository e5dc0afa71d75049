"""What each member should bring: its own recent level times the growth of the event.

A discounted Gamma–Poisson filter (West & Harrison, *Bayesian Forecasting and Dynamic Models*, ch. 6)
for every member and measure: A = Σ λ^age · observed, B = Σ λ^age · exposure, level = A ÷ B. The
exposure of a volume is the event's growth, that of a rate what was observed of its denominator.
A window of w buckets is held against the level as it was before the window, so that no dip explains
itself. A member whose volume jumps to a fifth or threefold has gone off or on air: it starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.detect.event import Bools, Event, Floats, Ints, Measure
from monitor.detect.growth import ON_AIR, Growth

WINDOWS = (1, 2, 3, 6, 12)
RING = 12
ROOMS = ("creator_id", "live_id", "slot_id")
KEEP_VOLUME = 0.5 ** (1 / 6)  # a volume's level forgets half in 30 minutes
KEEP_RATE = 0.5 ** (1 / 24)  # a rate's in two hours
KEEP_SLOW = 0.5 ** (1 / 48)  # the slow level: four hours, steps clipped
SLOW_STEP = 0.3
SETTLED = 6  # buckets on air after which a level counts as the member's own
LEADS = ("visitors", "clicks", "impressions", "orders", "gmv")
YOUNG = 3  # buckets on air before a level says anything
GONE, BACK = 0.2, 3.0  # of its level: off air, on air
GONE_HELD = 0.12  # of its level before a dip: a room that closes in a dip is off air all the same
SURE = 10.0  # events that must be due before one bucket can say so
PRIOR_EVENTS = 8.0  # a member's rate is drawn to its scope's by so many events
OWN_SPREAD, SPREAD_WEIGHT = 0.10, 0.08  # of a member's bucket about its level: prior, gain
LEAST_SPREAD, MOST_SPREAD = 0.03, 0.6
DRIFT = 0.05  # how far a member's level wanders in an hour, relative


@dataclass
class Windows:
    """One bucket's evidence: (windows, measures, members); invalid ones are 0.

    `due`: expected. `model`: its variance without counting. `slow`: what the slow level expects.
    """

    seen: Floats
    due: Floats
    counting: Floats
    model: Floats
    slow: Floats


class Members:
    """The filters of all members. Arrays are (measures, members) unless said.

    AXES: everything that one bucket hands to the next, with its axes (`m`: members); what is not
    named there can be worked out anew. See `detect.resume`.
    """

    AXES: ClassVar[dict[str, str]] = {
        "a": "km", "b": "km", "slow_a": "km", "slow_b": "km", "a_was": "wkm", "b_was": "wkm",
        "seen": "wkm", "exposure": "wkm", "age": "m", "spread": "km", "best": "m", "held": "km",
        "paid": "pm", "common": "k", "slope": "k", "broke": "m",
    }  # fmt: skip

    def __init__(self, event: Event, growth: Growth, measures: tuple[Measure, ...]) -> None:
        self.measures, self.growth, self.event = measures, growth, event
        k, m = len(measures), event.members
        self.volume = np.array([not x.mix_free for x in measures])
        self.keep = np.where(self.volume, KEEP_VOLUME, KEEP_RATE)[:, None]
        self.a, self.b = np.zeros((k, m)), np.zeros((k, m))
        self.slow_a, self.slow_b = np.zeros((k, m)), np.zeros((k, m))
        self.a_was, self.b_was = np.zeros((RING + 1, k, m)), np.zeros((RING + 1, k, m))
        self.seen, self.exposure = np.zeros((RING, k, m)), np.zeros((RING, k, m))
        self.age: Ints = np.zeros(m, np.int64)  # buckets since the member went on or off air
        self.spread = np.full((k, m), OWN_SPREAD)
        self.best = np.zeros(m)  # the highest level on air of the volume that leads
        self.held: Bools = np.zeros((k, m), bool)  # in a dip: the level stands still
        self.paid = np.zeros((2, m))  # gmv and orders so far, for the value of an order
        self.common = np.zeros(k)  # today's own growth where nothing is known (log)
        self.slope = np.zeros(k)
        self.unread, self.could = np.zeros((k, m)), np.zeros(m)  # due and not read; due in all
        self.broke = np.zeros(m, np.int64)  # -1 went off air in this bucket, +1 on
        row = {group: i + 1 for i, group in enumerate(growth.groups)}
        self.rows = np.array(
            [
                [row.get((dim, value), 0) for value in event.dims[dim]]
                for dim in ("channel", "category")
                if dim in event.dims
            ],
            np.int64,
        ).reshape(-1, m)  # of each member's groups in the growth; 0 none
        self.group = _numbered(event.dims.get("channel", ("",) * m))
        # Who is on air is told by the volume that counts most; money last, for it counts nothing.
        names = [x.name for x in measures]
        self.leads = next((names.index(name) for name in LEADS if name in names), 0)
        self.rooms = np.zeros(m, bool)  # who can go off air: people and their rooms, no channel
        for dim in ROOMS:
            self.rooms |= np.array([bool(v) for v in event.dims.get(dim, ("",) * m)], bool)
        self.prior = self._prior()

    def _prior(self) -> Floats:
        """Each member's rate in earlier events, NaN unknown."""
        found = np.full((len(self.measures), self.event.members), np.nan)
        keys = list(zip(*self.event.dims.values(), strict=True))
        for k, measure in enumerate(self.measures):
            known = self.growth.level.get(measure.name, {})
            if known:
                found[k] = [known.get(key, np.nan) for key in keys]
        return found

    # --- one bucket -----------------------------------------------------------------------------

    def take(self, bucket: int) -> None:
        """Read a bucket into the rings; who went on or off air starts anew. No level moves yet."""
        self.unread[:], self.could[:] = 0.0, 0.0
        top, per = self._read(bucket)
        level = self.level()
        self.could = self.could * level[self.leads]  # what everybody was due, read or not
        self.unread *= self.could
        self.a_was = np.concatenate([self.a_was[1:], self.a[None]])
        self.b_was = np.concatenate([self.b_was[1:], self.b[None]])
        self.seen = np.concatenate([self.seen[1:], top[None]])
        self.exposure = np.concatenate([self.exposure[1:], per[None]])
        met = (self.b > 0).any(axis=0) | (per > 0).any(axis=0)
        self.age = np.where(met, self.age + 1, 0)
        self._breaks(top, per, level)

    def _read(self, bucket: int) -> tuple[Floats, Floats]:
        """(measures, members) observed and exposure; both 0 where unknown."""
        k, m = self.a.shape
        top, per = np.zeros((k, m)), np.zeros((k, m))
        for i, measure in enumerate(self.measures):
            if not self.event.usable[measure.top][bucket]:
                continue
            seen = self.event.amounts[measure.top][:, bucket]
            if measure.per is None:
                log = self.growth.volume[measure.top][:, bucket]
                own = np.where(self.rows > 0, log[self.rows], 0.0).sum(axis=0)
                due = np.exp(log[0] + own + self.common[i] + self.slope[i])
            elif self.event.usable[measure.per][bucket]:
                due = self.event.amounts[measure.per][:, bucket] * np.exp(
                    self.growth.rate[measure.name][bucket]
                )
            else:
                continue
            known = ~np.isnan(seen) & ~np.isnan(due)
            top[i], per[i] = np.where(known, seen, 0.0), np.where(known, due, 0.0)
            self.unread[i] = ~known
            if i == self.leads:
                self.could = np.where(np.isnan(due), 0.0, due)
        return top, per

    def level(self) -> Floats:
        """Level of every member and measure; rates are drawn to their channel's, where few."""
        with np.errstate(all="ignore"):
            own = np.where(self.b > 0, self.a / np.where(self.b > 0, self.b, 1.0), 0.0)
        return self._drawn(self.a, self.b, own)

    def _drawn(self, a: Floats, b: Floats, own: Floats) -> Floats:
        out = own
        for i in np.flatnonzero(~self.volume).tolist():
            together = np.zeros(self.group.max(initial=0) + 1)
            exposed = np.zeros_like(together)
            np.add.at(together, self.group, a[i])
            np.add.at(exposed, self.group, b[i])
            whole = together.sum() / exposed.sum() if exposed.sum() > 0 else np.nan
            with np.errstate(all="ignore"):
                rate = np.where(exposed > 0, together / exposed, whole)[self.group]
                # The earlier events' own rate of a member, at the height that rates have today.
                usual = self.prior[i]
                told = np.where(np.isfinite(usual), usual, 0.0)
                among = np.where(np.isfinite(usual), a[i], 0.0).sum()
                due = (told * b[i]).sum()
                height = among / due if due > 0 else 1.0
                aim = np.where(np.isfinite(usual), usual * height, rate)
                weight = PRIOR_EVENTS * self.unit(i) / np.where(aim > 0, aim, np.nan)
                drawn = (a[i] + weight * aim) / (b[i] + weight)
            out[i] = np.where(np.isfinite(drawn), drawn, own[i])
        return out

    def unit(self, i: int) -> Floats:
        """(members,) variance of one unit of a measure: 1 for counts, an order's value for money."""
        measure = self.measures[i]
        if measure.top not in ("gmv", "refunds"):
            return np.ones(self.a.shape[1])
        money, orders = self.paid
        whole = money.sum() / orders.sum() if orders.sum() > 0 else 1.0
        each = (money + PRIOR_EVENTS * whole) / (orders + PRIOR_EVENTS)
        return np.asarray(each * measure.weight)

    def units(self) -> Floats:
        return np.stack([self.unit(i) for i in range(len(self.measures))])

    def _breaks(self, top: Floats, per: Floats, level: Floats) -> None:
        """Members that went off or on air in this bucket, by the volume that counts most."""
        lead = self.leads
        unit = self.unit(lead)  # in events: an order's value, where money leads
        due = level[lead] * per[lead] / unit
        now = top[lead] / unit
        told = (per[lead] > 0) & self.rooms
        held = self.held[lead]
        least = np.where(held, GONE_HELD, GONE)
        three = self.seen[-3:, lead].sum(axis=0) / unit
        due_three = level[lead] * self.exposure[-3:, lead].sum(axis=0) / unit
        off = (due >= SURE) & (now <= least * due)
        off |= (due_three >= SURE) & (three <= least * due_three) & (now <= 1.5 * least * due)
        on = (now >= BACK * due + SURE) & ~held
        grown = self.age > YOUNG
        self.broke = np.where(told & off & grown, -1, np.where(told & on, 1, 0))

    def settle(self, outage: Bools) -> None:
        """Let those that went on or off air start anew; `outage`: members that are broken, not off."""
        anew = (self.broke != 0) & ~outage
        if anew.any():
            fresh = np.ix_(np.flatnonzero(self.volume), np.flatnonzero(anew))
            for was in (*self.a_was, *self.b_was, *self.seen[:-1], *self.exposure[:-1]):
                was[fresh] = 0.0
            for sums in (self.a, self.b, self.slow_a, self.slow_b):
                sums[fresh] = 0.0
            self.held[fresh] = False
            self.age[anew] = 0

    def windows(self) -> Windows:
        """The evidence of all windows that end with the bucket just taken."""
        k, m = self.a.shape
        unit = self.units()
        shape = (len(WINDOWS), k, m)
        seen, due = np.zeros(shape), np.zeros(shape)
        counting, model, slow = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        rate = ~self.volume[:, None]
        lead = self.leads
        with np.errstate(all="ignore"):
            now = np.where(self.b[lead] > 0, self.a[lead] / self.b[lead], 0.0)
        on_air = (now >= ON_AIR * self.best) | self.held[lead] | ~self.rooms
        slow_level = np.divide(
            self.slow_a, self.slow_b, out=np.zeros((k, m)), where=self.slow_b > 0
        )
        with np.errstate(all="ignore"):
            for i, w in enumerate(WINDOWS):
                a, b = self.a_was[RING + 1 - w], self.b_was[RING + 1 - w]
                own = np.where(b > 0, a / np.where(b > 0, b, 1.0), 0.0)
                level = self._drawn(a, b, own)
                exposure = self.exposure[-w:].sum(axis=0)
                steady = (self.age >= w + YOUNG) & on_air
                told = (exposure > 0) & (b > 0) & (rate | steady[None])
                expected = np.where(told, level * exposure, 0.0)
                sure = np.where(rate, a + PRIOR_EVENTS * unit, a) * (1 + self.keep)
                apart = self.spread**2 * (1 / w + (1 - self.keep) / (1 + self.keep))
                drift = (DRIFT * np.where(rate, 0.5, 1.0)) ** 2 * (w / 2 + 8) / 12
                seen[i] = np.where(told, self.seen[-w:].sum(axis=0), 0.0)
                due[i] = expected
                counting[i] = unit * expected
                model[i] = expected**2 * (np.where(sure > 0, unit / sure, 1.0) + apart + drift)
                slow[i] = np.where(told, slow_level * exposure, 0.0)
        return Windows(seen, due, counting, model, slow)

    def learn(self, suspects: Bools | None = None) -> None:
        """Move the levels by the bucket just taken, but for members in a dip. `suspects`: (measures,
        members) that may be in one: their spread stands still."""
        top, per = self.seen[-1], self.exposure[-1]
        told = per > 0
        level = self.level()
        due = level * per
        learns = told & ~self.held
        slow = np.divide(self.slow_a, self.slow_b, out=np.zeros_like(top), where=self.slow_b > 0)
        slow_due = slow * per
        clipped = np.where(
            self.slow_b > 0,
            np.clip(top, (1 - SLOW_STEP) * slow_due, (1 + SLOW_STEP) * slow_due), top,
        )  # fmt: skip
        young = (self.age < 6)[None]
        clipped = np.where(young, top, clipped)
        self.slow_a = np.where(learns, self.slow_a * KEEP_SLOW + clipped, self.slow_a)
        self.slow_b = np.where(learns, self.slow_b * KEEP_SLOW + per, self.slow_b)
        unit = self.units()
        with np.errstate(all="ignore"):
            off = np.abs(top - due) / np.where(due > 0, due, 1.0)
            apart = np.minimum(1.25 * off, MOST_SPREAD) ** 2 - unit / np.where(due > 0, due, 1.0)
        fine = top >= due - 2 * np.sqrt(unit * due + (self.spread * due) ** 2)
        if suspects is not None:
            fine &= ~suspects
        enough = learns & (due >= 4 * unit) & (self.age >= YOUNG)[None] & fine
        spread = self.spread**2 + SPREAD_WEIGHT * (apart - self.spread**2)
        floor, most = LEAST_SPREAD**2, MOST_SPREAD**2
        self.spread = np.where(enough, np.sqrt(np.clip(spread, floor, most)), self.spread)
        self.a = np.where(learns, self.a * self.keep + top, self.a)
        self.b = np.where(learns, self.b * self.keep + per, self.b)
        lead = self.leads
        with np.errstate(all="ignore"):
            now = np.where(self.b[lead] > 0, self.a[lead] / self.b[lead], 0.0)
        self.best = np.where(self.age >= SETTLED, np.maximum(self.best, now), self.best)
        names = [x.name for x in self.measures]
        if "gmv" in names and "orders" in names:
            self.paid += np.stack([top[names.index("gmv")], top[names.index("orders")]])

    # --- dips -----------------------------------------------------------------------------------

    def hold(self, k: int, members: Ints, window: int) -> None:
        """Members fell: their level goes back to what it was before, and stands still."""
        new = members[~self.held[k, members] & (self.b[k, members] > 0)]
        back = RING + 1 - window
        self.a[k, new], self.b[k, new] = self.a_was[back, k, new], self.b_was[back, k, new]
        self.a_was[back:, k, new] = self.a_was[back, k, new]
        self.b_was[back:, k, new] = self.b_was[back, k, new]
        self.held[k, new] = True

    def release(self, k: int, members: Ints) -> None:
        """The dip is over: levels move again, and no window reaches back into it."""
        self.held[k, members] = False
        self.seen[:-1, k, members] = 0.0
        self.exposure[:-1, k, members] = 0.0


def _numbered(values: tuple[str, ...]) -> Ints:
    number = {value: i for i, value in enumerate(sorted(set(values)))}
    return np.array([number[value] for value in values], np.int64)
