"""What the detector knew when it judged one bucket of one scope: the whole of "why (no) alert?"."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.campaigns.words import Scope


@dataclass(frozen=True)
class WindowEvidence:
    """The last `minutes` up to and with the bucket, members compared like for like.

    `observed`, `expected`: sums in units; for a rate its mean over the window, 0..1 (AOV in money).
    `fall`: (expected − observed) ÷ expected; negative above. `z`: the same in standard deviations,
    negative above. `needed_z`: of the rule at its sensitivity here, always positive; for a rule that
    looks upwards −`fall` and −`z` are held against the thresholds.
    """

    minutes: float
    observed: float
    expected: float
    fall: float
    z: float
    needed_z: float


@dataclass(frozen=True)
class Evidence:
    """One scope, measure and bucket as it was judged, by what was known at the bucket's end.

    `measure`: a name in `detect.event.MEASURES`. `state`: of `detect.judge.STATES`. `observed`,
    `expected`, `low`, `high`: of the bucket, in units; a rate is 0..1; None unknown.
    `members`, `compared`: finest keys in the scope, and those that could be compared like for like;
    `left_out`: (a member's name, why), the largest first; may be shorter than the difference.
    `basis`: what the expectation rests on, as the rest of "compared with …".
    `gate`: why the bucket was not judged (`too_little`, `incomplete`, `bridged`, `open`,
    `quiet_start`, `inactive_phase`, `nothing_to_compare`, or words), None when it was.
    `enough`: (expected events within the hour, events needed) where they were counted.
    `explained_by`: the scope, wider or narrower, that explains the fall better.
    `half_sensitivity`: what planned change makes the rule less sharp, in words.
    `signal`: normal, pending, firing or recovering after the bucket; `breach_since_ms`: start of its
    breach. `rule`: None where no rule that is switched on reads this measure in this scope.
    `at_risk_per_hour`: money, at the rate of the window that says most; None unknown.
    `least_fall`, `least_at_risk`: the rule's, relative and in money an hour. `up`: the rule looks
    upwards. `for_minutes`, `keep_minutes`: the rule's time before it speaks, and of calm after.
    `rest`: factor by which the rest of the campaign moved what was expected in these minutes.
    `reason`: what the system says of the fall (`real_drop`, `expected`, `feed_late` …).
    """

    scope: Scope
    measure: str
    bucket_ms: int
    state: str
    observed: float | None
    expected: float | None
    low: float | None
    high: float | None
    windows: tuple[WindowEvidence, ...] = ()
    members: int = 0
    compared: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    basis: str = ""
    gate: str | None = None
    enough: tuple[float, float] | None = None
    explained_by: Scope | None = None
    half_sensitivity: str | None = None
    signal: str = "normal"
    breach_since_ms: int | None = None
    rule: str | None = None
    at_risk_per_hour: float | None = None
    least_fall: float = 0.15
    least_at_risk: float = 0.0
    reason: str | None = None
    up: bool = False
    for_minutes: float = 10.0
    keep_minutes: float = 15.0
    rest: float | None = None
