"""The commands `track` and `train-tracker`, and `evaluate tracking`."""

import argparse
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.cli.flags import add_overwrite, add_settings, check_json, named_path, schema_from, write_json
from segcore.cli.table import print_table, shown
from segcore.errors import InputError
from segcore.runtime.outputs import check_outputs, write_whole
from segcore.runtime.stopping import Stopped
from segcore.track.catalog import TRACKERS, tracker_of
from segcore.track.settings import DetectSettings, MessageTrainingSettings

if TYPE_CHECKING:
    from segcore.evaluate.trackers import Mean
    from segcore.track.detections import Detections
    from segcore.track.scenes import Scene
    from segcore.track.video import Video

_FPS = 10.0  # of scenes and of boxes without pictures
_TEXT = (".txt", ".csv")
_SHARES = {"mota": "MOTA", "motp": "MOTP", "idf1": "IDF1", "idp": "IDP", "idr": "IDR", "hota": "HOTA", "deta": "DetA",
           "assa": "AssA", "loca": "LocA"}  # fmt: skip
_COUNTS = {"switches": "switches", "fragmentations": "frag.", "fp": "FP", "fn": "FN", "mt": "MT", "pt": "PT", "ml": "ML"}


def add_track(commands: Any) -> None:
    """Add `track` and `train-tracker`."""
    one = commands.add_parser(
        "track",
        help="give what is seen in many frames an identity",
        epilog="Trackers: " + "; ".join(f"{name}: {t.summary}" for name, t in TRACKERS.items()),
    )
    one.add_argument(
        "source", metavar="SOURCE",
        help="detections as text of MOTChallenge or KITTI (.txt); a video; a folder, zip or list of frames; or the name of "
        "a drawn scene, such as crowd",
    )  # fmt: skip
    one.add_argument(
        "--out", type=named_path, required=True, metavar="RES.txt", help="where the tracks go, as MOTChallenge text"
    )
    one.add_argument("--tracker", default="byte", metavar="NAME", help=f"one of {', '.join(TRACKERS)} (byte)")
    one.add_argument(
        "--set", dest="own", action="append", default=[], metavar="NAME=VALUE", help="a setting of the tracker, repeatable"
    )
    one.add_argument(
        "--truth", type=named_path, metavar="GT.txt", help="boxes with true identities, to score the result with"
    )
    one.add_argument("--kinds", default="", metavar="LIST", help="types of KITTI that count, such as Car,Van (all)")
    one.add_argument(
        "--video",
        type=named_path,
        metavar="FILE",
        help="also the frames with the tracks in them (.gif, .webp or .mp4)",
    )
    one.add_argument("--json", type=named_path, metavar="FILE", help="also tracks, settings, notes and scores as JSON")
    one.add_argument(
        "--labels",
        type=named_path,
        metavar="DIR",
        help="of a video, label maps of its frames instead of a detector's objects",
    )
    one.add_argument("--every", type=int, default=1, metavar="N", help="of a video, each so many-th frame (1)")
    one.add_argument("--first", type=int, default=0, metavar="N", help="of a video, the first frame, from 0 (0)")
    one.add_argument("--last", type=int, metavar="N", help="of a video, the last frame")
    one.add_argument("--seed", type=int, default=0, help="of a drawn scene (0)")
    add_overwrite(one)
    add_settings(one, schema=DetectSettings)
    one.set_defaults(run=_track)

    train = commands.add_parser("train-tracker", help="train the network of message passing on drawn scenes")
    train.add_argument("--out", type=named_path, required=True, metavar="FILE", help="where the network goes (.safetensors)")
    train.add_argument("--minutes", type=float, metavar="M", help="how long to train (1)")
    train.add_argument("--steps", type=int, metavar="N", help="train for so many steps instead: repeatable to the bit")
    train.add_argument("--seed", type=int, default=0, help="start of the random numbers (0)")
    add_overwrite(train)
    add_settings(train, schema=MessageTrainingSettings)
    train.set_defaults(run=_train)


def add_evaluate_tracking(kinds: Any) -> None:
    """Add `evaluate tracking`."""
    one = kinds.add_parser("tracking", help="MOTA, IDF1, HOTA and more of tracks against the true ones, as TrackEval counts")
    one.add_argument("--truth", type=named_path, required=True, metavar="GT.txt", help="MOTChallenge or KITTI text")
    one.add_argument("--result", type=named_path, required=True, metavar="RES.txt", help="the same of a tracker")
    one.add_argument("--kinds", default="", metavar="LIST", help="types of KITTI that count, such as Car,Van (all)")
    one.add_argument("--json", type=named_path, metavar="FILE", help="write the scores to this file")
    add_overwrite(one)
    one.set_defaults(run=_evaluate)


