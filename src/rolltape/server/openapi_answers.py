"""What the answers of the API look like, as JSON schemas: the components of the OpenAPI document."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

STATUSES = ["running", "finished", "failed", "interrupted", "killed"]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
ANYTHING: Schema = {}


def record(**properties: Schema) -> Schema:
    """An object that has exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def list_of(items: Schema, description: str = "") -> Schema:
    """An array."""
    return told({"type": "array", "items": items}, description)


def maybe(schema: Schema, description: str = "") -> Schema:
    """That or null."""
    plain = {**schema, "type": [schema["type"], "null"]} if "type" in schema else {"anyOf": [schema, {"type": "null"}]}
    return told(plain, description)


def told(schema: Schema, description: str) -> Schema:
    """With what it means."""
    return {**schema, "description": description} if description else schema


def one_of(*words: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(words)}


def ref(name: str) -> Schema:
    """A schema of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


VERSION = told(WHOLE, "grows whenever something in the store changed; as in the events")
_KEY = told(TEXT, "names the run in its store: the directories of project and run")
_TAGS = list_of(TEXT, "the recorded ones, as people changed them since")
_NOTE = told(TEXT, "what people wrote since; empty: nothing")
_STATUS = {"type": "string", "enum": STATUSES}
_MAP: Schema = {"type": "object", "additionalProperties": True}
_SECONDS = told(NUMBER, "unix seconds")
_NUMBERS = list_of(maybe(NUMBER))

_RUN: dict[str, Schema] = {
    "key": _KEY,
    "id": TEXT,
    "project": TEXT,
    "name": TEXT,
    "config": _MAP,
    "tags": _TAGS,
    "status": _STATUS,
    "error": maybe(TEXT, "what went wrong, in a line"),
    "started": _SECONDS,
    "ended": maybe(NUMBER, "unix seconds; null while it runs"),
    "lost": told(WHOLE, "rows that could not be recorded"),
    "note": _NOTE,
}
_INTERVAL = record(
    center=maybe(NUMBER),
    low=maybe(NUMBER),
    high=maybe(NUMBER),
    n=told(WHOLE, "seeds with a score"),
    label=TEXT,
    method=TEXT,
    notes=list_of(TEXT),
)
_COMPARED: dict[str, Schema] = {
    "id": told(TEXT, "of the group, the key of the run, or the name of the algorithm"),
    "label": TEXT,
    "n": told(WHOLE, "runs with a score"),
    "running": told(WHOLE, "runs that may still change"),
    "missing": told(WHOLE, "runs without the metric"),
    "nonfinite": told(WHOLE, "runs whose score is NaN or infinite"),
    "unreadable": WHOLE,
    "seeds": list_of(ANYTHING),
    "keys": list_of(_KEY),
    "scores": _NUMBERS,
    "std": maybe(NUMBER),
    "mean": _INTERVAL,
    "median": _INTERVAL,
    "iqm": _INTERVAL,
}

SCHEMAS: dict[str, Schema] = {
    "Error": record(error=told(TEXT, "what is wrong with the request: a sentence that names the parameter")),
    "Session": record(
        writable=told(FLAG, "whether POST is answered"),
        store=told(TEXT, "the directory of the tapes"),
        rolltape=told(TEXT, "its version"),
    ),
    "Run": record(**_RUN),
    "Runs": record(version=VERSION, runs=list_of(ref("Run"), "newest first")),
    "WholeRun": record(
        **_RUN,
        version=VERSION,
        environment=_MAP,
        points=WHOLE,
        writers=list_of(
            record(name=TEXT, status=_STATUS, frames=WHOLE, points=WHOLE, lost=WHOLE, problem=maybe(TEXT)),
            "processes, as they began",
        ),
        events=list_of(
            record(
                step=ANYTHING,
                time=_SECONDS,
                name=ANYTHING,
                kind=told(ANYTHING, "text, image, video or file"),
                text=maybe(TEXT),
                cut=told(WHOLE, "characters of the text that are left out"),
                file=told(ANYTHING, "the FILE of /api/media"),
            ),
            "the newest texts and media, by time",
        ),
        texts=told(WHOLE, "how many there are"),
        media=told(WHOLE, "how many there are"),
        files=list_of(
            record(name=TEXT, size=told(WHOLE, "bytes"), shown=told(FLAG, "whether /api/media sends it to be shown"))
        ),
        file_count=WHOLE,
    ),
    "Metrics": record(
        version=VERSION,
        metrics=list_of(record(name=TEXT, lines=told(WHOLE, "how many of the groups and runs have it"))),
    ),
    "Summaries": record(
        version=VERSION,
        metrics=list_of(
            record(
                metric=TEXT,
                points=WHOLE,
                nonfinite=told(WHOLE, "NaN and infinities among the points"),
                first_step=maybe(WHOLE),
                last_step=maybe(WHOLE),
                last=told(ANYTHING, "the value logged last: a number, nan, inf, -inf as text, or null"),
                min=maybe(NUMBER),
                mean=maybe(NUMBER),
                max=maybe(NUMBER),
            )
        ),
    ),
    "Groups": record(
        version=VERSION,
        pending=told(WHOLE, "runs whose values are not known yet: ask again"),
        total=told(WHOLE, "runs of the project, before where and find"),
        projects=list_of(record(name=TEXT, runs=WHOLE)),
        metrics=list_of(TEXT),
        keys=list_of(TEXT, "config keys that are not the same in all groups"),
        shared=told(_MAP, "the others"),
        unknown=list_of(TEXT, "sentences about names in where that no run has"),
        methods=list_of(TEXT),
        groups=list_of(ref("Group"), "newest first"),
    ),
    "Group": record(
        id=TEXT,
        name=TEXT,
        project=TEXT,
        config=told(_MAP, "the keys that vary"),
        tags=list_of(TEXT),
        note=_NOTE,
        runs=list_of(
            record(
                key=_KEY,
                id=TEXT,
                name=TEXT,
                seed=ANYTHING,
                status=_STATUS,
                started=_SECONDS,
                ended=maybe(NUMBER),
                points=WHOLE,
                lost=WHOLE,
                error=maybe(TEXT),
                tags=_TAGS,
                note=_NOTE,
            )
        ),
        steps=maybe(WHOLE, "the highest step of its runs"),
        speed=maybe(NUMBER, "steps per second, mean over the runs"),
        duration=told(NUMBER, "seconds, mean over the runs"),
        values=list_of(
            maybe(list_of(maybe(NUMBER))),
            "for each value= in order: [center, low, high, n, index into methods], or null",
        ),
    ),
    "Comparison": record(
        version=VERSION,
        metric=TEXT,
        score=TEXT,
        pending=WHOLE,
        lower=told(FLAG, "whether smaller is better"),
        task=maybe(TEXT),
        tasks=maybe(list_of(TEXT)),
        tasks_left_out=list_of(TEXT),
        groups=list_of(
            {
                **record(**_COMPARED),
                "properties": {**_COMPARED, "gap": _INTERVAL, "tasks": ANYTHING},  # with task= only
            }
        ),
        profile=record(
            taus=_NUMBERS,
            label=TEXT,
            method=TEXT,
            lines=list_of(record(id=TEXT, share=_NUMBERS, low=maybe(_NUMBERS), high=maybe(_NUMBERS), n=ANYTHING)),
        ),
        improvement=record(
            label=TEXT,
            method=TEXT,
            pairs=list_of(
                record(
                    x=TEXT,
                    y=TEXT,
                    p=maybe(NUMBER, "P(X > Y)"),
                    low=maybe(NUMBER),
                    high=maybe(NUMBER),
                    n=list_of(WHOLE),
                    notes=list_of(TEXT),
                )
            ),
        ),
        method=told(TEXT, "a sentence that states everything"),
    ),
    "Sweep": record(
        version=VERSION,
        metric=TEXT,
        score=TEXT,
        lower=told(FLAG, "whether smaller is better"),
        pending=told(WHOLE, "runs whose score is not known yet: ask again"),
        keys=list_of(
            record(
                key=TEXT,
                kind=one_of("number", "category"),
                log=told(FLAG, "whether it belongs on a logarithmic axis"),
                values=list_of(ANYTHING),
                distinct=WHOLE,
            ),
            "config keys that are not the same in all groups",
        ),
        groups=list_of(
            record(
                id=TEXT,
                name=TEXT,
                n=told(WHOLE, "seeds with a score"),
                runs=WHOLE,
                running=WHOLE,
                config=_MAP,
                score=maybe(NUMBER, "mean over the seeds"),
                low=maybe(NUMBER),
                high=maybe(NUMBER),
                scores=_NUMBERS,
                wall=maybe(NUMBER, "seconds, mean over the runs"),
                front=told(FLAG, "no other group is as good in no more time and better in one of the two"),
            ),
            "newest first",
        ),
        importance=record(
            method=TEXT,
            n_groups=WHOLE,
            why_not=told(TEXT, "why nothing can be told; empty: something can"),
            keys=list_of(
                record(
                    key=TEXT,
                    importance=maybe(NUMBER),
                    low=maybe(NUMBER),
                    high=maybe(NUMBER),
                    null_low=maybe(NUMBER, "what shuffled scores reach"),
                    null_high=maybe(NUMBER),
                    rank=maybe(WHOLE),
                    p=maybe(NUMBER),
                    correlation=maybe(NUMBER),
                    n=WHOLE,
                    note=TEXT,
                )
            ),
        ),
        method=TEXT,
    ),
    "NotesChanged": record(version=VERSION, runs=list_of(record(key=_KEY, tags=_TAGS, note=_NOTE))),
    "Shipped": record(
        parts=list_of(
            {
                "anyOf": [
                    record(stored=told(FLAG, "of run: whether it is there because of this part")),
                    record(next=told(WHOLE, "of frames: the number of the frame that is wanted next")),
                    record(
                        frames=told(WHOLE, "of head: as next"),
                        halves=list_of(record(generation=WHOLE, have=told(WHOLE, "bytes of its rows that are held"))),
                    ),
                    record(have=told(WHOLE, "of file: bytes that are held"), whole=FLAG),
                    record(error=told(TEXT, "why the part was not taken"), status=WHOLE),
                ]
            },
            "one answer for each part, in order",
        )
    ),
    "Deleted": record(
        version=VERSION,
        moved={"type": "object", "additionalProperties": TEXT, "description": "where each run lies now, by key"},
    ),
}
