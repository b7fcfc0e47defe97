"""The playgrounds in the order of the list; a new one is a module and a line here."""

from demo.playgrounds.games import (
    adaptive,
    convolution,
    flavours,
    information,
    masks,
    pointwise,
    pyramid,
    receptive,
    tracks,
    upsampling,
)

PLAYGROUNDS = {
    module.PLAYGROUND.key: module.PLAYGROUND
    for module in (convolution, adaptive, pointwise, receptive, pyramid, upsampling, information, masks, flavours, tracks)
}
