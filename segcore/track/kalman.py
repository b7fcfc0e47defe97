"""Kalman filters of boxes, for all tracks at once: SORT's of center, area, ratio, and ByteTrack's of center, ratio, height.

predict: x ← F x, P ← F P Fᵀ + Q          update: K = P Hᵀ (H P Hᵀ + R)⁻¹, x ← x + K (z − H x), P ← (I − K H) P
"""

from dataclasses import dataclass

import numpy as np

from segcore.track.detections import Floats, Ints


@dataclass(frozen=True, eq=False, slots=True)
class Beliefs:
    """What is believed of k tracks."""

    x: Floats  # (k, d): what is measured first, then how fast it changes
    P: Floats  # (k, d, d)

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, kept: Ints) -> "Beliefs":
        """Some of them."""
        return Beliefs(self.x[kept], self.P[kept])

    def joined(self, other: "Beliefs") -> "Beliefs":
        """These, then those."""
        return Beliefs(np.concatenate([self.x, other.x]), np.concatenate([self.P, other.P]))


def predict(beliefs: Beliefs, Q: Floats) -> Beliefs:
    """A frame later: each measured number moves by its own speed, as far as it has one.

    Args:
        beliefs: of k tracks.
        Q: (d, d) or (k, d, d) noise of the motion.
    """
    d = beliefs.x.shape[1]
    F = np.eye(d)
    moving = d - 4
    F[:moving, 4:] = np.eye(moving)
    return Beliefs(beliefs.x @ F.T, F @ beliefs.P @ F.T + Q)


def update(beliefs: Beliefs, z: Floats, R: Floats) -> Beliefs:
    """After a measurement of each.

    Args:
        beliefs: of k tracks.
        z: (k, 4) what was measured.
        R: (4, 4) or (k, 4, 4) noise of the measurement.
    """
    PH = beliefs.P[:, :, :4]
    K = np.linalg.solve(PH[:, :4] + R, PH.transpose(0, 2, 1)).transpose(0, 2, 1)
    x = beliefs.x + np.einsum("kij,kj->ki", K, z - beliefs.x[:, :4])
    return Beliefs(x, beliefs.P - K @ beliefs.P[:, :4])


def diagonals(values: Floats) -> Floats:
    """(k, d, d): matrices with these (k, d) on the diagonal, 0 elsewhere."""
    matrices: Floats = values[:, :, None] * np.eye(values.shape[1])
    return matrices


class SortFilter:
    """SORT: x, y, area s, ratio r of width to height, and speeds of the first three."""

    Q = np.diag([1.0, 1, 1, 1, 1e-2, 1e-2, 1e-4])
    R = np.diag([1.0, 1, 10, 10])
    P = np.diag([10.0] * 4 + [1e4] * 3)

    def begin(self, boxes: Floats) -> Beliefs:
        """Of boxes (k, 4) seen for the first time."""
        x = np.concatenate([self._z(boxes), np.zeros((len(boxes), 3))], 1)
        return Beliefs(x, np.tile(self.P, (len(boxes), 1, 1)))

    def predict(self, beliefs: Beliefs) -> Beliefs:
        """A frame later; an area does not shrink below 0."""
        x = beliefs.x.copy()
        x[x[:, 6] + x[:, 2] <= 0, 6] = 0
        return predict(Beliefs(x, beliefs.P), self.Q)

    def update(self, beliefs: Beliefs, boxes: Floats) -> Beliefs:
        """After each was seen at a box."""
        return update(beliefs, self._z(boxes), self.R)

    def boxes(self, beliefs: Beliefs) -> Floats:
        """(k, 4) x, y, width, height."""
        x, y, s, r = beliefs.x[:, :4].T
        with np.errstate(invalid="ignore", divide="ignore"):
            w = np.sqrt(s * r)
            h = s / w
        return np.stack([x - w / 2, y - h / 2, w, h], 1)

    @staticmethod
    def _z(boxes: Floats) -> Floats:
        x, y, w, h = boxes.T
        return np.stack([x + w / 2, y + h / 2, w * h, w / h], 1)


class ByteFilter:
    """ByteTrack: x, y, ratio a of width to height, height h, and their speeds; noise grows with the height."""

    position, speed = 1 / 20, 1 / 160  # standard deviations, as shares of the height

    def begin(self, boxes: Floats) -> Beliefs:
        """Of boxes (k, 4) seen for the first time."""
        z = self._z(boxes)
        p, v = 2 * self.position * z[:, 3], 10 * self.speed * z[:, 3]
        ratio = np.full(len(z), 1e-2)
        deviation = np.stack([p, p, ratio, p, v, v, ratio * 1e-3, v], 1)
        return Beliefs(np.concatenate([z, np.zeros_like(z)], 1), diagonals(deviation**2))

    def predict(self, beliefs: Beliefs) -> Beliefs:
        """A frame later."""
        p, v = self.position * beliefs.x[:, 3], self.speed * beliefs.x[:, 3]
        ratio = np.full(len(beliefs), 1e-2)
        return predict(beliefs, diagonals(np.stack([p, p, ratio, p, v, v, ratio * 1e-3, v], 1) ** 2))

    def update(self, beliefs: Beliefs, boxes: Floats) -> Beliefs:
        """After each was seen at a box."""
        p = self.position * beliefs.x[:, 3]
        return update(beliefs, self._z(boxes), diagonals(np.stack([p, p, np.full(len(p), 1e-1), p], 1) ** 2))

    def boxes(self, beliefs: Beliefs) -> Floats:
        """(k, 4) x, y, width, height."""
        x, y, a, h = beliefs.x[:, :4].T
        return np.stack([x - a * h / 2, y - h / 2, a * h, h], 1)

    @staticmethod
    def _z(boxes: Floats) -> Floats:
        x, y, w, h = boxes.T
        return np.stack([x + w / 2, y + h / 2, w / h, h], 1)