def add_evaluate_trackers(kinds: Any) -> None:
    """Add `evaluate trackers`."""
    one = kinds.add_parser("trackers", help="all trackers on the same drawn scenes, or on a sequence with its truth")
    one.add_argument("--scene", default="crowd", metavar="NAME", help="which kind of scene (crowd)")
    one.add_argument(
        "--scenes", type=int, default=20, metavar="N", help="how many fresh ones (20); means and intervals of 95 %%"
    )
    one.add_argument(
        "--detections", type=named_path, metavar="DET.txt", help="of a sequence instead of scenes, with its --truth"
    )
    one.add_argument("--truth", type=named_path, metavar="GT.txt", help="of the sequence; KITTI's DontCare does not count")
    one.add_argument("--kinds", default="", metavar="LIST", help="types of KITTI that count, such as Car,Van (all)")
    one.add_argument("--json", type=named_path, metavar="FILE", help="write the scores to this file")
    add_overwrite(one)
    one.set_defaults(run=_evaluate_trackers)


def _evaluate_trackers(parsed: argparse.Namespace) -> int:
    from segcore.evaluate.trackers import compare_trackers, score_trackers
    from segcore.track.files import read_detections, without_unlabeled

    check_json(parsed.json, overwrite=parsed.overwrite)
    if (parsed.detections is None) != (parsed.truth is None):
        raise InputError("Give both --detections and --truth, or neither for drawn scenes.", field="truth")
    if parsed.detections is None:
        reports = shown(compare_trackers(parsed.scene, n=parsed.scenes))
        about = {"scene": parsed.scene, "scenes": parsed.scenes}
    else:
        found = without_unlabeled(read_detections(parsed.detections), parsed.truth)
        reports = shown(score_trackers(found, _truth(parsed)))
        about = {"detections": str(parsed.detections), "truth": str(parsed.truth)}
    told = ("mota", "idf1", "hota")
    head = ["tracker", *(_SHARES[name] for name in told), "switches"]
    rows = [[r.name, *(_with_interval(r.scores[k]) for k in told), f"{r.scores['switches'].value:.3g}"] for r in reports]
    print_table(head, rows)
    scores = {r.name: {k: {"mean": m.value, "half": m.half} for k, m in r.scores.items()} for r in reports}
    write_json(parsed.json, {"protocol": "trackers", **about, "trackers": scores})
    return 0


def _with_interval(mean: "Mean") -> str:
    return f"{mean.value:.3f} ± {mean.half:.3f}" if mean.half else f"{mean.value:.3f}"


