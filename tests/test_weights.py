"""Where weights come from, and that no file can do worse than be refused with a sentence."""

import errno
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from segcore.errors import ModelError
from segcore.features import weights
from segcore.features.weights import ask_hub, find_weights, get_weights, read_state
from tests.checkpoints import isolate, serve_hub, write_cache, write_folder

NAME, REPO = "dino_vits16", "timm/vit_small_patch16_224.dino"
STATE = {"cls_token": torch.arange(4.0).reshape(1, 1, 4), "norm.weight": torch.ones(4)}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serve_hub() as hub:
        isolate(monkeypatch, tmp_path, hub=hub.address)
        hub.add(REPO, write_folder(tmp_path / "published", STATE, {"architecture": "vit_small_patch16_224"}).parent)
        yield hub


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until told: clock[0] is the time in seconds."""
    now = [1000.0]
    monkeypatch.setattr(weights, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def heads(monkeypatch):
    """The timeouts of all requests for headers that the real client was asked to make."""
    import huggingface_hub

    real, timeouts = huggingface_hub.get_hf_file_metadata, []

    def counted(url, *, timeout):
        timeouts.append(timeout)
        return real(url, timeout=timeout)

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", counted)
    return timeouts


def assert_same_state(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


# Sources


def test_nearer_source_wins(monkeypatch, tmp_path):
    from huggingface_hub import constants

    file = write_folder(tmp_path / "mine", STATE)
    cached = write_cache(tmp_path / "hub", REPO, STATE, {})
    assert str(tmp_path / "hub") == constants.HF_HUB_CACHE
    bundled = write_folder(tmp_path / "assets" / NAME, STATE)
    local = write_folder(tmp_path / "weights" / NAME, STATE)
    monkeypatch.setenv("SEGCORE_WEIGHTS_DIR", str(tmp_path / "weights"))
    expected = [(file, "local"), (local, "local"), (bundled, "bundled"), (cached, "cached")]
    found = [find_weights(NAME, repo=REPO, file=file)]
    for path in (local, bundled, cached):
        found.append(find_weights(NAME, repo=REPO))
        path.unlink()
    assert [(f.path, f.kind) for f in found] == expected
    assert find_weights(NAME, repo=REPO) is None


@pytest.mark.parametrize("where", [f"{NAME}/model.safetensors", f"{NAME}.safetensors", f"{NAME}.pth", f"{NAME}.pt"])
def test_weights_dir_may_hold_folders_or_files(monkeypatch, tmp_path, where):
    path = tmp_path / where
    path.parent.mkdir(exist_ok=True)
    path.touch()
    monkeypatch.setenv("SEGCORE_WEIGHTS_DIR", str(tmp_path))
    found = find_weights(NAME)
    assert found.path == path
    assert found.source == f"SEGCORE_WEIGHTS_DIR/{where}"


def test_config_in_the_cache_without_weights_is_no_find(tmp_path):
    write_cache(tmp_path / "hub", REPO, STATE, {}).unlink()
    assert find_weights(NAME, repo=REPO) is None


def test_cache_that_cannot_be_read_is_no_find(tmp_path):
    snapshots = write_cache(tmp_path / "hub", REPO, STATE, {}).parents[1]
    snapshots.rename(tmp_path / "elsewhere")
    snapshots.touch()
    assert find_weights(NAME, repo=REPO) is None


def test_weights_that_no_hub_has_are_named_with_a_remedy():
    with pytest.raises(ModelError, match=r"dino_tiny are neither in assets/dino_tiny.*choose another") as caught:
        get_weights("dino_tiny")
    assert caught.value.backbone == "dino_tiny"


# The Hub


def test_download_gives_the_published_file_and_the_next_time_asks_nobody(hub):
    got = get_weights(NAME, repo=REPO)
    assert_same_state(read_state(got.path, name=NAME), STATE)
    assert (got.path.with_name("config.json")).is_file()
    assert got.source == f"{REPO}, downloaded from the Hub"
    hub.asked.clear()
    again = get_weights(NAME, repo=REPO)
    assert (again.path, again.kind, hub.asked) == (got.path, "cached", [])


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (403, {"X-Error-Code": "GatedRepo"}, f"licence is accepted. Accept it at .*/{REPO}, then run `hf auth login`"),
        (401, {"X-Error-Code": "GatedRepo"}, "licence is accepted"),
        (401, {"X-Error-Code": "RepoNotFound"}, f"has no {REPO}, or refuses the access token"),
        (403, {}, r"forbids the download \(HTTP 403\).*hf auth login"),
        (404, {"X-Error-Code": "RepoNotFound"}, f"has no {REPO} with config.json and model.safetensors"),
        (404, {"X-Error-Code": "EntryNotFound"}, f"has no {REPO} with"),
        (429, {}, "HTTP 429. Try again"),
        (503, {}, "HTTP 503. Try again"),
    ],
)
def test_refusals_of_the_hub_are_sentences(hub, status, headers, sentence):
    hub.refuse[REPO] = (status, headers)
    with pytest.raises(ModelError, match=f"The weights of {NAME} are not here: .*{sentence}"):
        get_weights(NAME, repo=REPO)
    assert hub.asked == [f"HEAD {REPO}/model.safetensors"]  # one request settles it


def test_config_missing_on_the_hub_is_a_sentence(hub):
    del hub.files[f"{REPO}/config.json"]
    with pytest.raises(ModelError, match=f"has no {REPO} with config.json"):
        get_weights(NAME, repo=REPO)


def test_something_else_than_a_hub_answers(hub):
    """A captive portal answers 200 to everything, but lacks the headers of a Hub."""
    hub.headers.clear()
    with pytest.raises(ModelError, match=r"cannot be reached .something else than a Hub answers"):
        get_weights(NAME, repo=REPO)


def test_interrupted_download_is_a_sentence_and_leaves_nothing_behind(hub, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)  # between its attempts
    hub.cut.add(REPO)
    with pytest.raises(ModelError, match=r"the download broke off. Try again."):
        get_weights(NAME, repo=REPO)
    assert find_weights(NAME, repo=REPO) is None
    hub.cut.clear()
    assert_same_state(read_state(get_weights(NAME, repo=REPO).path, name=NAME), STATE)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the disk of .*hub is full. Free space"),
        (errno.EROFS, "hub cannot be written. Set HF_HOME"),
        (errno.EACCES, "hub cannot be written. Set HF_HOME"),
        (errno.EIO, "the download broke off"),
    ],
)
def test_trouble_with_the_disk_is_a_sentence(hub, monkeypatch, number, sentence):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("huggingface_hub.file_download.http_get", fail)
    with pytest.raises(ModelError, match=sentence):
        get_weights(NAME, repo=REPO)


def test_closed_port_is_found_by_one_bounded_request_and_remembered(heads, clock):
    with pytest.raises(ModelError, match=r"cannot be reached.*Connect to the network.*hf download.*SEGCORE_WEIGHTS_DIR=DIR"):
        get_weights(NAME, repo=REPO)
    assert heads == [weights.FETCH_SECONDS]
    assert weights.FETCH_SECONDS + weights.ASK_SECONDS < 10
    clock[0] += weights.REMEMBER_SECONDS - 1
    with pytest.raises(ModelError, match=r"The weights of dino_vits8 are not here.*hf download timm/other"):
        get_weights("dino_vits8", repo="timm/other")  # no Hub is no Hub for every repository
    assert ask_hub(NAME, REPO) is not None
    assert len(heads) == 1
    clock[0] += 2
    assert ask_hub(NAME, REPO) is not None
    assert heads == [weights.FETCH_SECONDS, weights.ASK_SECONDS]


def test_silent_hub_is_given_up_as_a_whole(monkeypatch):
    """A name server or a firewall that swallows packets is bounded too, not only each of the client's attempts."""
    import threading

    import huggingface_hub

    release = threading.Event()
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda _url, **_: release.wait())
    monkeypatch.setattr(weights, "FETCH_SECONDS", 0.05)
    with pytest.raises(ModelError, match=r"cannot be reached \(no answer within 0.05 s\)"):
        get_weights(NAME, repo=REPO)
    release.set()


