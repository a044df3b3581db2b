"""The part of Spinning Up's logger that saves TensorFlow 1 graphs, as its TF1 algorithms call it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow1_shim

tensorflow1_shim.install()
import tensorflow as tf  # noqa: E402

from rolltape.frameworks.spinningup import EpochLogger, restore_tf_graph  # noqa: E402
from rolltape.loggers import CSVLogger  # noqa: E402

pytestmark = [pytest.mark.timeout(200), pytest.mark.filterwarnings("ignore")]


def test_a_graph_is_saved_and_restored(tmp_path: Path) -> None:
    x = tf.placeholder(tf.float32, (None, 2), name="x")
    pi = tf.layers.dense(x, 1, name="pi")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        logger = EpochLogger(tmp_path, rolltape_run=CSVLogger(tmp_path / "rows.csv"))
        logger.setup_tf_saver(session, inputs={"x": x}, outputs={"pi": pi})
        logger.save_state({"env": 1})
        logger.save_state({"env": 1})  # over the first
        logger.save_state({"env": 1}, 7)
        wanted = session.run(pi, {x: np.ones((3, 2))})
        logger.close()
    for folder in ("tf1_save", "tf1_save7"):
        with tf.Session(graph=tf.Graph()) as session:
            restored = restore_tf_graph(session, tmp_path / folder)
            assert set(restored) == {"x", "pi"}
            assert np.array_equal(session.run(restored["pi"], {restored["x"]: np.ones((3, 2))}), wanted)
