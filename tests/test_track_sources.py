"""Where detections come from: text, frames, and the lab's own methods; and the commands."""

import json
import signal

import cv2
import numpy as np
import pytest

from segcore.cli.commands import main
from segcore.errors import InputError
from segcore.runtime.outputs import is_ours
from segcore.runtime.steps import finish
from segcore.runtime.stopping import stop_if_asked
from segcore.show.moving import moving
from segcore.track.catalog import TRACKERS
from segcore.track.detect import detect, objects_of
from segcore.track.files import MOST_BOXES, mot_text, read_boxes, read_detections, without_unlabeled
from segcore.track.scenes import make_scene
from segcore.track.settings import DetectSettings
from segcore.track.show import color_of, paint_boxes, tracked_frames
from segcore.track.video import MOST_FRAMES, open_video, timing_note

KITTI = "0 0 Car 0 0 -1.5 10.0 20.0 30.0 60.0 2 2 4 -4 1 13 -2\n0 -1 DontCare -1 -1 -10 1 1 9 9 0 0 0 0 0 0 0\n"
WRONG = {
    "1,1,2,3,4": "line 1: there are 5 columns",
    "hello": "line 1: there are 1 columns",
    "1,1,2,3,4,5\n1,2,2,3,4": "line 2: there are 5 columns, and 6 in the first line",
    "1,1,2,3,4,5\n2,1,2,nan,4,5": "line 2: column 4 is 'nan'",
    "1,1,2,x,4,5": "line 1: column 4 is 'x'",
    "1,0,1,1,1,1,1": "line 1: identity 0 is below 1",
    "1,1,1,1,0,1,1": "line 1: the box is 0 wide",
    "1,1,1,1,1,-2,1": "line 1: the box is 1 wide and -2 high",
    "0,1,1,1,1,1,1": "line 1: frame 0 is not in 1",
    "1.5,1,1,1,1,1": "line 1: frame 1.5 is no whole number",
    "99999999,1,1,1,1,1": "line 1: frame 1e\\+08 is not in 1",
    "5,1,1,1,1,1\n3,1,1,1,1,1": "line 2: frame 3 comes after frame 5",
    "2,7,1,1,1,1\n2,7,3,3,1,1": "line 1: identity 7 stands 2 times in frame 2",
    "0 0 Car 0 0 0 1 2": "line 1: there are 8 columns; KITTI",
    "a\0b": "is no text",
}


# ---- Text ----


@pytest.mark.parametrize("text", WRONG)
def test_the_line_at_fault_is_named(text):
    with pytest.raises(InputError, match=WRONG[text]):
        read_boxes(text.encode(), name="gt.txt")


def test_frames_that_go_back_and_a_million_boxes():
    with pytest.raises(InputError, match="line 2: frame 3 comes after frame 5"):
        read_detections(b"5,-1,1,1,1,1,1\n3,-1,1,1,1,1,1")
    assert len(read_boxes(b"5,1,1,1,1,1\n3,2,1,1,1,1")) == 2  # sorted by identity, as MOT17 is
    with pytest.raises(InputError, match=f"1,000,000 boxes; at most {MOST_BOXES:,}"):
        read_detections(b"1,-1,1,1,1,1,1\n" * 10**6)


def test_text_there_and_back():
    truth = make_scene("crowd", 0, 12).truth
    again = read_boxes(mot_text(truth).encode())
    assert np.array_equal(again.frame, truth.frame)
    assert np.array_equal(again.identity, truth.identity)
    assert again.box == pytest.approx(truth.box, abs=5e-4)


def test_what_a_truth_leaves_out(tmp_path):
    text = b"1,1,5,5,10,20,1,1,1\n1,2,5,5,10,20,0,1,1\n"
    assert read_boxes(text, truth=True).identity.tolist() == [1]
    assert read_boxes(text).identity.tolist() == [1, 2]
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nimWidth=640\nimHeight=480\nseqLength=30\n")
    (tmp_path / "det").mkdir()
    (tmp_path / "det" / "det.txt").write_bytes(b"1,-1,5,5,10,20,0.7,-1,-1,-1\n")
    found = read_detections(tmp_path / "det" / "det.txt")
    assert (found.size, found.n_frames, found.identity) == ((640, 480), 30, None)


