"""The routes beside the pages. Handlers are plain functions: the server runs them in threads."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from monitor.answers import alerts_json, board_json, expected_json, parse_scope, totals_json
from monitor.clock import iso
from monitor.errors import ConfigError, MonitorError
from monitor.runtime import Runtime
from monitor.web.metrics import exposition
from monitor.web.push import push_route

log = logging.getLogger("monitor")
LATE_PULSES = 3
GRACE_S = 30.0
STARTING_S = 120.0


class Json(JSONResponse):
    """NaN never leaves the house: JSON has no word for it."""

    def render(self, content: Any) -> bytes:
        return super().render(_finite(content))


def routes(runtime: Callable[[], Runtime | None], viewers: Callable[[], int]) -> list[Route]:
    """`runtime` gives the running product, None before it started and after it stopped."""

    def running() -> Runtime:
        found = runtime()
        if found is None:
            raise MonitorError("the product is starting or stopping")
        return found

    def healthz(request: Request) -> Response:
        found = runtime()
        picture = found.picture if found else None
        lag = {f"{f.feed_id}/{f.campaign_id}": f.lag_s for f in picture.feeds} if picture else {}
        return Json(
            {
                "status": "ok",
                "generation": picture.generation if picture else None,
                "last_tick": iso(found.heart.last_tick) if found else None,
                "lag_s": {name: lag_s for name, lag_s in lag.items() if lag_s is not None},
            }
        )

    def readyz(request: Request) -> Response:
        reason = not_ready(runtime())
        return Json({"ready": reason is None, "reason": reason}, 503 if reason else 200)

    def metrics(request: Request) -> Response:
        body, kind = exposition(runtime(), viewers())
        return Response(body, media_type=kind)

    def alerts(request: Request) -> Response:
        campaign = request.query_params.get("campaign", "")
        if campaign:
            running().settings.campaign_by_id(campaign)
        return Json(alerts_json(running().store, campaign))

    def totals(request: Request) -> Response:
        by = tuple(filter(None, request.query_params.get("by", "").split(",")))
        live = running()
        campaign = live.settings.campaign_by_id(_asked(request, "campaign"))
        return Json(totals_json(live.store, live.settings, campaign, by, live.clock.now()))

    def expected(request: Request) -> Response:
        live = running()
        campaign = live.settings.campaign_by_id(_asked(request, "campaign"))
        scope = parse_scope(request.query_params.get("scope", ""))
        metric = request.query_params.get("metric", "gmv")
        return Json(
            expected_json(live.store, live.settings, campaign, scope, metric, live.clock.now())
        )

    def boards(request: Request) -> Response:
        picture = running().picture
        names = next(iter(picture.campaigns.values())).boards if picture else {}
        return Json({"boards": [{"name": b.name, "title": b.title} for b in names.values()]})

    def board(request: Request) -> Response:
        live = running()
        campaign = live.settings.campaign_by_id(_asked(request, "campaign"))
        picture = live.picture
        if picture is None or campaign.id not in picture.campaigns:
            raise MonitorError("nothing is published yet")
        shown = picture.campaigns[campaign.id]
        name = request.path_params["name"]
        if name not in shown.boards:
            raise ConfigError(f"no board {name!r}; known: {', '.join(shown.boards)}")
        limit = request.query_params.get("limit")
        if limit is not None and not limit.isdigit():
            raise ConfigError(f"limit={limit!r}: a whole number")
        found = shown.boards[name]
        stale = bool(shown.late_feeds)
        rows = None if limit is None else int(limit)
        return Json(board_json(found, shown.as_of, picture.generation, stale, rows))

    found: dict[str, Callable[[Request], Response]] = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics,
        "/api/alerts.json": alerts,
        "/api/totals.json": totals,
        "/api/expected.json": expected,
        "/api/boards.json": boards,
        "/api/boards/{name}.json": board,
    }
    return [
        *(Route(path, _guarded(handler), methods=["GET"]) for path, handler in found.items()),
        push_route(runtime),
        Route("/live", _to_live, methods=["GET"]),
    ]


def _to_live(request: Request) -> Response:
    """Live is the first page, so Streamlit serves it at / and knows no /live."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{query}")


def not_ready(runtime: Runtime | None) -> str | None:
    """Why the product should not be relied on right now, or None."""
    if runtime is None:
        return "the product is starting or stopping"
    health, at_s = runtime.health, time.monotonic()
    if health.failure:
        return f"the last tick failed: {health.failure}"
    allowed_s = LATE_PULSES * runtime.settings.monitor.poll.total_seconds() + GRACE_S
    if health.last_pulse_s is None:
        if at_s - health.started_s > STARTING_S:
            return "the scheduler has not run since the start"
        return "the first tick is still running"
    if at_s - health.last_pulse_s > allowed_s:
        return f"the scheduler has not run for {at_s - health.last_pulse_s:.0f} s"
    return None


def _asked(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise ConfigError(f"the address needs ?{name}=…")
    return value


def _guarded(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Errors as JSON with a reason: 404 for what the asker got wrong, 503 for what we cannot do."""

    def guarded(request: Request) -> Response:
        try:
            return handler(request)
        except ConfigError as e:
            return Json({"error": str(e)}, 404)
        except MonitorError as e:
            return Json({"error": str(e)}, 503)
        except Exception as e:  # as while a database that ran out of disk is opened anew
            log.exception("%s failed", request.url.path)
            return Json({"error": f"no answer right now ({type(e).__name__}); ask again"}, 503)

    return guarded


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
