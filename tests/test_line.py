"""Heavy events wait in one line: moves of a control go before new pictures, and nobody is passed forever."""

from types import SimpleNamespace

from gradio.queueing import Event, Queue

from demo.shared.events import HEAVY
from demo.shared.line import HEAD_START, Line, form_line


class Told:
    """A queue that only notes from which place on it has told people their places."""

    def __init__(self):
        self.places = []

    def broadcast_estimations(self, _name, after):
        self.places.append(after)


def event(visitor: str, picture: str | None, at: float) -> Event:
    new = Event(visitor, SimpleNamespace(concurrency_id="compute"), None, None)
    file = {"path": picture, "meta": {"_type": "gradio.FileData"}} if picture else None
    new.data, new.enqueue_time = SimpleNamespace(data=[1, file, 5]), at
    return new


def test_move_passes_new_pictures_and_tells_them():
    told = Told()
    line = Line(told)
    for visitor, at in (("a", 0), ("b", 1), ("c", 2)):
        line.append(event(visitor, f"{visitor}.png", at))
    first = line[0]
    line.remove(first)  # it is at work
    line.append(move := event("a", "a.png", 3))
    assert [e.session_hash for e in line] == ["a", "b", "c"]
    assert line[0] is move
    assert told.places == [0]  # those who came in order are told by the queue itself


def test_moves_keep_their_order():
    line = Line(Told())
    for visitor in "ab":
        line.append(event(visitor, "shown.png", 0))
    while line:
        line.remove(line[0])
    for visitor, at in (("b", 1), ("a", 2), ("b", 3)):
        line.append(event(visitor, "shown.png", at))
    assert [e.enqueue_time for e in line] == [1, 2, 3]


def test_another_picture_and_another_visitor_are_new():
    line = Line(Told())
    for visitor, picture, at in (("a", "a.png", 0), ("a", "b.png", 1), ("b", "a.png", 2), ("c", None, 3), ("c", None, 4)):
        line.append(event(visitor, picture, at))
    assert [e.enqueue_time for e in line] == [4, 0, 1, 2, 3]


def test_nobody_is_passed_forever():
    line = Line(Told())
    line.append(event("a", "a.png", 0))
    line.remove(line[0])
    line.append(event("b", "b.png", 0))
    line.append(event("a", "a.png", HEAD_START + 1))
    assert line[0].session_hash == "b"


def test_two_of_one_visitor_are_never_at_work_at_once(monkeypatch):
    monkeypatch.setitem(HEAVY, "concurrency_limit", 2)
    queue = Queue(live_updates=False, concurrency_count=4, update_intervals=1, max_size=None, blocks=SimpleNamespace(fns={}))
    form_line(SimpleNamespace(_queue=queue))
    heavy = queue.event_queue_per_concurrency_id[HEAVY["concurrency_id"]]
    monkeypatch.setattr(queue, "broadcast_estimations", lambda *_: None)
    queue.active_jobs = [None] * 4

    def begin():
        found = queue.get_events()
        if found is None:
            return None
        queue.active_jobs[queue.active_jobs.index(None)] = found[0]
        heavy.current_concurrency += 1
        return found[0][0].enqueue_time

    for visitor, at in (("a", 0), ("a", 1), ("b", 2), ("c", 3)):
        new = event(visitor, f"{visitor}.png", at)
        new.fn.batch = False
        heavy.queue.append(new)
    # The second of a is a move, and goes before the others; once both are at work nobody else begins.
    assert [begin(), begin(), begin()] == [1, 2, None]
    queue.active_jobs[0] = None
    heavy.current_concurrency -= 1
    assert begin() == 0
    assert [e.session_hash for e in heavy.queue] == ["c"]


def test_line_of_page():
    """A page has this line, and its limit."""
    queue = SimpleNamespace(event_queue_per_concurrency_id={}, active_jobs=[])
    form_line(SimpleNamespace(_queue=queue))
    made = queue.event_queue_per_concurrency_id[HEAVY["concurrency_id"]]
    assert isinstance(made.queue, Line)
    assert made.concurrency_limit == HEAVY["concurrency_limit"]
