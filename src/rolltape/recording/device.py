"""Values that live on an accelerator: taken without waiting, read later. Neither PyTorch nor JAX is imported here.

A host value is copied at once, because its owner may overwrite it. A device value is copied in its own stream without a
wait (PyTorch) or kept by reference (JAX arrays do not change), and the flusher's thread waits for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def ready_or_later(value: Any) -> NDArray[Any] | Callable[[], NDArray[Any]] | None:
    """The numbers of a PyTorch or JAX value that lie in host memory, else a call that waits for them.

    None if ``value`` is of neither library.

    Raises:
        TypeError: a JAX tracer: there is no value yet.
    """
    torch: Any = sys.modules.get("torch")
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        tensor: Any = value
        return _torch(torch, tensor.detach())
    jax: Any = sys.modules.get("jax")
    if jax is not None and isinstance(value, getattr(jax, "Array", ())):
        return _jax(jax, value)
    return None


def _torch(torch: Any, tensor: Any) -> NDArray[Any] | Callable[[], NDArray[Any]]:
    if not tensor.dtype.is_floating_point and not tensor.dtype.is_complex:
        widened = tensor
    else:
        widened = tensor.double() if tensor.dtype == torch.float64 else tensor.float()  # NumPy has no bfloat16
    kind = tensor.device.type
    if kind == "cpu":
        return np.array(widened.numpy())
    if kind == "cuda":
        host = widened.to("cpu", non_blocking=True)
        copied = torch.cuda.Event()
        copied.record(torch.cuda.current_stream(tensor.device))

        def wait() -> NDArray[Any]:
            copied.synchronize()
            return np.array(host.numpy())

        return wait
    copy = widened.clone()
    return lambda: np.array(copy.cpu().numpy())


def _jax(jax: Any, array: Any) -> NDArray[Any] | Callable[[], NDArray[Any]]:
    if isinstance(array, jax.core.Tracer):
        raise TypeError("a JAX tracer has no value yet; log outside of jit, or through jax.debug.callback")
    if array.is_ready() and all(device.platform == "cpu" for device in array.devices()):
        return np.array(array, dtype=np.float64)
    array.copy_to_host_async()
    return lambda: np.array(array, dtype=np.float64)