def test_hub_is_asked_once_a_minute(hub, heads, clock):
    assert [ask_hub(NAME, REPO), ask_hub(NAME, REPO)] == [None, None]
    assert heads == [weights.ASK_SECONDS]
    clock[0] += weights.REMEMBER_SECONDS + 1
    assert ask_hub(NAME, REPO) is None
    assert len(heads) == 2


def test_refusal_counts_for_auto_but_a_person_may_try_again(hub, heads, clock):
    """Whoever accepts the licence wants to go on at once; "auto" need not ask at every picture."""
    hub.refuse[REPO] = (403, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(ModelError, match="licence"):
        get_weights(NAME, repo=REPO)
    assert "licence" in ask_hub(NAME, REPO)
    assert len(heads) == 1
    hub.refuse.clear()
    assert get_weights(NAME, repo=REPO).path.is_file()


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_switch_forbids_every_request(hub, heads, monkeypatch, switch):
    monkeypatch.setenv(switch, "1")
    with pytest.raises(ModelError, match=r"HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids the download. Unset it."):
        get_weights(NAME, repo=REPO)
    assert "HF_HUB_OFFLINE" in ask_hub(NAME, REPO)
    monkeypatch.setenv(switch, "0")
    assert heads == hub.asked == []
    assert ask_hub(NAME, REPO) is None


def test_offline_switch_read_by_the_client_counts_too(hub, heads, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in ask_hub(NAME, REPO)
    assert heads == []


def test_empty_weights_dir_is_named_in_the_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGCORE_WEIGHTS_DIR", str(tmp_path / "typo"))
    assert f"nor in SEGCORE_WEIGHTS_DIR={tmp_path / 'typo'}" in ask_hub(NAME, REPO)


# Files


@pytest.fixture
def save(tmp_path):
    """Write an object by the suffix of its name."""

    def write(name, content):
        path = tmp_path / name
        save_file(content, path) if name.endswith(".safetensors") else torch.save(content, path)
        return path

    return write


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a.pt"])
def test_state_survives_the_file(save, name):
    assert_same_state(read_state(save(name, STATE), name=NAME), STATE)


def test_old_files_of_torch_are_read(tmp_path):
    torch.save(STATE, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_same_state(read_state(tmp_path / "old.pth", name=NAME), STATE)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"teacher": {f"module.backbone.{k}": x for k, x in s.items()}, "epoch": 3},
        lambda s: {"student": {f"module.backbone.{k}": x for k, x in s.items()}, "optimizer": {"lr": 0.1}},
        lambda s: {"model": {"state_dict": {f"backbone.{k}": x for k, x in s.items()}}},
        lambda s: {"state_dict": {f"_orig_mod.{k}": torch.nn.Parameter(x) for k, x in s.items()}},
        lambda s: {**s, "head.weight": torch.ones(2, 4), "head.mlp.0.bias": torch.ones(2), "step": torch.tensor(7)},
        lambda s: {k: x.half() for k, x in s.items()},
    ],
    ids=["teacher", "student", "twice nested", "compiled parameters", "head and counters", "half precision"],
)
def test_wrappings_of_training_code_come_off(save, wrap):
    got = read_state(save("a.pth", wrap(STATE)), name=NAME)
    assert_same_state(got, STATE)
    assert all(x.dtype == torch.float32 and not x.requires_grad for x in got.values())


