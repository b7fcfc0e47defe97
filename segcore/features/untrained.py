"""The same network with random weights: what an architecture can do before it has learned anything."""

import copy
from typing import Any

import torch


def redrawn(net: Any, *, seed: int) -> Any:
    """Copy a network and draw its weights anew, as a training begins.

    Args:
        net: of timm, or another one; it stays as it is.
        seed: of the random numbers, which leave torch's own generator alone.

    Returns:
        A network of the same architecture in eval mode, without gradients, on the same device.
    """
    device = next(net.parameters()).device
    net = copy.deepcopy(net).cpu()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        if hasattr(net, "init_weights"):
            net.init_weights()
    return net.eval().requires_grad_(False).to(device)
