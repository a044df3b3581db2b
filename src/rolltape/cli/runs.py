"""What the commands about runs share: finding one, and telling several apart by their configs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rolltape.errors import RunNotFound

if TYPE_CHECKING:
    from rolltape.store import RunInfo, Store

_ABSENT = object()
_SHOWN = 5  # runs that an error names


def find_run(store: Store, wanted: str) -> RunInfo:
    """The run whose key, id or ``project/id`` is ``wanted``, or the only one whose id begins so.

    Raises:
        RunNotFound: there is none, or several; the message names them.
    """
    infos = store.runs()
    for info in infos:
        if info.key == wanted:
            return info
    whole = [info for info in infos if wanted in (info.id, f"{info.project}/{info.id}")]
    begun = [info for info in infos if wanted and (info.id.startswith(wanted) or info.key.startswith(wanted))]
    matches = whole or begun
    if len(matches) == 1:
        return matches[0]
    if matches:
        more = f" and {len(matches) - _SHOWN} more" if len(matches) > _SHOWN else ""
        keys = ", ".join(info.key for info in matches[:_SHOWN])
        raise RunNotFound(f"{wanted!r} stands for {len(matches)} runs: {keys}{more}")
    named = [info.key for info in infos if info.name == wanted]
    hint = f"; runs of that name: {', '.join(named[:_SHOWN])}" if named else ""
    raise RunNotFound(f"there is no run {wanted!r} in {store.root}{hint}")


def differences(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is not the same in all configs: for each its entries under such keys. Keys of mappings inside are joined
    by dots."""
    from rolltape.store.flat_config import fingerprint, flatten

    flat = [flatten(config) for config in configs]
    keys = list(dict.fromkeys(key for config in flat for key in config))
    compared = [{key: fingerprint(entry) for key, entry in config.items()} for config in flat]
    differing = [key for key in keys if len({config.get(key, _ABSENT) for config in compared}) > 1]
    return [{key: config[key] for key in differing if key in config} for config in flat]