def test_teacher_is_taken_before_the_student(save):
    other = {key: x + 1 for key, x in STATE.items()}
    assert_same_state(read_state(save("a.pth", {"student": other, "teacher": STATE}), name=NAME), STATE)


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def test_pickle_that_would_run_code_is_refused_and_does_not_run(save, tmp_path):
    marker = tmp_path / "ran"
    path = save("bomb.pth", {**STATE, "extra": Bomb(str(marker))})
    with pytest.raises(ModelError, match=r"bomb.pth holds other things than tensors.*refused. Save the bare state dict"):
        read_state(path, name=NAME)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # the bomb was live


def test_bare_pickle_is_refused_and_does_not_run(tmp_path):
    (tmp_path / "bomb.pth").write_bytes(pickle.dumps(Bomb(str(tmp_path / "ran")), protocol=2))
    with pytest.raises(ModelError, match=r"bomb.pth"):
        read_state(tmp_path / "bomb.pth", name=NAME)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_file_cut_short_is_refused(save, name, share):
    path = save(name, {**STATE, "big": torch.ones(64, 64)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelError, match=r"(cut short, damaged|or is damaged).*[Gg]et (it|the file) again"):
        read_state(path, name=NAME)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("old", [False, True])
def test_flipped_bytes_give_tensors_or_a_sentence(tmp_path, generator, old):
    """torch.load fails in a dozen ways on such files; none of them comes through."""
    torch.save(STATE, tmp_path / "a.pth", _use_new_zipfile_serialization=not old)
    whole = (tmp_path / "a.pth").read_bytes()
    refused = 0
    for _ in range(200):
        content = bytearray(whole)
        for at, value in zip(*torch.randint(0, 256 * len(whole), (2, 4), generator=generator).tolist(), strict=True):
            content[at % len(whole)] = value % 256
        (tmp_path / "b.pth").write_bytes(content)
        try:
            read_state(tmp_path / "b.pth", name=NAME)
        except ModelError:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"<html>Not found</html>", bytes(64)])