def _track(parsed: argparse.Namespace) -> int:
    from segcore.runtime.progress import say
    from segcore.track.files import mot_text
    from segcore.track.run import track

    tracker = tracker_of(parsed.tracker)
    settings = tracker.settings.from_values(_own(parsed.own))
    check_json(parsed.json, overwrite=parsed.overwrite)
    check_outputs([parsed.out], [Path(parsed.source)], overwrite=parsed.overwrite)
    if parsed.video is not None:
        _check_video(parsed)
    source, pictures = _source(parsed)
    for note in source.notes:
        say(f"note: {note}", error=True)
    with _interruptible() as check:
        found = track(source, tracker.name, check=check, **settings.to_dict())
    if "stopped" in dict(found.facts):
        say("note: Interrupted; what the tracker had by then is written.", error=True)
    write_whole(parsed.out, mot_text(found.boxes).encode())
    seen = f"{len(source)} detections in {source.n_frames} frames"
    print(f"{parsed.out}: {found.n_tracks} tracks of {len(found.boxes)} boxes, from {seen}, by {tracker.title}.")
    scores = _scored(parsed, found.boxes, pictures)
    if parsed.json:
        from segcore.track.show import tracks_json

        write_json(parsed.json, {**tracks_json(found, source, settings.to_dict()), "scores": scores})
    if parsed.video is not None:
        _write_video(parsed.video, source, found, pictures)
    return 0


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C ask the work inside to end, by the check that is given, instead of breaking it off."""
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))

    def check() -> None:
        if asked:
            raise Stopped

    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _scored(parsed: argparse.Namespace, boxes: Any, pictures: "Scene | Video | None") -> Mapping[str, float] | None:
    """Print and return the scores, where there is a truth."""
    from segcore.track.scenes import Scene

    if parsed.truth is not None:
        return _print_scores(_truth(parsed), boxes)
    return _print_scores(pictures.truth, boxes) if isinstance(pictures, Scene) else None


def _source(parsed: argparse.Namespace) -> "tuple[Detections, Scene | Video | None]":
    """The detections, and where the pictures of their frames are."""
    from segcore.track.detect import detect
    from segcore.track.files import read_detections
    from segcore.track.scenes import SCENES, make_scene
    from segcore.track.video import open_video

    path = Path(parsed.source)
    if parsed.source in SCENES and not path.exists():
        scene = make_scene(parsed.source, parsed.seed)
        return scene.detections, scene
    if path.suffix.lower() in _TEXT and path.is_file() and not _lists_pictures(path):
        return read_detections(path, kinds=_kinds(parsed)), None
    settings = schema_from(parsed, DetectSettings)
    video = open_video(path, every=parsed.every, first=parsed.first, last=parsed.last)
    return shown(detect(video, settings, labels=parsed.labels)), video


def _lists_pictures(path: Path) -> bool:
    """Whether the first line of a text names a file that is there."""
    with path.open("rb") as file:
        line = file.readline(4096).decode("utf-8", "replace").strip()
    return bool(line) and (path.parent / line).is_file()


def _kinds(parsed: argparse.Namespace) -> list[str]:
    return [kind.strip() for kind in parsed.kinds.split(",") if kind.strip()]


def _own(given: list[str]) -> dict[str, str]:
    """The values that --set names."""
    pairs = [word.partition("=") for word in given]
    for word, (_, sign, _) in zip(given, pairs, strict=True):
        if not sign:
            raise InputError(f"--set takes NAME=VALUE, such as --set least=3; got {word!r}.", field="set")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _check_video(parsed: argparse.Namespace) -> None:
    from segcore.show.moving import check_suffix

    check_suffix(parsed.video.suffix)
    check_outputs([parsed.video], [Path(parsed.source)], overwrite=parsed.overwrite, flag="--video")


def _write_video(path: Path, source: "Detections", found: Any, pictures: "Scene | Video | None") -> None:
    from segcore.show.moving import moving
    from segcore.track.scenes import Scene
    from segcore.track.show import tracked_frames
    from segcore.track.video import Video, frames_of

    drawn: Iterator[Any] | None = None
    if isinstance(pictures, Scene):
        drawn = map(pictures.draw, range(source.n_frames))
    elif pictures is not None:
        drawn = frames_of(pictures)
    fps = pictures.fps if isinstance(pictures, Video) else _FPS
    write_whole(path, moving(tracked_frames(drawn, source, found), path.suffix, fps=fps))
    print(f"{path}: {source.n_frames} frames.")


def _truth(parsed: argparse.Namespace) -> Any:
    from segcore.track.files import read_boxes

    return read_boxes(parsed.truth, kinds=_kinds(parsed), truth=True)


def _evaluate(parsed: argparse.Namespace) -> int:
    from segcore.track.files import read_boxes

    check_json(parsed.json, overwrite=parsed.overwrite)
    result = read_boxes(parsed.result, kinds=_kinds(parsed))
    scores = _print_scores(_truth(parsed), result)
    write_json(parsed.json, {"protocol": "tracking", **scores})
    return 0


def _print_scores(truth: Any, result: Any) -> Mapping[str, float]:
    from segcore.metrics.tracking import check_one_sequence, tracking_scores

    check_one_sequence(truth, result)
    scores: Mapping[str, Any] = tracking_scores(truth, result)
    print_table(list(_SHARES.values()), [[scores[name] for name in _SHARES]])
    print_table(list(_COUNTS.values()), [[scores[name] for name in _COUNTS]])
    return scores


def _train(parsed: argparse.Namespace) -> int:
    from segcore.runtime.progress import make_bar
    from segcore.track.message_training import MINUTES, net_bytes, train_net

    if parsed.minutes is not None and parsed.steps is not None:
        raise InputError("Give either --minutes or --steps, not both.", field="minutes")
    check_outputs([parsed.out], overwrite=parsed.overwrite)
    settings = schema_from(parsed, MessageTrainingSettings)
    minutes = None if parsed.steps else parsed.minutes if parsed.minutes is not None else MINUTES
    bar = make_bar(total=100, label="train", unit="%")
    for state, net in train_net(settings, minutes=minutes, steps=parsed.steps, seed=parsed.seed):
        bar.update(100 * state.progress - bar.n)
        trained = net
    bar.close()
    about = {"training": {**settings.to_dict(), "seed": parsed.seed, "steps": state.step, "seconds": state.seconds}}
    write_whole(parsed.out, net_bytes(trained, about))
    right = ", ".join(f"{name} {value:.1%}" for name, value in state.parts.items())
    print(f"{parsed.out}: {state.step} steps; of the edges of the last one {right}.")
    print(f"Use it: python -m segcore track SOURCE --out RES.txt --tracker message_passing --set weights={parsed.out}")
    return 0
