"""What may be asked about a patch."""

import hashlib
from dataclasses import dataclass

from segcore.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What may be asked about: from this, and the cache of the pipeline, every question about a patch is answered."""

    picture: str  # path
    second: str | None
    settings: Settings

    @property
    def token(self) -> str:
        """Stands for it in the browser, which never sees a path and can name none."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()
