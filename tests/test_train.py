"""What all trainings share, with a learner of one layer: budgets, seeds, steps, the loop, its file, and kinds of files."""

import dataclasses
import itertools
import json
import math

import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from segcore.errors import InputError, NumericalError
from segcore.heads.file import Head, head_bytes, read_head
from segcore.heads.linear import LinearHead
from segcore.learn import CATALOG, is_learned, load_learned
from segcore.nets.registry import NETS
from segcore.train.budget import Budget
from segcore.train.checkpoint import check_identity, checkpoint_path, load_checkpoint, save_checkpoint
from segcore.train.digest import signed
from segcore.train.file import HEAD, NET, kind_of, read_trained, trained_bytes
from segcore.train.learner import Learner, Loss
from segcore.train.run import train
from segcore.train.seeds import check_seed, seeded, stream
from segcore.train.step import move
from segcore.train.to_file import clear, drive, start_of

CPU = torch.device("cpu")


class Line(Learner):
    """Finds the slope of labelled points: a learner that needs truth, and keeps it beside its inputs."""

    learning_rate = 0.1

    def __init__(self):
        super().__init__()
        with seeded(7):
            self.net = nn.Linear(2, 1)
        self.register_buffer("mean", torch.zeros(2))
        self.seen = 0

    def get_extra_state(self):
        return {"seen": self.seen}

    def set_extra_state(self, state):
        self.seen = state["seen"]

    def losses(self, turn):
        x = torch.randn(4, 2, generator=turn.generator)
        truth = x @ torch.tensor([[2.0], [-1.0]])
        loss = (self.net(x) - truth).square().mean()
        return Loss(loss, {"error": float(loss.detach())})

    def follow(self, progress):  # noqa: ARG002
        self.mean.lerp_(self.net.weight.detach()[0], 0.5)
        self.seen += 1


def states(learner, *, steps=6, start=None, seed=0, identity=None, clock=None):
    budget = Budget(steps=steps, **({} if clock is None else {"clock": clock}))
    identity = {"seed": seed} if identity is None else identity
    return train(learner, budget=budget, seed=seed, device=CPU, identity=identity, stage="test", start=start)


def same(first, second):
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[key], b[key]) if isinstance(a[key], torch.Tensor) else a[key] == b[key] for key in a)


# ---- Budgets ----


def test_steps_are_counted():
    budget = Budget(steps=4)
    budget.step = 3
    assert budget.progress == 0.75


def test_minutes_are_those_of_all_runs():
    now = [100.0]
    budget = Budget(minutes=2, clock=lambda: now[0])
    now[0] += 30
    assert (budget.seconds, budget.progress) == (30, 0.25)
    budget.begin(step=5, seconds=60)  # what came before the clock began does not count
    now[0] += 30
    assert (budget.step, budget.seconds, budget.progress) == (5, 90, 0.75)


@pytest.mark.parametrize("asked", [{}, {"steps": 0}, {"minutes": 0}, {"minutes": math.nan}, {"minutes": math.inf}])
def test_a_budget_must_be_one(asked):
    with pytest.raises(InputError):
        Budget(**asked)


# ---- Seeds ----


def test_streams_are_repeatable_and_differ():
    draws = {(seed, i): float(torch.rand((), generator=stream(seed, i))) for seed in (0, 1) for i in (0, 1, 2)}
    assert len(set(draws.values())) == 6
    assert draws[1, 2] == float(torch.rand((), generator=stream(1, 2)))
    assert draws[1, 2] == float(torch.rand((), generator=torch.Generator().manual_seed(1_000_005)))  # as published


def test_first_weights_are_seeded_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    layers = []
    for seed in (0, 0, 1):
        with seeded(seed):
            layers.append(nn.Linear(3, 2).weight)
    assert torch.equal(layers[0], layers[1])
    assert not torch.equal(layers[0], layers[2])
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_seeds_have_bounds(seed):
    with pytest.raises(InputError, match="seed must be"):
        check_seed(seed)


# ---- One step ----


def one_step(loss, **how):
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    value = move(optimizer, [weight], loss(weight), step=5, stage="test", advice="Do something.", **how)
    return value, weight.detach().tolist()


def test_a_step_goes_down_the_gradient():
    assert one_step(lambda w: w.square().sum() / 2) == (12.5, [0.0, 0.0])


def test_a_long_gradient_is_clipped():
    _, weight = one_step(lambda w: w.square().sum() / 2, clip=1.0)
    assert weight == pytest.approx([3 - 0.6, 4 - 0.8], abs=1e-5)
    assert one_step(lambda w: w.square().sum() / 2, clip=100.0)[1] == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize(
    "loss", [lambda w: w.sum() * math.nan, lambda w: w.sum() / 0, lambda w: (w - w.detach()).abs().sqrt().sum()]
)
def test_a_step_without_a_finite_loss_and_gradient_is_not_taken(loss):
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with pytest.raises(NumericalError, match=r"The loss of step 5 is .* stays as it was after step 4\. Do something\."):
        move(optimizer, [weight], loss(weight), step=5, stage="test", advice="Do something.")
    assert weight.tolist() == [3, 4]


