"""Where weights come from, and how a file of them is read.

Sources in order: a named file; the folder of the environment variable SEGCORE_WEIGHTS_DIR; assets/; the local cache of the
Hugging Face Hub; a download. Nothing is looked up or downloaded at import, and no file can run code.
"""

import errno
import hashlib
import logging
import os
import pickle
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import Tensor, nn

from segcore.errors import ModelError
from segcore.runtime.places import ASSETS
from segcore.train.digest import is_whole, read_safetensors

WEIGHTS_DIR = "SEGCORE_WEIGHTS_DIR"
ASK_SECONDS = 3.0  # how long "auto" waits for the Hub to answer
FETCH_SECONDS = 6.0  # how long a backbone chosen by name waits for the Hub to answer
REMEMBER_SECONDS = 60.0  # how long an answer of the Hub, or its silence, counts

log = logging.getLogger(__name__)

_FILES = ("config.json", "model.safetensors")  # what timm keeps in a repository of the Hub
_NESTS = ("teacher", "student", "model", "state_dict")  # of DINO's two networks, the teacher is the better one
_PREFIXES = ("module.", "backbone.", "_orig_mod.")  # left by DistributedDataParallel, DINO's wrapper and torch.compile
_HEADS = ("head.", "dino_head.", "ibot_head.")  # of the training


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of weights on this machine."""

    path: Path
    kind: str  # "local", "bundled" or "cached"
    source: str  # where it came from, in words


class _NoAnswer(ConnectionError):
    """No Hub has answered; the message is for the user."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why the Hub gives no weights, and what to do about it."""

    cause: str
    remedy: str
    unreachable: bool = False  # then no other repository can be had either

    def sentence(self, name: str, repo: str) -> str:
        folder = os.environ.get(WEIGHTS_DIR)
        where = f"here, nor in {WEIGHTS_DIR}={folder}" if folder else "here"
        by_hand = f" Or run `hf download {repo} {' '.join(_FILES)} --local-dir DIR/{name}` and set {WEIGHTS_DIR}=DIR."
        return f"The weights of {name} are not {where}: {self.cause}. {self.remedy}{by_hand if self.unreachable else ''}"


_answers: dict[str, tuple[float, _Refusal | None]] = {}  # by Hub or repository: when it answered what; None is yes


def find_weights(name: str, *, repo: str | None = None, file: Path | None = None) -> WeightFile | None:
    """Find the weights of a backbone on this machine, without network.

    Args:
        name: of the backbone, which is the stem of its files in SEGCORE_WEIGHTS_DIR and assets/.
        repo: where the Hub keeps it, or None.
        file: a named file; then nothing else is looked at.

    Returns:
        The first source that has them, or None. The file is not opened.
    """
    if file is not None:
        return WeightFile(file, "local", f"file {file.name}")
    for path, kind, source in _places(name):
        if path.is_file():
            return WeightFile(path, kind, source)
    cached = _cached(repo) if repo else None
    return WeightFile(cached, "cached", f"{repo}, in the local Hub cache") if cached else None


def _places(name: str) -> Iterator[tuple[Path, str, str]]:
    if folder := os.environ.get(WEIGHTS_DIR):
        for end in ("/model.safetensors", ".safetensors", ".pth", ".pt"):
            yield Path(folder).expanduser() / f"{name}{end}", "local", f"{WEIGHTS_DIR}/{name}{end}"
    yield ASSETS / name / "model.safetensors", "bundled", f"assets/{name}, bundled"


