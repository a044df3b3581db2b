"""The description of the API for programs: an OpenAPI 3.1 document. docs/http-api.md is the one for people."""

from __future__ import annotations

import functools
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from rolltape._version import __version__
from rolltape.curves import METHODS
from rolltape.server.access.scopes import CURVES
from rolltape.server.answers.compare import FEWEST_LINES, HIGHEST_LEVEL, MOST_LINES
from rolltape.server.answers.group_band import BANDS, CENTERS
from rolltape.server.answers.groups import MOST_SCORES, SCORES
from rolltape.server.changes import LARGEST_BODY, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS
from rolltape.server.openapi_answers import SCHEMAS, Schema, one_of, ref
from rolltape.server.query import MOST_BUCKETS, MOST_RUNS
from rolltape.server.reading import questions as reading
from rolltape.server.replies import json_reply
from rolltape.server.scores import KINDS
from rolltape.stats.aggregates import Statistic
from rolltape.store.remote.wire import CONTENT_TYPE as ANSWER
from rolltape.tape.shipment import CONTENT_TYPE

_NAME: Schema = {"type": "string", "minLength": 1}
_BINARY = "application/octet-stream"
_FRAME = (
    "u32 N; a JSON header of N bytes, padded with spaces so that 4 + N is a multiple of 8; then float64 arrays, one "
    "behind the other. All little endian. "
)

_SAID = {
    304: "The answer with the ETag of If-None-Match still holds",
    400: "A parameter is missing or wrong, or the Host header is",
    401: "The server has a token, and the request has neither it nor the cookie",
    403: "The token lacks the scope, the page is read-only, or Origin is missing or another site's",
    404: "No such run, group, metric, file or path",
    408: "The body did not arrive",
    409: "A run is running, or its files are not as they must be",
    413: "The body is too long",
    415: "The body is not JSON",
    416: "The file is shorter than the Range that is asked for",
    421: "The Host header names what this server does not go by",
    429: "Too many requests of one address or token; Retry-After says when to try again",
    503: "Too much is asked at one time; Retry-After may say when to try again",
    507: "The disk of the server is full; Retry-After says when to try again",
}
_ALWAYS = (400, 401, 403, 421, 429, 503)


def _param(name: str, description: str, schema: Schema, *, required: bool = False) -> Schema:
    where = {"required": True} if required else {}
    return {"name": name, "in": "query", "description": description, "schema": schema, **where}


def _many(name: str, description: str, most: int = 0, *, items: Schema = _NAME, required: bool = False) -> Schema:
    schema: Schema = {"type": "array", "items": items}
    if most:
        schema["maxItems"] = most
    if required:
        schema["minItems"] = 1
    return {**_param(name, description, schema, required=required), "style": "form", "explode": True}


_METRIC = _param("metric", "name of a metric", _NAME, required=True)
_RUN = _param("run", "key of a run", _NAME, required=True)
_LINES = [
    _many("group", "ids of groups", MOST_RUNS),
    _many("run", "keys of runs; the order of group and run together is the order of the lines", MOST_RUNS),
]
_GROUPING = [
    _many("seed", "config keys that hold the seed; default: the usual names"),
    _many("ignore", "config keys that do not tell groups apart"),
]
_WINDOW = [
    _param("x", "step, time, relative, process, or the name of a metric that counts", {**_NAME, "default": "step"}),
    _param("lo", "from this x; goes with hi", {"type": "number"}),
    _param("hi", "to this x", {"type": "number"}),
]
_SCORE = [
    _param("score", "one number per run: final is the mean over the last tenth of its steps", one_of(*KINDS)),
    _param("lower", "1: smaller is better; default: as the score says", one_of("0", "1")),
]
_PICKED = [
    _param("project", "only its runs", {"type": "string"}),
    _param("where", "a condition, as lr < 3e-4 and status = 'finished'", {"type": "string"}),
    _param("find", "words that names, tags or settings must hold", {"type": "string"}),
]


def _buckets(name: str, description: str, default: int, most: int) -> Schema:
    return _param(name, description, {"type": "integer", "minimum": 1, "maximum": most, "default": default})


def _get(
    summary: str, answer: Schema, parameters: list[Schema], *, errors: tuple[int, ...] = (), kind: str = ""
) -> Any:
    content = {kind or "application/json": {"schema": answer}}
    return {"get": {"summary": summary, "parameters": parameters, "responses": _responses(content, errors)}}


def _post(
    summary: str,
    answer: Schema,
    body: Schema,
    *,
    errors: tuple[int, ...] = (404, 408, 409, 413, 415),
    kind: str = "application/json",
) -> Any:
    responses = _responses({kind: {"schema": answer}}, errors)
    return {
        "post": {
            "summary": summary,
            "parameters": [],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": responses,
        }
    }