def test_kitti_counts_from_0_and_boxes_have_corners():
    found = read_boxes(KITTI.encode())
    assert (found.frame.tolist(), found.identity.tolist(), found.box.tolist()) == ([0], [1], [[10, 20, 20, 40]])
    assert len(read_boxes(KITTI.encode(), kinds=("Van",))) == 0


def test_all_trackers_on_a_sequence_without_what_nobody_labeled(tmp_path, capsys):
    scene = make_scene("easy", 0, n_frames=12)
    rows = list(zip(scene.truth.frame, scene.truth.identity, scene.truth.box, strict=True))
    labels = [f"{t} {i} Car 0 0 0 {x} {y} {x + w} {y + h} 0 0 0 0 0 0 0" for t, i, (x, y, w, h) in rows]
    det, truth, told = (tmp_path / name for name in ("det.txt", "truth.txt", "told.json"))
    alarms = [f"{t},-1,400,5,40,20,0.9" for t in range(1, 13)]  # in the region that nobody labeled
    seen = [f"{t + 1},-1,{x},{y},{w},{h},0.9" for t, _, (x, y, w, h) in rows]
    det.write_text("\n".join(sorted(seen + alarms, key=lambda line: int(line.split(",")[0]))))
    truth.write_text("\n".join(labels + [f"{t} -1 DontCare 0 0 0 390 0 431 40 0 0 0 0 0 0 0" for t in range(12)]))
    kept = without_unlabeled(read_detections(det), truth)
    assert len(kept) == len(rows)
    words = ["evaluate", "trackers", "--detections", str(det)]
    assert main([*words, "--truth", str(truth), "--json", str(told)]) == 0
    scores = json.loads(told.read_text())["trackers"]
    assert set(scores) == set(TRACKERS)
    assert scores["flow"]["mota"] == {"mean": 1.0, "half": 0.0}
    assert "±" not in capsys.readouterr().out
    assert main(words) == 2
    assert "Give both --detections and --truth" in capsys.readouterr().err


def test_scores_that_are_no_shares_are_brought_there():
    found = read_detections(b"1,-1,1,1,1,1,8\n1,-1,1,1,1,1,-8\n2,-1,1,1,1,1,0\n")
    assert found.score == pytest.approx([1 / (1 + np.exp(-8)), 1 / (1 + np.exp(8)), 0.5])
    assert "brought to [0, 1]" in found.notes[0]
    assert read_detections(b"1,3,1,1,1,1,-1\n").score.tolist() == [1.0]


# ---- Frames ----