# ---- The loop ----


def test_a_training_that_goes_on_is_the_same_to_the_bit():
    whole, first, second = Line(), Line(), Line()
    *_, last = states(whole)
    *_, half = itertools.islice(states(first), 3)
    checkpoint = half.checkpoint()
    *_, end = states(second, start=checkpoint)
    assert (last.step, end.step, last.progress) == (6, 6, 1)
    assert last.loss == end.loss
    assert same(whole, second)
    assert second.seen == 6
    assert checkpoint.step == 3  # a copy: nothing has changed it


def test_the_loss_falls_and_the_rate_with_it():
    learner = Line()
    found = list(states(learner, steps=80))
    assert found[-1].loss < found[0].loss / 50
    assert found[0].parts == {"error": found[0].loss}
    rates = [x.checkpoint().optimizer["param_groups"][0]["lr"] for x in states(Line(), steps=4)]
    assert rates == pytest.approx([0.05 * (1 + math.cos(math.pi * i / 4)) for i in range(4)])


def test_what_is_held_does_not_move():
    class Held(Line):
        def hold(self, progress):  # noqa: ARG002
            self.net.bias.grad = None

    learner = Held()
    before = learner.net.bias.item()
    list(states(learner))
    assert learner.net.bias.item() == before


def test_another_training_is_refused():
    *_, half = itertools.islice(states(Line()), 2)
    with pytest.raises(InputError, match=r"The checkpoint is of .* another seed: 0, and now 1\. .*or begin anew"):
        next(states(Line(), seed=1, start=half.checkpoint()))
    broken = dataclasses.replace(half.checkpoint(), learner={})
    with pytest.raises(InputError, match="does not hold what this training needs"):
        next(states(Line(), start=broken))


# ---- To a file ----


def test_an_interrupted_training_goes_on_from_its_checkpoint(tmp_path):
    out = tmp_path / "a.safetensors"

    def interrupt(state):
        if state.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(states(Line()), out, on_state=interrupt)
    assert load_checkpoint(out).step == 4
    with pytest.raises(InputError, match="--resume"):
        start_of(out, resume=False)
    again, whole = Line(), Line()
    last = drive(states(again, start=start_of(out, resume=True)), out)
    list(states(whole))
    assert last.step == 6
    assert same(again, whole)
    clear(out)
    assert not checkpoint_path(out).exists()


def test_half_a_step_is_not_saved(tmp_path):
    class Torn(Line):
        def follow(self, progress):
            if self.seen == 2:
                raise KeyboardInterrupt
            super().follow(progress)

    out = tmp_path / "a.safetensors"
    with pytest.raises(KeyboardInterrupt):
        drive(states(Torn()), out, checkpoint_seconds=0)
    assert load_checkpoint(out).step == 2
    with pytest.raises(KeyboardInterrupt):
        drive(states(Torn()), tmp_path / "b.safetensors")
    assert load_checkpoint(tmp_path / "b.safetensors") is None


def test_checkpoints_are_written_now_and_then(tmp_path):
    out, now, seen = tmp_path / "a.safetensors", [0.0], []

    def told(state):
        now[0] += 10
        kept = load_checkpoint(out)
        seen.append(None if kept is None else kept.step)

    drive(states(Line()), out, clock=lambda: now[0], on_state=told, checkpoint_seconds=15)
    assert seen == [None, None, 3, 3, 5, 5]


def test_a_loss_that_is_no_number_leaves_the_last_good_step(tmp_path):
    class Broken(Line):
        def losses(self, turn):
            found = super().losses(turn)
            return dataclasses.replace(found, total=found.total * math.nan) if turn.step == 3 else found

    out = tmp_path / "a.safetensors"
    with pytest.raises(NumericalError, match="loss of step 4 is nan"):
        drive(states(Broken()), out)
    again, whole = Line(), Line()
    drive(states(again, start=start_of(out, resume=True)), out)
    list(states(whole))
    assert same(again, whole)


def test_a_budget_that_is_used_up_takes_no_step(tmp_path):
    *_, last = states(Line(), steps=3)
    assert drive(states(Line(), steps=3, start=last.checkpoint()), tmp_path / "a.safetensors") is None


