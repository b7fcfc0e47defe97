"""The contract of a network that labels pixels."""

from torch import Tensor, nn


class Net(nn.Module):
    """A network that labels pixels: what a training leaves.

    Pixels are (b, 3, height, width) float32 RGB in [0, 1], of any size.
    """

    stride: int  # side of a cell of `features`, in pixels

    def features(self, pixels: Tensor) -> Tensor:
        """(b, d, ⌈height / stride⌉, ⌈width / stride⌉): what the labels are made of."""
        raise NotImplementedError

    def scores(self, pixels: Tensor) -> Tensor:
        """(b, K, h, w) with any h and w: probabilities of the labels at each place; the largest one labels it."""
        raise NotImplementedError


class MaskNet(Net):
    """A network that also finds separate objects."""

    def instances(self, pixels: Tensor, *, most: int | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Find the objects of one picture.

        Args:
            pixels: (1, 3, height, width).
            most: how many at most; as many as the network was trained for, or finds, if None.
            seed: of what it draws.

        Returns:
            (m, h, w) with any h and w: how much each place belongs to each object, in [0, 1], a half on its border; and
            (m,) how sure each is, descending.
        """
        raise NotImplementedError
