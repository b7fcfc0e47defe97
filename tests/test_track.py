"""Trackers: what holds of any of them, and the theory of each."""

from dataclasses import replace

import networkx
import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from segcore.errors import InputError
from segcore.metrics.tracking import tracking_scores
from segcore.runtime.steps import finish
from segcore.runtime.stopping import Stopped
from segcore.settings import params
from segcore.track.catalog import TRACKERS, tracker_of
from segcore.track.detections import Detections, empty
from segcore.track.finish import filled, numbers, score_costs
from segcore.track.flow import cheapest_paths, nearest_paths
from segcore.track.graph import make_graph
from segcore.track.kalman import SortFilter
from segcore.track.message_net import MessageNet, net_input
from segcore.track.message_training import edge_labels, load_net, net_bytes, train_net
from segcore.track.run import track
from segcore.track.scenes import SCENES, make_scene
from segcore.track.settings import FlowSettings, MessageTrainingSettings
from segcore.track.state import violated
from segcore.track.trackers.byte import worth
from segcore.track.trackers.flow import link_costs
from segcore.track.trackers.hungarian import cheapest
from segcore.track.trackers.iou import greedy as greedy_pairs
from segcore.track.trackers.message_passing import greedy, rounded
from segcore.types import Boxes

CLEAN = {"misses": 0.0, "false_alarms": 0.0, "noise": 0.0, "jitter": 0.0, "occlusion": 0.0}


def rng(seed=0):
    return np.random.default_rng(seed)


def scores(scene, name, **settings):
    return tracking_scores(scene.truth, track(scene.detections, name, **settings).boxes)


def random_graph(seed, n=24, reach=3):
    """Detections in frames of four, and edges to some of the next frames; costs of any sign."""
    r = rng(seed)
    frame = np.arange(n) // 4
    pairs = [(i, j) for i in range(n) for j in range(n) if 0 < frame[j] - frame[i] <= reach and r.uniform() < 0.6]
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    return edges, r.uniform(-1, 3, len(edges)), r.normal(-1, 1.5, n), r.uniform(0, 2, n), r.uniform(0, 2, n)


# ---- All trackers ----


@pytest.mark.parametrize("name", TRACKERS)
def test_figures_that_are_seen_clearly_keep_their_identity(name):
    scene = make_scene("easy", 1, **CLEAN)
    s = scores(scene, name)
    assert (s["switches"], s["fp"], s["fn"]) == (0, 0, 0)
    assert s["idf1"] == 1.0


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize("kind", ["crowd", "false_alarms"])
def test_states_and_results_of_all_trackers(name, kind):
    found = make_scene(kind, 2, n_frames=14).detections
    states = []
    tracks = finish(TRACKERS[name].run(found), states.append)
    assert len({state.name for state in states}) == len(states)
    for state in states:
        assert state.ids.shape == (len(found),)
        assert (found.frame[state.edges[:, 0]] < found.frame[state.edges[:, 1]]).all()
        assert state.weight.shape == state.kept.shape == (len(state.edges),)
        assert ((state.weight >= 0) & (state.weight <= 1)).all()
        for t in range(found.n_frames):  # in a frame a track has one box
            ids = state.ids[found.of_frame(t)]
            assert len(np.unique(ids[ids > 0])) == (ids > 0).sum()
    assert set(tracks.ids.tolist()) - {0} <= set(tracks.boxes.identity.tolist())
    keys = np.stack([tracks.boxes.frame, tracks.boxes.identity], 1)
    assert len(np.unique(keys, axis=0)) == len(keys)
    assert tracks.tracker == name


@pytest.mark.parametrize("name", TRACKERS)
def test_nothing_to_track_is_no_trouble(name):
    assert track(empty(5, (64, 48)), name).n_tracks == 0
    one = Detections(np.array([3]), np.array([[1.0, 2, 3, 4]]), np.array([0.9]), 5, (64, 48))
    assert track(one, name, least=1).n_tracks <= 1


@pytest.mark.parametrize("name", TRACKERS)
def test_the_order_within_a_frame_counts_for_nothing(name):
    found = make_scene("crowd", 4, n_frames=12).detections
    order = rng(1).permutation(len(found))
    order = order[np.argsort(found.frame[order], kind="stable")]
    a, b = track(found, name), track(found.only(order), name)
    same, turned = a.ids[order], b.ids
    assert {tuple(np.flatnonzero(same == i)) for i in np.unique(same[same > 0])} == {
        tuple(np.flatnonzero(turned == i)) for i in np.unique(turned[turned > 0])
    }


