"""The usual ways to say that a figure is low: the rules that the detector is measured against.

Each reads series (rows, buckets) with a daily season of `per_day` buckets and says for every bucket
*how low* it is: the larger, the lower; NaN where the rule has nothing to say. A bucket is flagged
where that exceeds the rule's threshold. All are causal: bucket t is judged from buckets up to t.
Only falls are looked for, as nobody is woken for a good hour. NaN in a series is unknown.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from monitor.detect.event import Floats

HOURS_A_DAY = 24
DAYS_A_WEEK = 7
LOOKBACK_DAYS = 14  # what mean ± σ and S-H-ESD look back on: Twitter's two weeks
AROUND = 2  # buckets on either side that count as the same time of day
LEAST_SAMPLES = 8

STDDEV_MULTIPLIER = (
    2.0  # grafana/promql-anomaly-detection, rules/adaptive.yml, as are the next three
)
COVAR = 0.5
SMOOTHING_H = 26
OFFSETS_H = (23.5, 167.5)

ALPHA, MOST_ANOMALIES = 0.05, 0.10  # S-H-ESD, defaults of Twitter's AnomalyDetection
HOPELESS = 2.5  # MAD up to which no step of the ESD test comes near finding a point
TO_SIGMA = 1.4826


def hour_of(per_day: int) -> int:
    """Buckets of an hour, at least one."""
    return max(per_day // HOURS_A_DAY, 1)


def last_hour(values: Floats, per_day: int) -> Floats:
    """Fall against the mean of the hour before the bucket, as a share."""
    hour = hour_of(per_day)
    return fall(values, shifted(trailing_mean(values, hour, least=max(hour // 2, 1)), 1))


def yesterday(values: Floats, per_day: int) -> Floats:
    """Fall against the same bucket a day before, as a share."""
    return fall(values, shifted(values, per_day))


def last_week(values: Floats, per_day: int) -> Floats:
    """Fall against the same bucket a week before, as a share."""
    return fall(values, shifted(values, DAYS_A_WEEK * per_day))


def static(values: Floats, per_day: int) -> Floats:
    """Fall against the mean of everything before, an hour at least: a fixed lower limit, set well."""
    known = np.isfinite(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=1)
    count = np.cumsum(known, axis=1)
    with np.errstate(all="ignore"):
        mean = np.where(count >= hour_of(per_day), total / count, np.nan)
    return fall(values, shifted(mean, 1))


def mean_sigma(values: Floats, per_day: int) -> Floats:
    """σ below the mean at the same time of day in the last two weeks (ThirdEye, MEAN_VARIANCE).

    The two buckets on either side count as well, or three earlier days would give no σ to speak of.
    """
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    count, total, square = np.zeros((3, *values.shape))
    for day in range(1, LOOKBACK_DAYS + 1):
        for aside in range(-AROUND, AROUND + 1):
            lag = day * per_day + aside
            count += shifted(known.astype(float), lag, 0.0)
            total += shifted(filled, lag, 0.0)
            square += shifted(filled**2, lag, 0.0)
    with np.errstate(all="ignore"):
        mean = total / count
        variance = np.maximum(square - count * mean**2, 0.0) / (count - 1)
        return np.where(count >= LEAST_SAMPLES, (mean - values) / np.sqrt(variance), np.nan)


def promql(values: Floats, per_day: int) -> Floats:
    """Adaptive bands of Grafana's promql-anomaly-detection: fall below the hour's mean, as a share.

    The threshold is the margin (`margin_multiplier`, 0.5). The lower band is the least of three, so
    a bucket only counts when it is also below mean − 2σ, σ being the mean over 26 h of those hourly
    standard deviations that exceed half of their mean, and below mean − 2σ of the hour at the same
    time yesterday and a week ago. As there, a series at 0 is not selected and says nothing.
    """
    level = np.where(values > 0, values, np.nan)
    hour = hour_of(per_day)
    mean, sigma = _trailing_moments(level, hour)
    with np.errstate(all="ignore"):
        wide = np.where(sigma > COVAR * mean, sigma, np.nan)
        smooth = trailing_mean(wide, SMOOTHING_H * hour)
        lower = mean - STDDEV_MULTIPLIER * smooth
        for offset in OFFSETS_H:
            lag = round(offset * hour)
            then = shifted(mean, lag) - STDDEV_MULTIPLIER * shifted(sigma, lag)
            lower = np.fmin(lower, then)
        out = np.isfinite(lower) & (level >= lower)
        return np.where(out, -np.inf, 1.0 - level / mean)


def sh_esd(values: Floats, per_day: int) -> Floats:
    """Seasonal hybrid ESD: the generalised ESD statistic over its critical value, 1 is critical.

    Hochenbaum, Vallis, Kejariwal (2017), Automatic Anomaly Detection in the Cloud Via Statistical
    Learning, arXiv 1704.07706; test statistic and λ of Rosner (1983), with median and MAD. Rolling:
    season and residuals come from the whole days of the last two weeks, refreshed every hour; each
    new bucket is tested as one more point among them, at the step at which the test would remove
    it. The season is the median at the time of day where the paper has a robust STL; with less than
    a week the mean, as of three days the median is one of them and leaves it no residual.
    """
    rows, buckets = values.shape
    score = np.full((rows, buckets), np.nan)
    filled, hour = last_known(values), hour_of(per_day)
    for start in range(per_day, buckets, hour):
        days = min(LOOKBACK_DAYS, start // per_day)
        window = filled[:, start - days * per_day : start].reshape(rows, days, per_day)
        middle_of = np.median if days >= DAYS_A_WEEK else np.mean
        season = middle_of(window, axis=1)
        residual = np.sort((window - season[:, None, :]).reshape(rows, -1), axis=1)
        middle = np.median(residual, axis=1)
        mad = TO_SIGMA * np.median(np.abs(residual - middle[:, None]), axis=1)
        span = min(hour, buckets - start)
        now = values[:, start : start + span]
        own = middle_of(np.concatenate([window[:, :, :span], now[:, None, :]], axis=1), axis=1)
        off = now - own
        for row, place in np.argwhere(off < (middle - HOPELESS * mad)[:, None]).tolist():
            score[row, start + place] = _esd(residual[row], float(off[row, place]))
    return score


def _esd(others: Floats, point: float) -> float:
    """R ÷ λ of `point` among `others` (n − 1, ascending) when all that lie below it are removed."""
    n = others.size + 1
    below = int(np.searchsorted(others, point))
    step = below + 1
    if step > MOST_ANOMALIES * n:
        return float("nan")
    rest = np.concatenate([[point], others[below:]])
    middle = rest[rest.size // 2]
    half = rest.size // 2
    mad = TO_SIGMA * float(np.partition(np.abs(rest - middle), half)[half])
    if not mad > 0:
        return float("nan")
    freedom = n - step - 1
    t = _student(1.0 - ALPHA / (n - step + 1), freedom)
    critical = t * (n - step) / np.sqrt((freedom + t * t) * (n - step + 1))
    return float((middle - point) / mad / critical)


def _student(p: float, freedom: int) -> float:
    """Quantile of Student's t by the Cornish–Fisher expansion (Abramowitz & Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(p)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def fall(values: Floats, base: Floats) -> Floats:
    """By which share values are below base; NaN where the base is not above 0."""
    with np.errstate(all="ignore"):
        return np.where(base > 0, 1.0 - values / base, np.nan)


