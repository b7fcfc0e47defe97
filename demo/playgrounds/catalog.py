"""The playgrounds in the order of the list; a new one is a module and a line here."""

from demo.playgrounds import adaptive, convolution, information, pointwise

PLAYGROUNDS = {module.PLAYGROUND.key: module.PLAYGROUND for module in (convolution, adaptive, pointwise, information)}
