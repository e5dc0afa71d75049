"""The usual rules by name, on series and on event days: what the detector is measured against.

`RIVALS` flag points of one long series, `EVENT_RIVALS` give the alarms of an event (`watch.py`).
Both use the thresholds that the rules are shipped with or commonly set to; `tune` finds the best one
for set B, together with how deep the rule looks and whether it looks at 5 or at 15 minutes.

On an event day the comparable events stand before it as if they had been the days before. So "last
week" is the oldest of them: the ordinary days that the rules would really look at are not in the
data, and would serve them worse, as an event runs at a multiple of any of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from monitor.detect.event import Bools, Event, Floats
from monitor.evaluate import usual, watch
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import Case
from monitor.evaluate.days import TUNING_SEEDS, cases
from monitor.evaluate.match import Account, account
from monitor.evaluate.watch import Watched

SeriesRule = Callable[[Floats, int], Bools]
EventRule = Callable[[Event, tuple[Event, ...]], list[Alarm]]
Told = tuple[Watched, Floats]

MEANS_OF = (1, 3)
TUNING_CASES = 24
MOST_CALLS = 50.0


def in_a_row(low: Callable[[Floats, int], Floats], seen: Watched) -> Floats:
    """A rule for long series on an event: the earlier events stand before it, in whole days."""
    days = [whole_days(past, seen.per_day) for past in seen.pasts]
    whole = np.concatenate([*days, seen.now], axis=1)
    return low(whole, seen.per_day)[:, whole.shape[1] - seen.now.shape[1] :]


def last_event(seen: Watched) -> Floats:
    """Fall against the same bucket of the newest earlier event, as a share."""
    return usual.fall(seen.now, _fitted(seen, -1))


def oldest_event(seen: Watched) -> Floats:
    """Fall against the same bucket of the oldest earlier event, as a share."""
    return usual.fall(seen.now, _fitted(seen, 0))


def scaled_event(seen: Watched) -> Floats:
    """Fall against the last event × how the day so far, an hour at least, compares with it."""
    past = _fitted(seen, -1)
    both = np.isfinite(past) & np.isfinite(seen.now)
    today, then = (
        usual.shifted(np.cumsum(np.where(both, values, 0.0), axis=1), 1)
        for values in (seen.now, past)
    )
    with np.errstate(all="ignore"):
        base = past * np.where(then > 0, today / then, np.nan)
    base[:, : usual.hour_of(seen.per_day)] = np.nan
    return usual.fall(seen.now, base)


@dataclass(frozen=True)
class Setting:
    """How a rule is set. `reach`: how deep it looks, see `watch.REACHES`. `mean_of`: buckets of the
    trailing mean that it looks at instead of single ones."""

    threshold: float
    reach: int = watch.ALL_SCOPES
    mean_of: int = 1


@dataclass(frozen=True)
class Rival:
    """A rule flags where its lowness exceeds a threshold.

    `series`: lowness of series, None where the rule knows events only; `event`: lowness on an event,
    None where it is the same as another's there. `threshold`: the usual one; `grid`: what is tried.
    """

    what: str
    series: Callable[[Floats, int], Floats] | None
    event: Callable[[Watched], Floats] | None
    threshold: float
    grid: tuple[float, ...]

    def lows(self, event: Event, pasts: Sequence[Event], mean_of: int) -> list[Told]:
        """Every series of an event with its lowness; ValueError for a rule without that form."""
        if self.event is None:
            raise ValueError(f"{self.what}: on events this is another rule")
        seen = watch.watched(event, pasts)
        return [(one, self.event(one.smoothed(mean_of))) for one in seen]

    def settings(self) -> list[Setting]:
        """What is tried when it is tuned, the usual setting first."""
        tried = [
            Setting(threshold, reach, mean_of)
            for threshold in self.grid
            for reach in watch.REACHES
            for mean_of in MEANS_OF
        ]
        return sorted(tried, key=lambda s: s != Setting(self.threshold))


FALLS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
SIGMAS = (2.0, 2.5, 3.0, 4.0, 5.0, 7.0)


def _both(
    what: str, low: Callable[[Floats, int], Floats], threshold: float, grid: tuple[float, ...]
) -> Rival:
    return Rival(what, low, partial(in_a_row, low), threshold, grid)


ALL: Mapping[str, Rival] = {
    "last hour": _both("30 % below the hour before", usual.last_hour, 0.3, FALLS),
    "last event": Rival("30 % below the last event", None, last_event, 0.3, FALLS),
    "last event, scaled": Rival(
        "30 % below the last event × the day so far", None, scaled_event, 0.3, FALLS
    ),
    "yesterday": Rival("30 % below the day before", usual.yesterday, None, 0.3, FALLS),
    "last week": Rival(
        "30 % below the week before; on events below the oldest earlier one",
        usual.last_week, oldest_event, 0.3, FALLS,
    ),
    "static": _both("70 % below the mean so far", usual.static, 0.7, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
    "mean ± σ": _both("3 σ below the mean at the time of day", usual.mean_sigma, 3.0, SIGMAS),
    "PromQL adaptive": _both("below Grafana's adaptive band", usual.promql, 0.5, FALLS),
    "S-H-ESD": _both("outlier of the ESD test", usual.sh_esd, 1.0, (0.75, 1.0, 1.25, 1.5, 2.0, 3.0)),
}  # fmt: skip


def on_series(name: str, threshold: float | None = None) -> SeriesRule:
    """The rule as flags on one series (n,) with so many buckets a day; ValueError for a rule that
    has no such form."""
    rival = ALL[name]
    if rival.series is None:
        raise ValueError(f"{name} knows events only")
    limit = rival.threshold if threshold is None else threshold
    return partial(_flag_points, rival.series, limit)


def on_events(name: str, setting: Setting | None = None) -> EventRule:
    """The rule as alarms of an event, given its earlier ones; as usually set unless told otherwise."""
    return partial(_alarms, ALL[name], setting or Setting(ALL[name].threshold))


def tune(name: str, on: Sequence[Case]) -> tuple[Setting, float]:
    """The setting with the best F1 over events on cases that must be for tuning, and that F1.

    A setting that calls somebody more than MOST_CALLS times a day is none that anybody would keep.
    """
    rival, best = ALL[name], (Setting(ALL[name].threshold), 0.0)
    lows = {m: [rival.lows(c.event, c.pasts, m) for c in on] for m in MEANS_OF}
    days = sum(case.days for case in on)
    for setting in rival.settings():
        found = [told(low, setting) for low in lows[setting.mean_of]]
        if sum(alarm.counts for alarms in found for alarm in alarms) > MOST_CALLS * days:
            continue
        figure = _f1([account(c, alarms) for c, alarms in zip(on, found, strict=True)])
        if figure > best[1]:
            best = setting, figure
    return best


def told(lows: Sequence[Told], setting: Setting) -> list[Alarm]:
    """The alarms of a rule with this setting, from the lowness of all its series."""
    return [
        alarm
        for seen, low in lows
        for alarm in watch.alarms(flags(low, setting.threshold), seen, setting.reach)
    ]


def _f1(accounts: Sequence[Account]) -> float:
    """2 hits ÷ (dips + hits + false events)."""
    hit = sum(dip.hit for a in accounts for dip in a.dips)
    of = sum(len(a.dips) for a in accounts)
    return 2 * hit / max(of + hit + sum(len(a.false) for a in accounts), 1)


def flags(low: Floats, threshold: float) -> Bools:
    """Where lowness exceeds a threshold; what nothing is known of is not flagged."""
    with np.errstate(invalid="ignore"):
        return np.asarray(low > threshold)


def _flag_points(
    low: Callable[[Floats, int], Floats], threshold: float, values: Floats, per_day: int
) -> Bools:
    return np.asarray(flags(low(values[None, :], per_day), threshold)[0])


def _alarms(rival: Rival, setting: Setting, event: Event, pasts: tuple[Event, ...]) -> list[Alarm]:
    return told(rival.lows(event, pasts, setting.mean_of), setting)


def whole_days(past: Floats, per_day: int) -> Floats:
    """Padded with unknown buckets up to a multiple of a day."""
    missing = -past.shape[1] % per_day
    return np.pad(past, ((0, 0), (0, missing)), constant_values=np.nan)


def _fitted(seen: Watched, which: int) -> Floats:
    """An earlier event in the length of this one; NaN where there is none, or it was over."""
    fitted = np.full(seen.now.shape, np.nan)
    if seen.pasts:
        past = seen.pasts[which][:, : seen.now.shape[1]]
        fitted[:, : past.shape[1]] = past
    return fitted


RIVALS: Mapping[str, SeriesRule] = {n: on_series(n) for n, r in ALL.items() if r.series}
EVENT_RIVALS: Mapping[str, EventRule] = {n: on_events(n) for n, r in ALL.items() if r.event}
TUNED: Mapping[str, Setting] = {
    "last hour": Setting(0.6, 0, 1),
    "last event": Setting(0.7, 0, 3),
    "last event, scaled": Setting(0.6, 0, 3),
    "last week": Setting(0.3, 0, 1),
    "static": Setting(0.4, 0, 1),
    "mean ± σ": Setting(2.5, 1, 3),
    "PromQL adaptive": Setting(0.3, 0, 3),
    "S-H-ESD": Setting(0.75, 1, 3),
}
"""What `main` printed for the seeds for tuning, both families: frozen before any figure was taken.
Most do best when they look at the whole campaign alone."""


def main() -> int:
    """Print every rule's best setting on the first TUNING_CASES cases for tuning, and its F1."""
    chosen = list(islice(cases("both", TUNING_SEEDS), TUNING_CASES))
    for name in EVENT_RIVALS:
        setting, figure = tune(name, chosen)
        print(f'    "{name}": {setting},  # F1 {figure:.2f}', flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
