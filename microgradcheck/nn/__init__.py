"""Neurons, layers and multi-layer perceptrons as in micrograd, and losses to train them by.

Source: Karpathy, micrograd (2020), https://github.com/karpathy/micrograd, whose names, behaviour
and random draws these are.
"""

from __future__ import annotations

from microgradcheck.nn.losses import cross_entropy, hinge, logistic, squared_error
from microgradcheck.nn.module import Module, train
from microgradcheck.nn.perceptron import MLP, Layer, Neuron

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "cross_entropy",
    "hinge",
    "logistic",
    "squared_error",
    "train",
]
