"""The same transformer with random weights: what an architecture can do before it has learned anything."""

import copy
import dataclasses

import torch

from segcore.features.vit import VitModel


def untrained_twin(model: VitModel, *, seed: int) -> VitModel:
    """Copy a model and draw its weights anew, as timm begins a training.

    Args:
        model: of `load_vit`; it stays as it is.
        seed: of the random numbers, which leave torch's own generator alone.

    Returns:
        A model of the same architecture, patch, mean and standard deviation, on the same device.
    """
    net = copy.deepcopy(model.net).cpu()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        net.init_weights()
    net = net.eval().requires_grad_(False).to(model.device)
    return dataclasses.replace(model, net=net, source=f"random weights, seed {seed}")
