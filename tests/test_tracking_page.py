"""The page of tracking: what it sends is true of the run, links restore it, what cannot be is one sentence; files."""

import contextlib
import io
import json
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest

from demo.shared.film.pen import HEIGHT, WIDTH
from demo.shared.jobs import Jobs, Report
from demo.shared.sequence import without
from demo.shared.service import Service
from demo.tracking import texts
from demo.tracking.asked import Asked, asked_of_link
from demo.tracking.data import masks_of_frame, places
from demo.tracking.data.files import read_own
from demo.tracking.data.training import make_work as make_training
from demo.tracking.data.training import weights_of
from demo.tracking.data.video import VideoSettings, check_left, make_work, path_of
from demo.tracking.facts import BOOK
from demo.tracking.run import Runs, base_of, sequence, side_by_side
from demo.tracking.run.save import saved
from demo.tracking.run.training import loss_curve
from demo.tracking.show import Steps
from demo.tracking.show.film import TrackedFilm
from demo.tracking.show.lanes import MISSED, OUTSIDE, lanes_shown
from segcore.errors import InputError
from segcore.metrics.tracking import tracking_scores
from segcore.show.files import png
from segcore.track.catalog import TRACKERS
from segcore.track.detections import Detections
from segcore.track.files import mot_text, read_boxes
from segcore.track.state import MESSAGES, violated
from tests.test_steps_sequence import decoded

SHORT = {"source": "crossing", "n_frames": "12"}


@pytest.fixture(scope="module")
def runs():
    return Runs(Service(device="cpu"))


def asked(**query):
    return asked_of_link({**SHORT, **query})


def made(runs, tracker, **query):
    source, done = runs.get(asked(tracker=tracker, **query), tracker)
    return source, done, Steps(source, done)


@pytest.mark.parametrize("tracker", TRACKERS)
def test_every_tracker_plays_to_its_scores(runs, tracker):
    source, done, steps = made(runs, tracker)
    frames = steps.frames()
    names = [frame.name for frame in frames]
    assert len(set(names)) == len(names)
    assert names[0] == "input"
    assert names[-1] == ("output" if TRACKERS[tracker].online else "output-11")
    assert steps.start() in names
    said = {number.symbol: number.value for number in frames[-1].numbers}
    truth = dict(tracking_scores(source.truth, done.tracks.boxes))
    assert {key: said[title] for key, title in texts.SCORES.items()} == {key: truth[key] for key in texts.SCORES}
    for question in steps.questions(frames):
        assert 0 <= question.right < len(question.options)
        assert question.before in names
        assert question.after in names


@pytest.mark.parametrize("tracker", ["hungarian", "message_passing"])
def test_the_python_of_a_step_prints_its_numbers(runs, tracker):
    value = sequence(runs, asked(tracker=tracker))
    steps = {frame["step"]: frame for frame in value["frames"]}
    step = steps["frame-5" if tracker == "hungarian" else "edges"]
    for frame in (step, value["frames"][-1]):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(f"{value['code']}\n{frame['python']}", {})
        printed = dict(line.rsplit(" = ", 1) for line in out.getvalue().splitlines())
        shown = {number["symbol"]: number["value"].replace("−", "-") for number in frame["numbers"]}
        assert printed == shown


def test_arrays_arrive_as_they_were(runs):
    source, done, _ = made(runs, "message_passing")
    value = sequence(runs, asked(tracker="message_passing"))
    d = source.detections
    frame = decoded(value["arrays"][value["rows"]["frame"]])
    assert frame.tolist() == d.frame.tolist()
    assert np.allclose(decoded(value["arrays"][value["rows"]["box"]]).reshape(-1, 4), d.boxes, rtol=1e-4)
    step = next(frame for frame in value["frames"] if frame["step"] == "edges")
    graph = next(view for view in step["views"] if view["kind"] == "graph")
    state = next(state for state in done.states if state.stage == "edges")
    assert decoded(value["arrays"][graph["edges"]]).reshape(-1, 2).tolist() == state.edges.tolist()
    lit = decoded(value["arrays"][graph["lit"]]).tolist() if "lit" in graph else []
    assert lit == violated(state.edges, state.kept, len(d)).tolist()


