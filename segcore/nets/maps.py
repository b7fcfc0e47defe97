"""The maps along a network: the picture shrinks, grows, and becomes classes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segcore.nets.labelled import LabelledNet

_SHOWN = (1.0, 99.0)  # percentiles that become black and white


@dataclass(frozen=True, eq=False, slots=True)
class StageMap:
    """What a layer makes of one picture."""

    name: str
    map: Tensor  # (c, h, w) float32 on the CPU

    def picture(self, channel: int | None = None) -> NDArray[np.uint8]:
        """(h, w) gray: the length of the vectors of its cells, or one channel, from its 1 % to its 99 % point."""
        values = (self.map.norm(dim=0) if channel is None else self.map[channel]).numpy()
        low, high = np.percentile(values, _SHOWN)
        return np.asarray(np.rint(255 * np.clip((values - low) / max(high - low, 1e-12), 0, 1)), np.uint8)


def maps_along(net: LabelledNet, pixels: Tensor) -> tuple[StageMap, ...]:
    """The maps of a network on its way from a picture to the classes.

    Args:
        net: in eval mode.
        pixels: (1, 3, height, width) in [0, 1].

    Returns:
        Those of `net.along()`, in its order.

    Cost: a pass through the network, and a copy of these maps.
    """
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_layer: nn.Module, _given: tuple[Tensor, ...], out: Tensor) -> None:
            seen[name] = out[0].detach().float().cpu().clone()

        return hook

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in net.along().items()]
    try:
        with torch.inference_mode():
            net.logits(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(StageMap(name, seen[name]) for name in net.along())