def test_file_of_another_format_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        read_state(tmp_path / name, name=NAME)


def test_file_with_the_wrong_ending_is_refused(save):
    path = save("a.pth", STATE)
    wrong = path.rename(path.with_suffix(".safetensors"))
    with pytest.raises(ModelError, match="of another format than its ending says"):
        read_state(wrong, name=NAME)


@pytest.mark.parametrize(
    "content", [[1, 2], torch.ones(3), {}, {"epoch": 1}, {"a": {"b": torch.ones(1)}}, {3: torch.ones(1)}]
)
def test_file_without_named_tensors_is_refused(save, content):
    with pytest.raises(ModelError, match=r"a.pth holds no tensors by name. Give"):
        read_state(save("a.pth", content), name=NAME)


def test_nest_that_holds_itself_ends(save):
    nest = {}
    nest["model"] = nest
    with pytest.raises(ModelError, match="holds no tensors by name"):
        read_state(save("a.pth", nest), name=NAME)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_tensor_that_is_not_finite_is_named(save, value):
    bad = torch.ones(4)
    bad[2] = value
    with pytest.raises(ModelError, match=r"tensor norm.bias in a.safetensors holds NaN or infinite values.*Get it again"):
        read_state(save("a.safetensors", {**STATE, "norm.bias": bad}), name=NAME)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"There is no file .*absent.pth"):
        read_state(tmp_path / "absent.pth", name=NAME)
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(ModelError, match="There is no file"):
        read_state(tmp_path / "folder.safetensors", name=NAME)


def test_what_the_system_says_stands_in_the_log_only(hub, monkeypatch, caplog):
    def fails(*_args, **_kwargs):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", fails)
    with caplog.at_level("INFO", "segcore"), pytest.raises(ModelError, match=r"cannot be reached\. Connect") as error:
        get_weights(NAME, repo=REPO)
    assert "Name or service" not in str(error.value)
    assert "Name or service not known" in caplog.text