def test_a_new_threshold_keeps_what_the_network_said(runs):
    _, before, _ = made(runs, "message_passing")
    _, after, _ = made(runs, "message_passing", **{"message_passing.threshold": "0.2"})
    fresh = Runs(runs.sources._service)
    _, alone, _ = made(fresh, "message_passing", **{"message_passing.threshold": "0.2"})
    yhat = [[state.weight for state in done.states if state.stage == MESSAGES] for done in (before, after)]
    assert all(a is b for a, b in zip(*yhat, strict=True))
    assert [state.name for state in after.states] == [state.name for state in alone.states]
    for a, b in zip(after.states, alone.states, strict=True):
        assert (a.kept == b.kept).all()
    assert (after.tracks.ids == alone.tracks.ids).all()
    assert base_of(TRACKERS["flow"].settings()) is None


def test_a_new_threshold_is_sent_without_the_arrays_that_are_held(runs):
    before = sequence(runs, asked(tracker="message_passing"))
    whole = sequence(runs, asked(tracker="message_passing", **{"message_passing.threshold": "0.2"}))
    sent = without(whole, before["arrays"])
    assert sent["keys"] == list(whole["arrays"])
    assert {**before["arrays"], **sent["arrays"]}.keys() >= set(sent["keys"])
    assert len(json.dumps(sent["arrays"])) < len(json.dumps(whole["arrays"])) / 10
    assert without(whole, [])["arrays"] == whole["arrays"]


def test_lanes_hold_what_the_scores_count(runs):
    source, done, _ = made(runs, "iou", n_frames="48")
    shown = lanes_shown(done.events, source.truth, 48)["lanes"]
    covered = np.array([lane["tracks"] for lane in shown])
    assert (covered == MISSED).sum() == done.scores["fn"]
    assert (covered != OUTSIDE).sum() == len(source.truth)
    assert sum(len(lane["switches"]) for lane in shown) == done.scores["switches"] > 0
    assert sum(len(lane["breaks"]) for lane in shown) == done.scores["fragmentations"]


def test_side_by_side_has_the_rows_that_are_asked_for(runs):
    board = side_by_side(runs, asked(compare="iou,flow"))
    assert [row["tracker"] for row in board["rows"]] == ["iou", "flow"]
    assert board["rows"][1]["scores"] == dict(runs.get(asked(), "flow")[1].scores)


def test_nodes_of_a_column_do_not_lie_on_each_other(runs):
    d = runs.get(asked_of_link({"source": "crowd", "n_frames": "8", "n_objects": "40"}), "iou")[0].detections
    place = places(d)
    assert place.min() >= 0
    assert place.max() <= 1
    for t in range(d.n_frames):
        column = np.sort(place[d.of_frame(t)])
        assert (np.diff(column) > 0.9 * min(0.07, 1 / max(len(column) - 1, 1)) - 1e-9).all()


# ---- Links ----


def test_a_link_restores_everything():
    query = {"source": "crowd", "seed": "3", "tracker": "flow", "misses": "0.2", "flow.enter": "2.5", "iou.reach": "4",
             "compare": "iou,flow"}  # fmt: skip
    there = asked_of_link(query)
    assert there.query == query
    assert there.settings["flow"].enter == 2.5
    assert Asked().query == {"source": "crossing", "tracker": "hungarian"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("source", "nowhere"), ("tracker", "<b>"), ("seed", "-1"), ("misses", "2"), ("noise", "nan"), ("flow.enter", "much")],
)
def test_a_link_that_cannot_be_is_one_sentence(name, value):
    with pytest.warns(UserWarning, match=name.rpartition(".")[2]):
        there = asked_of_link({name: value})
    assert there.query == Asked().query