@pytest.mark.parametrize("name", ["sort", "message_passing"])
def test_a_tracker_that_is_stopped_gives_what_it_has(name):
    found = make_scene("easy", 0, n_frames=12).detections
    left = [6]

    def check():
        left[0] -= 1
        if left[0] < 0:
            raise Stopped

    tracks = track(found, name, check=check)
    assert dict(tracks.facts) == {"stopped": "yes"}
    assert tracks.boxes.frame.max(initial=0) < 6


def test_settings_are_checked_and_written_once():
    with pytest.raises(InputError, match="tracker must be one of iou, hungarian"):
        tracker_of("kalman")
    with pytest.raises(InputError, match="least_iou must be a number from"):
        track(empty(1, (8, 8)), "iou", least_iou=7)
    with pytest.raises(InputError, match="There is no setting named iou"):
        track(empty(1, (8, 8)), "iou", iou=0.5)
    for tracker in TRACKERS.values():
        assert all(p.label and p.info for p in params(tracker.settings).values())


def test_short_tracks_are_left_out_and_gaps_filled():
    boxes = Boxes.sorted([0, 1, 4, 2], [1, 1, 1, 2], [(0, 0, 4, 4), (3, 0, 4, 4), (12, 6, 4, 10), (9, 9, 9, 9)])
    full = filled(boxes, 2)
    own = full.identity == 1
    assert full.frame[own].tolist() == [0, 1, 2, 3, 4]
    assert full.box[own][2:4].tolist() == [[6, 2, 4, 6], [9, 4, 4, 8]]
    assert len(filled(boxes, 1)) == len(boxes)
    found = make_scene("false_alarms", 0).detections
    assert np.bincount(track(found, "iou", least=5).ids)[1:].max() >= 5
    counts = np.bincount(track(found, "iou", least=5).ids)[1:]
    assert (counts[counts > 0] >= 5).all()


def test_bad_detections_are_told():
    with pytest.raises(InputError, match="Frames of detections must ascend"):
        Detections(np.array([1, 0]), np.ones((2, 4)), np.ones(2), 2, (8, 8))
    with pytest.raises(InputError, match="Detection 1 has box"):
        Detections(np.array([0, 1]), np.array([[0, 0, 1, 1], [0, 0, 0, 1.0]]), np.ones(2), 2, (8, 8))
    with pytest.raises(InputError, match="score must have an entry for each of the 2"):
        Detections(np.array([0, 1]), np.ones((2, 4)), np.ones(3), 2, (8, 8))


# ---- Scenes ----


@pytest.mark.parametrize("name", SCENES)
def test_scenes_are_seeded_and_true(name):
    a, b = make_scene(name, 5, 12), make_scene(name, 5, 12)
    assert np.array_equal(a.detections.boxes, b.detections.boxes)
    assert np.array_equal(a.draw(3), b.draw(3))
    assert not np.array_equal(a.truth.box, make_scene(name, 6, 12).truth.box)
    assert a.draw(0).shape == (*a.detections.size[::-1], 3)
    seen = set(np.unique(a.labels(3)).tolist()) - {0}
    assert seen <= set(a.truth.identity[a.truth.frame == 3].tolist())
    real = a.detections.only(a.detections.identity > 0)
    assert len(real) <= len(a.truth)


def test_misses_and_false_alarms_are_as_many_as_asked_for():
    scene = make_scene("crowd", 0, 40, misses=0.3, false_alarms=2.0, occlusion=0.0)
    identity = scene.detections.identity
    assert (identity > 0).sum() / len(scene.truth) == pytest.approx(0.7, abs=0.05)
    assert (identity == 0).sum() / 40 == pytest.approx(2, abs=0.6)


def test_what_is_hidden_is_not_detected():
    scene = make_scene("occluder", 0, misses=0.0, occlusion=0.5)
    assert len(scene.truth) - (scene.detections.identity > 0).sum() == (scene.visible < 0.5).sum() > 0


# ---- Matching and filtering ----


