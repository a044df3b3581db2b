"""TensorFlow 2.15 in the place of TensorFlow 1, as far as Stable Baselines 2 and Spinning Up ask for it."""

from __future__ import annotations

import sys
import types
from typing import Any


def install() -> None:
    """Run this before the first import of a package that wants TensorFlow 1."""
    try:
        from mpi4py import MPI  # noqa: F401
    except (ImportError, RuntimeError):  # RuntimeError: mpi4py is there, but no MPI library
        sys.modules["mpi4py"] = None  # type: ignore[assignment]

    import gym

    gym.logger.MIN_LEVEL = gym.logger.ERROR

    import tensorflow.compat.v1 as tf
    import tensorflow.core.util.event_pb2
    import tensorflow.python.util.compat  # noqa: F401
    from tensorflow.python import pywrap_tensorflow  # noqa: F401

    tf.disable_v2_behavior()

    def fully_connected(x: Any, num_outputs: int, activation_fn: Any = tf.nn.relu, **_ignored: Any) -> Any:
        return tf.layers.dense(x, num_outputs, activation=activation_fn)

    contrib: Any = types.ModuleType("tensorflow.contrib")
    contrib.layers = types.ModuleType("tensorflow.contrib.layers")
    contrib.layers.fully_connected = fully_connected
    tf.contrib = contrib
    sys.modules["tensorflow"] = tf
    sys.modules["tensorflow.contrib"] = contrib
    sys.modules["tensorflow.contrib.layers"] = contrib.layers