def shifted(values: Floats, lag: int, fill: float = np.nan) -> Floats:
    """Each row `lag` ≥ 0 buckets later; what has no earlier bucket is `fill`."""
    out = np.full_like(values, fill)
    if lag < values.shape[1]:
        out[:, lag:] = values[:, : values.shape[1] - lag]
    return out


def trailing_mean(values: Floats, width: int, least: int = 1) -> Floats:
    """Mean of the known ones of the last `width` buckets; NaN with fewer than `least` of them."""
    known = np.isfinite(values)
    total = _trailing_sum(np.where(known, values, 0.0), width)
    count = _trailing_sum(known.astype(float), width)
    with np.errstate(all="ignore"):
        return np.where(count >= least, total / count, np.nan)


def _trailing_moments(values: Floats, width: int) -> tuple[Floats, Floats]:
    """Mean and population standard deviation of the known ones of the last `width` buckets."""
    padded = np.pad(values, ((0, 0), (width - 1, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)
    known = np.isfinite(windows)
    count = known.sum(axis=2)
    with np.errstate(all="ignore"):
        mean = np.where(known, windows, 0.0).sum(axis=2) / count
        square = np.where(known, windows - mean[:, :, None], 0.0) ** 2
        return mean, np.sqrt(square.sum(axis=2) / count)


def _trailing_sum(values: Floats, width: int) -> Floats:
    total = np.cumsum(values, axis=1)
    return total - shifted(total, width, 0.0)


def last_known(values: Floats) -> Floats:
    """NaN replaced by the last known value of the row; NaN before the first."""
    place = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(place, axis=1), axis=1))