@pytest.mark.parametrize("seed", range(5))
def test_matchings(seed):
    r = rng(seed)
    cost = r.uniform(size=(6, 8))
    allowed = cost < 0.5
    best, quick = cheapest(cost, allowed), greedy_pairs(cost, allowed)
    for pairs in (best, quick, worth(cost, 0.5)):
        assert len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1])) == len(pairs)
        assert allowed[pairs[:, 0], pairs[:, 1]].all()
    graph = networkx.Graph([(i, 10 + j) for i, j in np.argwhere(allowed)])
    size = len(networkx.max_weight_matching(graph, maxcardinality=True))
    assert len(best) == size >= len(quick)
    gain = (0.5 - cost)[tuple(worth(cost, 0.5).T)].sum()
    rows, columns = linear_sum_assignment(np.maximum(0.5 - cost, 0), maximize=True)
    assert gain == pytest.approx(np.maximum(0.5 - cost, 0)[rows, columns].sum())
    assert gain >= (0.5 - cost)[tuple(quick.T)].sum() - 1e-12


def test_the_filter_learns_a_constant_speed():
    sort = SortFilter()
    at = lambda t: np.array([[10 + 3.0 * t, 20 - 1.0 * t, 30 + 0.1 * t, 60 + 0.2 * t]])  # noqa: E731
    belief = sort.begin(at(0))
    for t in range(1, 25):
        belief = sort.update(sort.predict(belief), at(t))
    assert sort.boxes(sort.predict(belief)) == pytest.approx(at(25), abs=0.1)
    assert np.linalg.eigvalsh(belief.P[0]).min() > 0
    assert belief.P[0] == pytest.approx(belief.P[0].T, abs=1e-6)


def test_sort_has_the_scores_that_its_authors_publish(data):
    """MOTA 62.7, MOTP 73.7, FP 15, FN 113, 6 switches, 9 fragments, MT 6, PT 2, ML 0 on its own detections of TUD-Campus."""
    from segcore.track.files import read_boxes, read_detections

    folder = data / "tracking" / "mot15" / "TUD-Campus"
    found = track(read_detections(folder / "det.txt"), "sort")
    s = tracking_scores(read_boxes(folder / "gt.txt", truth=True), found.boxes)
    assert (round(100 * s["mota"], 1), round(100 * s["motp"], 1)) == (62.7, 73.7)
    assert [s[k] for k in ("fp", "fn", "switches", "fragmentations", "mt", "pt", "ml")] == [15, 113, 6, 9, 6, 2, 0]


def test_byte_keeps_a_track_alive_by_boxes_of_low_score():
    n = 20
    frame = np.arange(n)
    boxes = np.stack([10 + 2.0 * frame, np.full(n, 30.0), np.full(n, 20.0), np.full(n, 50.0)], 1)
    score = np.where((frame > 6) & (frame < 12), 0.3, 0.9)
    found = Detections(frame, boxes, score, n, (128, 96))
    assert track(found, "byte").ids.tolist() == [1] * n
    assert (track(found, "byte", low=0.5).ids[7:12] == 0).all()


# ---- Flow ----