def clip(path, n=12, size=(64, 48), codec="mp4v"):
    """A bright square that moves over a dark ground, 10 frames a second."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, size)
    for t in range(n):
        frame = np.full((size[1], size[0], 3), 30, np.uint8)
        frame[16:32, 4 + 3 * t : 20 + 3 * t] = (40, 220, 90)
        writer.write(frame)
    writer.release()
    return path


def test_frames_of_a_video(tmp_path):
    path = clip(tmp_path / "a.mp4")
    video = open_video(path)
    frames = list(video.frames())
    assert (video.n_frames, video.size, len(frames), round(video.fps)) == (12, (64, 48), 12, 10)
    assert frames[5].picture.shape == (48, 64, 3)
    assert frames[5].seconds == pytest.approx(0.5, abs=0.02)
    some = open_video(path, every=3, first=2, side=32)
    assert [f.original for f in some.frames()] == [2, 5, 8, 11]
    assert some.size == (32, 24)
    assert next(open_video(path, side=32).frames()).picture.shape == (24, 32, 3)


def test_a_portrait_video_and_a_folder_of_frames(tmp_path):
    assert open_video(clip(tmp_path / "p.mp4", size=(48, 64))).size == (48, 64)
    folder = tmp_path / "frames"
    folder.mkdir()
    for t in (1, 2, 10):
        cv2.imwrite(str(folder / f"f{t}.png"), np.full((20, 30, 3), t, np.uint8))
    assert [int(f.picture[0, 0, 0]) for f in open_video(folder).frames()] == [1, 2, 10]
    cv2.imwrite(str(folder / "f11.png"), np.zeros((20, 31, 3), np.uint8))
    with pytest.raises(InputError, match=r"Frame f11\.png has 31 × 20 pixels, the first one 30 × 20"):
        list(open_video(folder).frames())


def test_videos_that_cannot_be_used(tmp_path):
    whole = clip(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.mp4").write_bytes(b"no video")
    (tmp_path / "none.mp4").write_bytes(b"")
    for name in ("cut.mp4", "no.mp4", "none.mp4"):
        with pytest.raises(InputError, match=f"{name} (cannot be opened|holds no frame)"):
            open_video(tmp_path / name)
    with pytest.raises(InputError, match="There is no file or folder"):
        open_video(tmp_path / "gone.mp4")
    with pytest.raises(InputError, match="has 12 frames, and none from 40"):
        open_video(tmp_path / "a.mp4", first=40)
    assert timing_note([0, 0.1, 0.2, 0.3]) == ""
    assert "unevenly spaced" in timing_note([0, 0.1, 0.5, 0.6, 1.4])


def test_four_hours_are_too_many_frames(tmp_path, monkeypatch):
    monkeypatch.setattr("segcore.track.video._facts", lambda _: (360_000, 25.0, 1920, 1080))
    (tmp_path / "long.mp4").write_bytes(b"")
    with pytest.raises(InputError, match=f"360,000 frames; at most {MOST_FRAMES:,} .* each 18th with --every"):
        open_video(tmp_path / "long.mp4")
    assert open_video(tmp_path / "long.mp4", every=18).n_frames == 20_000


def test_a_video_that_ends_early_says_so(tmp_path, monkeypatch):
    path = clip(tmp_path / "a.mp4")
    monkeypatch.setattr("segcore.track.video._facts", lambda _: (30, 10.0, 64, 48))
    found = finish(detect(open_video(path), DetectSettings(appearance=False)))
    assert found.n_frames == 12
    assert "ends after 12 of the 30 frames" in found.notes[0]


# ---- Detections ----


def test_what_moves_is_found(tmp_path):
    found = finish(detect(open_video(clip(tmp_path / "a.mp4", n=60, size=(220, 48))), DetectSettings(appearance=False)))
    assert found.appearance is None
    assert len(found) >= 50  # the first frames are what the rest is told from
    late = found.only(found.frame >= 4)
    assert np.abs(late.boxes[:, 1] - 16).max() <= 3
    assert (np.diff(late.boxes[:, 0] + late.boxes[:, 2] / 2) > 0).all()
    for box, mask in zip(found.boxes, found.masks, strict=True):
        assert mask.shape == (box[3], box[2])
        assert mask.any(0).all()


def test_methods_find_objects_with_appearances(tmp_path):
    video = open_video(clip(tmp_path / "a.mp4", n=2))
    found = finish(detect(video, DetectSettings(detector="tokencut", side=64)))
    assert found.n_frames == 2
    assert found.appearance is not None
    assert len(found.appearance) == len(found)


def test_objects_of_a_label_map():
    labels = np.zeros((10, 12), np.int64)
    labels[2:5, 3:9], labels[9, 11] = 1, 2
    masks, boxes = objects_of(labels, least_area=0.02)
    assert boxes == [(3, 2, 6, 3)]
    assert masks[0].all()


def test_label_maps_are_detections(tmp_path):
    frames, maps = tmp_path / "frames", tmp_path / "maps"
    for folder in (frames, maps):
        folder.mkdir()
    for t in range(3):
        labels = np.zeros((24, 40), np.uint8)
        labels[4:12, 2 + t : 10 + t], labels[14:20, 20:30], labels[2:6, 30:36] = 1, 2, 1
        cv2.imwrite(str(frames / f"f{t}.png"), 40 * labels)
        cv2.imwrite(str(maps / f"f{t}.labels.png"), labels)
        cv2.imwrite(str(maps / f"f{t}.overlay.png"), 20 * labels)
    found = finish(detect(open_video(frames), DetectSettings(appearance=False), labels=maps))
    boxes = {tuple(box) for box in found.boxes[found.frame == 2].astype(int).tolist()}
    assert boxes == {(4, 4, 8, 8), (20, 14, 10, 6), (30, 2, 6, 4)}
    (maps / "f2.labels.png").unlink()
    with pytest.raises(InputError, match="2 label maps for 3 frames"):
        finish(detect(open_video(frames), DetectSettings(appearance=False), labels=maps))


# ---- Results ----


def test_tracks_are_drawn_in_colors_that_stay(tmp_path):
    scene = make_scene("easy", 0, 4)
    drawn = paint_boxes(scene.draw(2), scene.truth, 2)
    x, y, _, h = scene.truth.box[scene.truth.frame == 2][0]
    identity = int(scene.truth.identity[scene.truth.frame == 2][0])
    assert tuple(drawn[round(y + h / 2), round(x)]) == color_of(identity)
    for suffix in (".gif", ".mp4"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(moving((scene.draw(t) for t in range(4)), suffix, fps=10))
        assert len(list(open_video(path).frames())) == 4
    with pytest.raises(InputError, match=r"written as \.gif, \.mp4 or \.webp"):
        moving([drawn], ".avi", fps=10)


def test_the_command_tracks_and_scores(tmp_path, capsys):
    scene = make_scene("crossing", 3)
    (tmp_path / "gt.txt").write_text(mot_text(scene.truth))
    out, told, gif = tmp_path / "res.txt", tmp_path / "res.json", tmp_path / "res.gif"
    words = ["track", "crossing", "--seed", "3", "--out", str(out), "--tracker", "sort", "--set", "max_age=4"]
    assert main([*words, "--truth", str(tmp_path / "gt.txt"), "--json", str(told), "--video", str(gif)]) == 0
    found = json.loads(told.read_text())
    assert (found["tracker"], found["settings"]["max_age"], found["frames"]) == ("sort", 4, 48)
    assert is_ours(out)
    assert is_ours(told)
    assert gif.read_bytes()[:4] == b"GIF8"
    assert main([*words]) == 0  # again, over its own file
    assert main(["evaluate", "tracking", "--truth", str(tmp_path / "gt.txt"), "--result", str(out), "--json",
                 str(tmp_path / "scores.json")]) == 0  # fmt: skip
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["hota"] == pytest.approx(found["scores"]["hota"], abs=1e-3)
    assert "HOTA" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["track", "crowd", "--out", "r.txt", "--tracker", "best"], "tracker must be one of iou"),
        (["track", "crowd", "--out", "r.txt", "--set", "least"], "--set takes NAME=VALUE"),
        (["track", "gone.mp4", "--out", "r.txt"], "There is no file or folder gone.mp4"),
        (["track", "crowd", "--out", "r.txt", "--video", "r.avi"], "written as .gif, .mp4 or .webp"),
        (["evaluate", "tracking", "--truth", "a.txt", "--result", "b.txt"], "cannot be read"),
        (["train-tracker", "--out", "n.safetensors", "--minutes", "1", "--steps", "1"], "either --minutes or --steps"),
    ],
)
def test_mistakes_end_in_one_sentence(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_an_interruption_leaves_what_the_tracker_has(tmp_path, monkeypatch, capsys):
    left = [9]

    def interrupted():
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)
        stop_if_asked()

    monkeypatch.setattr("segcore.track.trackers.sort.stop_if_asked", interrupted)
    out = tmp_path / "res.txt"
    assert main(["track", "easy", "--out", str(out), "--tracker", "sort"]) == 0
    assert 1 <= read_boxes(out).frame.max() <= 8
    assert "Interrupted" in capsys.readouterr().err


def test_frames_without_pictures_are_gray():
    scene = make_scene("easy", 0, 3)
    from segcore.track.run import track

    frames = list(tracked_frames(None, scene.detections, track(scene.detections)))
    assert len(frames) == 3
    assert frames[0].shape == (270, 480, 3)