def test_a_checkpoint_of_an_earlier_version_of_learn_is_read_and_one_of_pretrain_refused(tmp_path):
    """The files of both, written as those versions did."""
    from segcore.train.checkpoint import DIGEST, digest_of

    out = tmp_path / "a.safetensors"
    *_, half = itertools.islice(states(Line()), 3)
    kept = half.checkpoint()
    names = ("identity", "step", "seconds", "learner", "optimizer")
    learn = {"format": 2, **{name: getattr(kept, name) for name in names}}
    torch.save({**learn, DIGEST: digest_of(learn)}, checkpoint_path(out))
    found = load_checkpoint(out)
    check_identity(found, {"seed": 0})
    with pytest.raises(InputError, match=r"a\.safetensors\.checkpoint is of a training with another seed.*delete it to"):
        check_identity(found, {"seed": 1})
    *_, last = states(Line(), start=found)
    assert last.step == 6
    pretrain = {"format": 2, "identity": {}, "n_steps": 3, "seconds": 1.0, "student": {}, "teacher": {}, "optimizer": {}}
    torch.save({**pretrain, DIGEST: digest_of(pretrain)}, checkpoint_path(out))
    with pytest.raises(InputError, match=r"is of another kind of training\. Delete it"):
        load_checkpoint(out)
    save_checkpoint(out, kept)
    assert load_checkpoint(out).step == 3


# ---- Files ----


def a_head():
    linear = LinearHead(torch.arange(6.0).reshape(3, 2), torch.tensor([0.5, -0.5]), 0.25, (), converged=True)
    return Head(linear, (3, 7), ("sky", "Straße"), "color", "key", (-1,), 320, "none")


def test_kinds_of_files(tmp_path):
    net, head, other = (tmp_path / f"{name}.safetensors" for name in ("net", "head", "other"))
    net.write_bytes(trained_bytes(NET, {"a": torch.ones(2)}, {"system": "iic"}))
    head.write_bytes(head_bytes(a_head()))
    save_file({"patch_embed.proj.weight": torch.ones(2)}, other, metadata={"format": "pt", "config": "{}"})
    (tmp_path / "text.safetensors").write_text("no tensors")
    assert [kind_of(path) for path in (net, head, other)] == [NET, HEAD, ""]
    assert [kind_of(tmp_path / name) for name in ("text.safetensors", "missing", ".")] == ["", "", ""]
    assert (is_learned(net), is_learned(head)) == (True, False)
    found = read_trained(net)
    assert (found.kind, dict(found.about), found.whole) == (NET, {"system": "iic"}, True)


def test_one_changed_bit_of_a_head_is_noticed():
    data = bytearray(head_bytes(a_head()))
    assert read_head(bytes(data)).names == ("sky", "Straße")
    data[-2] ^= 1
    with pytest.raises(InputError, match="damaged"):
        read_head(bytes(data))


def test_a_head_of_the_earlier_version_is_read():
    head = a_head()
    about = {
        "labels": [3, 7], "names": ["sky", "Straße"], "backbone": "color", "facet": "key", "blocks": [-1], "max_side": 320,
        "weights": "none", "loss": 0.25,
    }  # fmt: skip
    words = {"format": "segcore linear head 1", "head": json.dumps(about, ensure_ascii=False)}
    found = read_head(save({"weight": head.linear.weight, "bias": head.linear.bias}, words))
    assert torch.equal(found.linear.weight, head.linear.weight)
    assert [getattr(found, f.name) for f in dataclasses.fields(Head)[1:]] == [
        getattr(head, f.name) for f in dataclasses.fields(Head)[1:]
    ]


def test_a_network_of_the_earlier_version_is_read(tmp_path):
    path, settings = tmp_path / "net.safetensors", CATALOG["iic"].settings(width=0.0625)
    with seeded(0):
        net = CATALOG["iic"].make_net(3, settings)
    about = {
        "system": "iic", "n_segments": 3, "settings": settings.to_dict(), "names": ["a", "b", "c"], "training": {"steps": 1},
    }  # fmt: skip
    state = {name: x.contiguous() for name, x in net.state_dict().items()}
    path.write_bytes(save(state, signed(state, {"format": "pt", "learned": json.dumps(about)})))
    assert kind_of(path) == NET
    found = load_learned(path)
    assert (found.system, found.names, found.training) == ("iic", ("a", "b", "c"), {"steps": 1})
    assert all(torch.equal(found.net.state_dict()[name], x) for name, x in state.items())


# ---- Networks ----


@pytest.mark.parametrize("name", NETS)
def test_networks_keep_their_contract(name):
    """Of any size, on a grid of their stride, with probabilities that sum to 1."""
    with seeded(0):
        net = NETS[name].make(4).eval()
    pixels = torch.rand(2, 3, 40, 56, generator=stream(0, 0))
    with torch.no_grad():
        features, scores = net.features(pixels), net.scores(pixels)
    assert features.shape[0] == 2
    assert features.shape[2:] == (-(-40 // net.stride), -(-56 // net.stride))
    assert scores.shape[:2] == (2, 4)
    assert float(scores.min()) >= 0
    assert torch.allclose(scores.sum(1), torch.ones(()), atol=1e-4)
    assert NETS[name].title
    assert NETS[name].summary.endswith(".")