@pytest.mark.parametrize("seed", range(40))
def test_three_ways_to_the_cheapest_paths(seed):
    """The linear program, one assignment problem, and successive shortest paths cost the same; the first is integral."""
    edges, link, node, enter, leave = random_graph(seed)
    n = len(node)
    flow = cheapest_paths(n, edges, link, node, enter, leave)
    assert flow.fraction < 1e-9
    assert len(violated(edges, flow.kept, n)) == 0
    cost = np.full((2 * n, 2 * n), 1e6)
    cost[edges[:, 0], edges[:, 1]] = link + node[edges[:, 0]]
    cost[np.arange(n), np.arange(n)] = 0  # off
    cost[np.arange(n), n + np.arange(n)] = leave + node
    cost[n + np.arange(n), np.arange(n)] = enter
    cost[n:, n:] = 0
    rows, columns = linear_sum_assignment(cost)
    assert flow.cost == pytest.approx(cost[rows, columns].sum(), abs=1e-9)
    graph = networkx.DiGraph()
    whole = lambda x: round(1e6 * x)  # noqa: E731
    for i in range(n):
        graph.add_edge("s", ("u", i), capacity=1, weight=whole(enter[i]))
        graph.add_edge(("u", i), ("v", i), capacity=1, weight=whole(node[i]))
        graph.add_edge(("v", i), "t", capacity=1, weight=whole(leave[i]))
    for (i, j), c in zip(edges.tolist(), link, strict=True):
        graph.add_edge(("v", i), ("u", j), capacity=1, weight=whole(c))
    graph.add_edge("t", "s", capacity=n, weight=0)
    assert flow.cost == pytest.approx(networkx.network_simplex(graph)[0] / 1e6, abs=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_the_flow_costs_no_more_than_greedy_paths(seed):
    """Greedy: links by rising cost, as long as they pay for themselves; paths that do not pay are left out."""
    edges, link, node, enter, leave = random_graph(seed)
    n = len(node)
    saved = enter[edges[:, 1]] + leave[edges[:, 0]] - link
    kept = greedy(n, edges, saved, 0.0)
    ids = numbers(n, edges[kept])
    last = np.setdiff1d(np.arange(n), edges[kept, 0])
    first = np.setdiff1d(np.arange(n), edges[kept, 1])
    total = 0.0
    for path in np.unique(ids):
        on = ids == path
        own = kept & on[edges[:, 0]]
        cost = node[on].sum() + link[own].sum() + enter[first[on[first]]].sum() + leave[last[on[last]]].sum()
        total += min(0.0, cost)
    assert cheapest_paths(n, edges, link, node, enter, leave).cost <= total + 1e-9


@pytest.mark.parametrize("seed", range(200))
def test_rounding_is_feasible_integral_and_best(seed):
    edges, *_ = random_graph(seed, n=16)
    yhat = rng(seed).uniform(size=len(edges))
    kept, fraction = nearest_paths(16, edges, yhat)
    assert fraction < 1e-9
    assert len(violated(edges, kept, 16)) == 0
    for other in (greedy(16, edges, yhat, 0.5), kept & False):
        assert len(violated(edges, other, 16)) == 0
        assert (yhat[kept] - 0.5).sum() >= (yhat[other] - 0.5).sum() - 1e-9


def test_paths_of_the_flow_pay_for_themselves():
    found = make_scene("crowd", 3, n_frames=16).detections
    states = []
    tracks = finish(TRACKERS["flow"].run(found), states.append)
    graph = make_graph(found)
    link, node = link_costs(graph, FlowSettings()), score_costs(found.score)
    kept, ids = states[-1].kept, states[-1].ids
    for path in np.unique(ids[ids > 0]):
        on = ids == path
        assert node[on].sum() + link[kept & on[graph.edges[:, 0]]].sum() + 2 * FlowSettings().enter < 1e-9
    assert dict(tracks.facts)["fraction"] < 1e-9


def test_a_dearer_entry_means_fewer_tracks():
    found = make_scene("crowd", 0, n_frames=20).detections
    counts = [track(found, "flow", enter=cost, least=1).n_tracks for cost in (1.0, 4.0, 12.0)]
    assert counts == sorted(counts, reverse=True)


# ---- Message passing ----


def test_a_graph_joins_the_likeliest_of_the_next_frames():
    found = make_scene("crowd", 0, n_frames=10).detections
    graph = make_graph(found, reach=3, neighbors=2)
    span = found.frame[graph.edges[:, 1]] - found.frame[graph.edges[:, 0]]
    assert set(span.tolist()) == {1, 2, 3}
    assert np.array_equal(graph.features[:, 4], span)
    per = np.unique(np.stack([graph.edges[:, 0], span], 1), axis=0, return_counts=True)[1]
    assert per.max() == 2
    full = make_graph(found, reach=3, neighbors=100)
    for i in (0, 5):
        at = full.edges[:, 0] == i
        best = full.edges[at & (full.features[:, 4] == 1)][np.argsort(full.cost[at & (full.features[:, 4] == 1)])[:2], 1]
        assert set(best) == set(graph.edges[(graph.edges[:, 0] == i) & (span == 1), 1])


def test_a_graph_that_would_be_too_large_is_refused():
    n = 100_000
    found = Detections(np.arange(n), np.ones((n, 4)), np.ones(n), n, (8, 8))
    with pytest.raises(InputError, match="more than 1,000,000 edges"):
        make_graph(found)


def test_labels_join_neighbors_of_one_identity():
    found = make_scene("crowd", 0, n_frames=12).detections
    graph = make_graph(found, reach=6, neighbors=100)
    y = edge_labels(found, graph)
    assert len(violated(graph.edges, y, graph.n)) == 0
    joined = found.identity[graph.edges[y]]
    assert (joined[:, 0] == joined[:, 1]).all()
    assert (joined > 0).all()
    with pytest.raises(InputError, match="identities of the detections are known"):
        edge_labels(replace(found, identity=None), graph)


def test_the_net_does_not_care_how_detections_are_numbered():
    found = make_scene("crowd", 1, n_frames=8).detections
    graph = make_graph(found)
    net, given = load_net(), net_input(found, graph)
    order = torch.from_numpy(rng().permutation(graph.n))
    place = torch.empty_like(order)
    place[order] = torch.arange(graph.n)
    turned = torch.from_numpy(rng(1).permutation(len(graph.edges)))
    other = type(given)(given.nodes[order], given.edges[turned], place[given.ends[:, turned]])
    with torch.no_grad():
        a, b = net(given), net(other)
    assert torch.allclose(a[:, turned], b, atol=1e-3)


def test_the_net_that_ships_finds_true_edges():
    """On fresh scenes; ŷ gets better from step to step, and nearly all constraints hold before rounding."""
    right, found_edges, true, held = [], 0, 0, []
    for seed in range(3):
        found = make_scene("crowd", 900 + seed, n_frames=16).detections
        states = []
        tracks = finish(TRACKERS["message_passing"].run(found), states.append)
        y = edge_labels(found, make_graph(found, reach=8, neighbors=4))
        steps = [state for state in states if state.stage == "messages"]
        assert [state.step for state in steps] == list(range(1, 13))
        right.append([np.mean((state.weight > 0.5) == y) for state in steps])
        kept = states[-1].kept
        found_edges, true = found_edges + (kept & y).sum(), true + y.sum()
        held.append(dict(tracks.facts)["kept constraints"])
    assert found_edges / true > 0.95
    assert np.mean(right, 0)[-1] > np.mean(right, 0)[0]
    assert np.mean(held) > 0.9


def test_message_passing_survives_what_frame_by_frame_matching_does_not():
    one, other = [], []
    for seed in range(4):
        scene = make_scene("crowd", 800 + seed, n_frames=24)
        one.append(scores(scene, "message_passing"))
        other.append(scores(scene, "hungarian"))
    for name in ("idf1", "hota"):
        assert np.mean([s[name] for s in one]) > np.mean([s[name] for s in other]) + 0.1


@pytest.mark.parametrize("rounding", ["exact", "greedy"])
def test_rounded_edges_keep_the_rule(rounding):
    edges, *_ = random_graph(1)
    yhat = rng(2).uniform(size=len(edges))
    assert len(violated(edges, yhat > 0.5, 24)) > 0
    assert len(violated(edges, rounded(24, edges, yhat, 0.5, rounding), 24)) == 0


def test_training_is_repeatable_and_learns(tmp_path):
    settings = MessageTrainingSettings(scenes=1, batch=1, learning_rate=2e-3)  # small steps go downhill
    runs = []
    for _ in range(2):
        found = list(train_net(settings, steps=4, seed=3))
        runs.append(([state.loss for state, _ in found], found[-1][1]))
    assert runs[0][0] == runs[1][0]
    assert runs[0][0] == sorted(runs[0][0], reverse=True)
    file = tmp_path / "net.safetensors"
    file.write_bytes(net_bytes(runs[0][1], {}))
    again = load_net(file)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), runs[0][1].parameters(), strict=True))
    scene = make_scene("easy", 0, n_frames=8)
    track(scene.detections, "message_passing", weights=str(file))


def test_weights_are_small_and_others_are_refused(tmp_path):
    from segcore.track.message_training import WEIGHTS

    assert WEIGHTS.stat().st_size <= 300_000
    assert sum(x.numel() for x in MessageNet().parameters()) < 75_000
    with pytest.raises(InputError, match="cannot be read"):
        load_net(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="does not hold a network of message passing"):
        load_net(tmp_path / "bad.safetensors")