def _responses(content: Schema, errors: tuple[int, ...]) -> Schema:
    answers: Schema = {"200": {"description": "The answer", "content": content}}
    for status in sorted({*_ALWAYS, *errors}):
        answers[str(status)] = {"description": _SAID[status]}
        if status not in (304, 416):
            answers[str(status)]["content"] = {"application/json": {"schema": ref("Error")}}
    return answers


_KNOWN = (304, 404)
_KEYS: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_RUNS}
_TAGS: Schema = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_TAG},
    "maxItems": MOST_TAGS,
}
_NUMBERS_OR_HEADER: Schema = {"type": "string", "contentMediaType": _BINARY}


def _blocks(facts: str) -> Schema:
    told = f"{facts}. The form of the answer is in docs/http-api.md, under Reading from another machine"
    return {"type": "string", "contentMediaType": ANSWER, "description": told}


_NAMES: Schema = {
    "type": "array",
    "items": {"type": "string", "maxLength": reading.LONGEST_NAME},
    "maxItems": reading.MOST_NAMED,
}
_RUN_NAMED = _param("run", "id, project/id or key of a run", {"type": "string"}, required=True)

_PATHS: dict[str, Any] = {
    "/api/session": _get("What kind of server this is", ref("Session"), []),
    "/api/runs": _get(
        "All runs, newest first", ref("Runs"), [_many("run", "only these keys", MOST_RUNS)], errors=_KNOWN
    ),
    "/api/groups": _get(
        "Runs in groups: those of one config, seeds apart",
        ref("Groups"),
        [
            *_PICKED,
            *_GROUPING,
            _param("stat", "over the seeds; auto: by their number", one_of("auto", *get_args(Statistic))),
            _param("brief", "1: without metrics, steps, speed and scores, which take longer", one_of("0", "1")),
            _many(
                "value",
                f"a column: SCORE:METRIC, where SCORE is {', '.join(SCORES)}",
                MOST_SCORES,
                items={"type": "string", "pattern": f"^({'|'.join(SCORES)}):.+$"},
            ),
        ],
        errors=_KNOWN,
    ),
    "/api/metrics": _get(
        "The metrics of some groups and runs; of all, if none is named",
        ref("Metrics"),
        [*_LINES, *_GROUPING],
        errors=_KNOWN,
    ),
    "/api/curve": _get(
        "Metrics over an x-axis in equal buckets",
        {
            **_NUMBERS_OR_HEADER,
            "description": f"{_FRAME}Header: metric, metrics, x, buckets, columns, version, exact, lines. Arrays: "
            "edges[buckets + 1]; then for each line count, center, low, high and n, each [buckets]. Empty buckets "
            "are NaN with count 0. Lines without the metric are left out",
        },
        [
            _many("metric", "names of metrics", 8, required=True),
            *_LINES,
            *_GROUPING,
            *_WINDOW,
            _buckets("buckets", "how many", 1000, MOST_BUCKETS),
            _param("center", "of several seeds; auto: by their number", one_of(*CENTERS)),
            _param("band", "around the centre; minmax: of all raw points", one_of(*BANDS)),
            _param("smooth", f"none, or METHOD:AMOUNT with METHOD one of {', '.join(METHODS)}", {"type": "string"}),
            _param("seeds", "1: a line for every run of the groups", one_of("0", "1")),
        ],
        errors=_KNOWN,
        kind=_BINARY,
    ),
    "/api/histogram": _get(
        "How the values of a metric are distributed over training, of one group or one run",
        {
            **_NUMBERS_OR_HEADER,
            "description": f"{_FRAME}Header: metric, x, buckets, bins, points, nonfinite, version, id, label. Arrays: "
            "edges[buckets + 1], value_edges[bins + 1], mean[buckets], counts[buckets * bins] with one row per bucket",
        },
        [
            _METRIC,
            *_LINES,
            *_GROUPING,
            *_WINDOW,
            _buckets("buckets", "of x", 200, 400),
            _buckets("bins", "of values", 60, 200),
        ],
        errors=_KNOWN,
        kind=_BINARY,
    ),
    "/api/compare": _get(
        f"{FEWEST_LINES} to {MOST_LINES} groups held against each other",
        ref("Comparison"),
        [
            _METRIC,
            *_LINES,
            *_GROUPING,
            *_SCORE,
            _param(
                "level",
                "coverage of the intervals",
                {"type": "number", "exclusiveMinimum": 0, "maximum": HIGHEST_LEVEL, "default": 0.95},
            ),
            _param("task", "config key that holds the task: algorithms are compared over tasks", {"type": "string"}),
        ],
        errors=_KNOWN,
    ),
    "/api/sweep": _get(
        "What a sweep found: scores by config, what matters, what it cost",
        ref("Sweep"),
        [*_PICKED, _METRIC, *_SCORE, *_GROUPING],
        errors=_KNOWN,
    ),
    "/api/run": _get("Everything about a run but its numbers", ref("WholeRun"), [_RUN], errors=_KNOWN),
    "/api/summaries": _get("Each metric of a run in numbers", ref("Summaries"), [_RUN], errors=_KNOWN),
    "/api/media/{project}/{run}/{file}": _get(
        "An image, a video or a file of a run; Range is honoured",
        {"type": "string", "contentMediaType": _BINARY},
        [
            {"name": name, "in": "path", "required": True, "schema": _NAME, "description": told}
            for name, told in (
                ("project", "the key of a run up to its /"),
                ("run", "the rest of the key"),
                ("file", "as the events of the run tell"),
            )
        ],
        errors=(*_KNOWN, 416),
        kind="*/*",
    ),
    "/api/events": _get(
        "Which runs have something new, as server-sent events",
        {
            "type": "string",
            "description": 'event: news, data: {"runs": [keys], "version": n}. The other routes tell what is new',
        },
        [],
        kind="text/event-stream",
    ),
    "/api/notes": _post(
        "Change tags and notes of runs; what was recorded stays",
        ref("NotesChanged"),
        {
            "type": "object",
            "properties": {
                "runs": _KEYS,
                "add": _TAGS,
                "remove": _TAGS,
                "note": {"type": "string", "maxLength": LONGEST_NOTE},
            },
            "required": ["runs"],
            "additionalProperties": False,
        },
    ),
    "/api/delete": _post(
        "Move runs to the trash, .trash in the store, from where they can be moved back",
        ref("Deleted"),
        {"type": "object", "properties": {"runs": _KEYS}, "required": ["runs"], "additionalProperties": False},
    ),
    "/api/ship": {
        "post": {
            "summary": "Take the tapes of other machines; needs rolltape serve",
            "description": "The body is a shipment: docs/shipping.md specifies it. What is sent twice is stored once. "
            "The answer tells, for each part, how much is held",
            "parameters": [],
            "requestBody": {
                "required": True,
                "content": {CONTENT_TYPE: {"schema": {"type": "string", "contentMediaType": CONTENT_TYPE}}},
            },
            "responses": _responses({"application/json": {"schema": ref("Shipped")}}, (408, 413, 415, 507)),
        }
    },
    "/api/store/runs": _get(
        "All runs, newest first, with everything that a store tells of them",
        _blocks("runs: a list of records"),
        [
            _param("project", "only its runs", {"type": "string"}),
            _param("where", "a condition, as lr < 3e-4 and status = 'finished'", {"type": "string"}),
        ],
        kind=ANSWER,
    ),
    "/api/store/run": _get(
        "One part of what a store tells of a run, whole",
        _blocks("The part by its name: a list"),
        [_RUN_NAMED, _param("part", "which", one_of(*reading.PARTS))],
        errors=(404,),
        kind=ANSWER,
    ),
    "/api/store/summaries": _get(
        "Each metric of a run in numbers", _blocks("summaries: a list"), [_RUN_NAMED], errors=(404,), kind=ANSWER
    ),
    "/api/store/points": _get(
        "The points of a metric as they were logged",
        _blocks("Columns: x unless it is the step, step, time (ns), value"),
        [
            _RUN_NAMED,
            _param("metric", "name of a metric", {"type": "string"}, required=True),
            *_WINDOW,
            _param("resumed", "latest: without what a resumed run logged again", one_of("all", "latest")),
        ],
        errors=(404,),
        kind=ANSWER,
    ),
    CURVES: _post(
        "Metrics of runs in equal buckets; it only reads",
        _blocks(
            "The first block has the column edges[buckets + 1], each other one metric, run and gaps, and the columns "
            "count, mean, min, max, std and nonfinite[buckets]"
        ),
        {
            "type": "object",
            "description": "metric, which must be there, or metrics, of which those are told that are",
            "properties": {
                "metric": {"type": "string", "maxLength": reading.LONGEST_NAME},
                "metrics": _NAMES,
                "runs": {**_NAMES, "type": ["array", "null"], "description": "ids or keys; null: all"},
                "x": {"type": "string", "minLength": 1, "maxLength": reading.LONGEST_NAME},
                "window": {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
                "buckets": {"type": "integer", "minimum": 1, "maximum": reading.MOST_BUCKETS},
                "exact": {"type": "boolean"},
                "resumed": one_of("all", "latest"),
            },
            "oneOf": [{"required": ["metric"]}, {"required": ["metrics"]}],
            "additionalProperties": False,
        },
        errors=(404, 408, 413, 415),
        kind=ANSWER,
    ),
    "/api/openapi.json": _get("This document", {"type": "object"}, []),
}


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "rolltape",
            "version": __version__,
            "description": "The runs of a directory of tapes. HEAD is served where GET is; most answers have an ETag. "
            f"POST needs --writable, a JSON body of at most {LARGEST_BODY} bytes, and the header Origin "
            "(http:// and the Host header) or the token as a bearer; but for /api/ship, and for /api/store/curves, "
            "which only reads and needs no --writable.",
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "paths": _PATHS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "where the server has a token"}
            },
        },
    }


async def openapi(_request: Request) -> Response:
    """GET /api/openapi.json"""
    return json_reply(document())