def test_no_link_opens_a_file_of_the_server():
    assert asked_of_link({"message_passing.weights": "/etc/passwd"}).settings["message_passing"].weights == ""
    assert asked_of_link({"detections": "/etc/passwd"}).detections == ""


def test_claims_read_steps_and_scores(runs):
    state = BOOK.open(runs.sources._service, {**SHORT, "tracker": "flow"})
    facts = BOOK.facts
    assert facts["steps"](state) == 3 + 12
    assert facts["has_step"](state, "graph")
    assert facts["number"](state, "edges", "graph") > 100
    assert facts["score"](state, "mota", "iou") <= 1
    for fact, *given in (("number", "x"), ("score", "x"), ("score", "mota", "x")):
        with pytest.raises(InputError):
            facts[fact](state, *given)


# ---- Files and videos ----


def test_own_text_is_tracked_and_scored(tmp_path, runs):
    source = runs.get(asked(), "iou")[0]
    det, truth = tmp_path / "det.txt", tmp_path / "gt.txt"
    d = source.detections
    rows = [(t + 1, -1, *box, score) for t, box, score in zip(d.frame, d.boxes, d.score, strict=True)]
    det.write_text("".join(f"{','.join(f'{value:.3f}' for value in row)}\n" for row in rows))
    truth.write_text(mot_text(source.truth))
    own = read_own(str(det), str(truth))
    assert len(own.detections) == len(d)
    there = Asked(asked().options.replace(source="files"), detections=str(det), truth=str(truth))
    value = sequence(runs, there)
    assert value["film"]["sheets"] == []
    assert value["lanes"] is not None
    named = dict(parse_qsl(value["link"]))
    service = runs.sources._service
    assert [service.upload_of(named[name]) for name in ("detections", "truth")] == [str(det), str(truth)]
    det.unlink()
    assert service.upload_of(named["detections"]) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [("1,1,5,5,0,4,1\n", "line 1"), ("1,1,5\n", "line 1"), ("1,1,5,5,nan,4,1\n", "line 1"), ("0,1,5,5,4,4,1\n", "line 1")],
)
def test_text_that_is_wrong_names_its_line(tmp_path, text, told):
    path = tmp_path / "det.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_own(str(path), "")


def test_too_much_text_and_another_sequence_are_refused(tmp_path):
    many, few, late = (tmp_path / name for name in ("many.txt", "few.txt", "late.txt"))
    many.write_text("".join(f"{t},-1,1,1,9,9,1\n" for t in range(1, 2003)))
    few.write_text("1,-1,1,1,9,9,1\n2,-1,1,1,9,9,1\n")
    late.write_text("9,1,1,1,9,9,1\n")
    with pytest.raises(InputError, match="At most 2,000 boxes"):
        read_own(str(many), "")
    with pytest.raises(InputError, match="different sequences"):
        read_own(str(few), str(late))
    with pytest.raises(InputError, match="Choose a text file"):
        read_own("", "")


def test_a_folder_of_frames_is_looked_at_by_a_job(tmp_path, runs):
    scene = runs.get(asked(), "iou")[0]
    for t in range(6):
        (tmp_path / f"{t}.png").write_bytes(png(scene.draw(t)))
    settings = VideoSettings(every=1, appearance=False)
    reports = list(make_work(str(tmp_path), settings, runs.sources._service)(None))
    assert all(isinstance(report, Report) for report in reports)
    assert reports[-1].progress == 1
    found = check_left(reports[-1].left)
    assert found.detections.n_frames == len(found.frames) == 6
    assert found.draw(0).shape == (270, 480, 3)
    with pytest.raises(InputError, match="Find what is in it"):
        check_left(None)
    with pytest.raises(InputError, match="Choose a video"):
        path_of("", VideoSettings(clip="own"))
    assert all(Path(path_of("", VideoSettings(clip=clip))).is_file() for clip in texts.CLIPS if clip != "own")