def _cached(repo: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    try:
        path = try_to_load_from_cache(repo, "model.safetensors")
    except OSError:  # a cache that cannot be read holds nothing for us
        return None
    return Path(path) if isinstance(path, str) else None


def get_weights(name: str, *, repo: str | None = None, file: Path | None = None) -> WeightFile:
    """Find the weights of a backbone, or download them into the Hub's cache; arguments as of `find_weights`.

    Raises:
        ModelError: they are not here and cannot be had; the sentence says why and what to do.

    Cost: without network at most about FETCH_SECONDS, and nothing for the next REMEMBER_SECONDS; with it, the download.
    """
    found = find_weights(name, repo=repo, file=file)
    if found:
        return found
    if repo is None:
        raise ModelError(
            f"The weights of {name} are neither in assets/{name} nor in the folder {WEIGHTS_DIR}, and no Hub has them. "
            "Restore the folder, or choose another backbone; color needs no weights.",
            backbone=name,
        )
    refusal = _ask(repo, FETCH_SECONDS, again=True) or _download(repo)
    path = _cached(repo)
    if path is None:
        refusal = refusal or _Refusal("the Hub's cache lost them right after the download", "Try again.")
        raise ModelError(refusal.sentence(name, repo), backbone=name)
    return WeightFile(path, "cached", f"{repo}, downloaded from the Hub")


def ask_hub(name: str, repo: str) -> str | None:
    """Ask the Hub whether it would give out the weights of a repository.

    Returns:
        None if it would, else why not and what to do, in whole sentences about the backbone `name`.

    Cost: one request of at most about ASK_SECONDS; none while an answer of the last REMEMBER_SECONDS counts, and none where
    HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.
    """
    refusal = _ask(repo, ASK_SECONDS, again=False)
    return refusal.sentence(name, repo) if refusal else None


def _ask(repo: str, seconds: float, *, again: bool) -> _Refusal | None:
    """Ask about `repo`; `again` repeats an answered question, but never waits twice for a Hub out of reach."""
    from huggingface_hub import constants

    # The client reads these variables when it is imported; a program may set them later.
    switches = (os.environ.get(switch, "") for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    if constants.HF_HUB_OFFLINE or any(switch.upper() in constants.ENV_VARS_TRUE_VALUES for switch in switches):
        return _Refusal("HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids the download", "Unset it.", unreachable=True)
    for key in (constants.ENDPOINT,) if again else (constants.ENDPOINT, repo):
        if key in _answers and monotonic() - _answers[key][0] < REMEMBER_SECONDS:
            return _answers[key][1]
    try:
        _head(repo, seconds)
    except _failures() as error:
        return _remember(repo, error)
    _answers[repo] = (monotonic(), None)
    return None


def _head(repo: str, seconds: float) -> None:
    """Request the headers of the weights once; raise what the client raises, or _NoAnswer.

    hf_hub_download alone repeats a request without answer, for minutes. The client's own timeout counts for each address of
    the Hub and leaves out the name server, hence the thread: it bounds the whole.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    outcome: list[Exception | None] = []

    def request() -> None:
        try:
            if get_hf_file_metadata(hf_hub_url(repo, _FILES[-1]), timeout=seconds).commit_hash is None:
                raise _NoAnswer("something else than a Hub answers there, such as a login page")
            outcome.append(None)
        except Exception as error:  # noqa: BLE001 - raised again by the caller's thread
            outcome.append(error)

    thread = threading.Thread(target=request, daemon=True, name="ask-hub")
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise _NoAnswer(f"no answer within {seconds:g} s")
    if outcome[0] is not None:
        raise outcome[0]


def _download(repo: str) -> _Refusal | None:
    from huggingface_hub import hf_hub_download

    try:
        for filename in _FILES:
            hf_hub_download(repo, filename, etag_timeout=FETCH_SECONDS)
    except _failures() as error:
        return _remember(repo, error, downloading=True)
    return None


def _failures() -> tuple[type[Exception], ...]:
    from huggingface_hub import errors

    # errors.HTTPError is the base class of whichever HTTP library the client uses; its Xet part raises RuntimeError.
    # A proxy whose scheme needs a package that is not here is an ImportError.
    return (errors.HTTPError, OSError, RuntimeError, ValueError, ImportError)


def _remember(repo: str, error: Exception, *, downloading: bool = False) -> _Refusal:
    from huggingface_hub import constants

    refusal = _explain(error, repo, downloading)
    _answers[constants.ENDPOINT if refusal.unreachable else repo] = (monotonic(), refusal)
    return refusal


def _explain(error: Exception, repo: str, downloading: bool) -> _Refusal:
    from huggingface_hub import constants, errors

    hub, cache = constants.ENDPOINT, constants.HF_HUB_CACHE
    status, number = getattr(getattr(error, "response", None), "status_code", None), getattr(error, "errno", None)
    log.info("%s of %s: %s", "download" if downloading else "request", repo, error.__cause__ or error)
    said = f" ({error})" if isinstance(error, _NoAnswer) else ""  # the system's own words help nobody
    # fmt: off
    cases = (  # the first that holds counts
        (isinstance(error, errors.GatedRepoError), "the Hub gives them out only after their licence is accepted",
         f"Accept it at {hub}/{repo}, then run `hf auth login`."),
        (status == 401, f"the Hub has no {repo}, or refuses the access token", "Run `hf auth logout` or `hf auth login`."),
        (status == 403, "the Hub forbids the download (HTTP 403)", "Run `hf auth login` with a token that may read them."),
        (status == 404, f"the Hub at {hub} has no {repo} with {' and '.join(_FILES)}", "Unset HF_ENDPOINT if it is set."),
        (status is not None, f"the Hub answers with HTTP {status}", "Try again in a few minutes."),
        (number in (errno.ENOSPC, errno.EDQUOT), f"the disk of {cache} is full", "Free space, or set HF_HOME elsewhere."),
        (number in (errno.EACCES, errno.EPERM, errno.EROFS), f"{cache} cannot be written", "Set HF_HOME elsewhere."),
        (downloading and not isinstance(error, errors.LocalEntryNotFoundError),
         "the download broke off", "Try again."),
    )
    # fmt: on
    for holds, cause, remedy in cases:
        if holds:
            return _Refusal(cause, remedy)
    if isinstance(error, ImportError):
        cause, remedy = (
            "the proxy that the environment names needs a package that is not here",
            "Unset ALL_PROXY, or install ",
        )
        return _Refusal(cause, f"{remedy}httpx[socks].", unreachable=True)
    cause, remedy = f"the Hub at {hub} cannot be reached{said}", "Connect to the network and try again in a minute."
    return _Refusal(cause, remedy, unreachable=True)


def read_state(path: Path, *, name: str) -> dict[str, Tensor]:
    """Read the tensors of a file of weights, without the wrappings that training code leaves around them.

    Args:
        path: a .safetensors file, or one that torch.save wrote, which then may hold nothing but tensors and plain values. A
            state dict may be nested under teacher, student, model or state_dict, or these words may begin its names, and so
            may module. and backbone., as in DINO's own files.
        name: of the backbone, for errors.

    Returns:
        float32 tensors; those of heads, also of DINO and iBOT, are left out.

    Raises:
        ModelError: the file is missing, damaged (also by the digest that a file of `pretrain` carries), could run code, or
            holds no named tensors, or NaN or infinite ones.
    """
    nest = _load(path, name)
    for _ in _NESTS:
        nest = next((inner for k in _NESTS if isinstance(nest, Mapping) and (inner := _inside(nest, k))), nest)
    state: dict[str, Tensor] = {}
    for key, x in nest.items() if isinstance(nest, Mapping) else ():
        if isinstance(key, str) and isinstance(x, Tensor) and x.is_floating_point() and x.layout == torch.strided:
            while key.startswith(_PREFIXES):
                key = key.partition(".")[2]
            if not key.startswith(_HEADS):
                state[key] = x.detach().float()
    if not state:
        raise ModelError(f"{path.name} holds no tensors by name. Give a state dict of a transformer.", backbone=name)
    damaged = next((key for key, x in state.items() if not x.isfinite().all()), None)
    if damaged:
        raise ModelError(
            f"The tensor {damaged} in {path.name} holds NaN or infinite values, so the file is damaged. Get it again.",
            backbone=name,
        )
    return state


def _inside(nest: Mapping[str, Any], word: str) -> Mapping[str, Any] | None:
    """What is nested under a word, as a mapping or by the first word of its names."""
    inner = nest.get(word)
    if isinstance(inner, Mapping):
        return inner
    start = f"{word}."
    return {k[len(start) :]: x for k, x in nest.items() if isinstance(k, str) and k.startswith(start)} or None


def _whole(path: Path, name: str) -> dict[str, Tensor]:
    tensors, metadata = read_safetensors(path)
    if not is_whole(tensors, metadata):
        raise ModelError(
            f"{path.name} is damaged: it holds other numbers than those whose digest it carries. Get it again.",
            backbone=name,
        )
    return tensors


def _load(path: Path, name: str) -> Any:
    if not path.is_file():
        raise ModelError(f"There is no file {path}. Give the path of a file of weights.", backbone=name)
    try:
        if path.suffix == ".safetensors":
            return _whole(path, name)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except ModelError:
        raise
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path.name} holds other things than tensors and plain values, or is damaged; reading it could run code, so it "
            "is refused. Save the bare state dict as .safetensors, or get the file again.",
            backbone=name,
        ) from error
    except Exception as error:  # damaged bytes make torch.load raise almost anything, AssertionError and BadZipFile included
        raise ModelError(
            f"{path.name} cannot be read; it is cut short, damaged, or of another format than its ending says. "
            "Get it again.",
            backbone=name,
        ) from error


def fingerprint(net: nn.Module) -> str:
    """16 hexadecimal digits of the weights of a network; other weights, other digits."""
    state = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(net.state_dict().items()):
        state.update(name.encode())
        state.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return state.hexdigest()
