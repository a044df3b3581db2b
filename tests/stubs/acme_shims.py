"""What Acme 0.4.0 asks of Reverb 0.14 and JAX 0.4, which no longer have it. `launchpad` beside this file is a third."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def install() -> None:
    """Run this before the first import of Acme's agents."""
    import jax
    import reverb

    jax.xla = SimpleNamespace(Device=jax.Device, DeviceArray=jax.Array)
    jax.numpy.DeviceArray = jax.Array
    jax.tree_multimap = jax.tree_util.tree_map

    original = reverb.Client.trajectory_writer

    def trajectory_writer(
        self: Any, num_keep_alive_refs: int, get_signature_timeout_ms: Any = None, **more: Any
    ) -> Any:
        return original(self, num_keep_alive_refs, **more)

    reverb.Client.trajectory_writer = trajectory_writer