def test_masks_are_numbered_within_their_frame_and_small_ones_lie_on_top():
    whole = (np.ones((8, 10), bool), np.ones((2, 2), bool), np.ones((4, 4), bool))
    boxes = np.array([[0, 0, 10, 8], [2, 2, 2, 2], [1, 3, 4, 4]], float)
    d = Detections(np.array([0, 0, 1]), boxes, np.ones(3), 2, (10, 8), masks=whole)
    first, second = (masks_of_frame(d, t, (10, 8)) for t in (0, 1))
    assert first[2:4, 2:4].min() == 2
    assert (first == 1).sum() == 80 - 4
    assert (second == 1).sum() == 16
    assert second[3:7, 1:5].all()


# ---- Weights of one's own ----


def test_weights_that_were_trained_here_track_and_are_saved_and_a_stopped_training_goes_on():
    jobs = Jobs()
    service = Service(device="cpu")
    service.jobs = jobs
    runs = Runs(service)
    reports = list(make_training(most_minutes=10, steps=2)(None))
    left = reports[-1].left
    assert reports[-1].progress == 1
    assert len(left.losses) == 2
    further = list(make_training(most_minutes=10, steps=3)(left))[-1].left
    assert further.losses[:2] == left.losses
    assert further.checkpoint.step == 3
    job = jobs.start(lambda _: iter([Report("", left=left)]), owner="me", kind="tracking-training")
    jobs.close()
    path = weights_of(service, job)
    assert Path(path).read_bytes() == left.file
    trained = asked(tracker="message_passing", weights="trained", training=job)
    assert trained.query["training"] == job
    assert runs.settings(trained, "message_passing").weights == path
    own, shipped = (runs.get(there, "message_passing")[1] for there in (trained, asked(tracker="message_passing")))
    last = [[state for state in done.states if state.stage == MESSAGES][-1].weight for done in (own, shipped)]
    assert not np.allclose(*last)
    assert path not in sequence(runs, trained)["code"]
    assert Path(path).name in sequence(runs, trained)["code"]
    assert path not in saved(runs, trained, "json").decode()
    told = loss_curve(left)
    assert "in 2 steps" in told
    assert told.startswith("<svg")


def test_weights_that_nobody_trained_are_those_that_come_along(runs):
    there = asked(tracker="message_passing", weights="trained", training="gone")
    assert runs.settings(there, "message_passing").weights == ""
    assert runs.lacks_weights(there)
    assert not runs.lacks_weights(asked(tracker="flow", weights="trained"))


# ---- Save ----


def test_what_is_saved_reads_back(tmp_path, runs):
    there = asked(tracker="byte")
    boxes = runs.get(there, "byte")[1].tracks.boxes
    back = read_boxes(saved(runs, there, "txt"), name="saved")
    assert back.identity.tolist() == boxes.identity.tolist()
    assert np.allclose(back.box, boxes.box, atol=1e-3)
    said = json.loads(saved(runs, there, "json"))
    assert sum(len(track["frames"]) for track in said["tracks"]) == len(boxes)
    assert said["scores"]["mota"] == runs.get(there, "byte")[1].scores["mota"]
    assert saved(runs, there, "gif").startswith(b"GIF89a")
    assert b"ftyp" in saved(runs, there, "mp4")[:16]
    with pytest.raises(InputError):
        saved(runs, there, "exe")


def test_tracks_are_a_movie_that_ends_at_their_number(runs):
    """A picture for each frame, drawn when it is asked for; the course never falls, and ends at the number of tracks."""
    source, done, _ = made(runs, "iou")
    film = TrackedFilm(source, done, theme="dark")
    assert len(film) == source.detections.n_frames
    drawn = [film[0], film[-1]]
    assert {picture.shape for picture in drawn} == {(HEIGHT, WIDTH, 3)}
    assert not np.array_equal(*drawn)
    course = film._course(len(film) - 1)["series"][0]["y"]
    assert course == sorted(course)
    assert course[-1] == len(np.unique(done.tracks.boxes.identity))
    with pytest.raises(IndexError):
        film[len(film)]
