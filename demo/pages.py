"""The pages, in the order of the navigation bar; a new one is a folder beside `lab/` and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from demo.collections import facts as of_collections
from demo.collections import page as collections
from demo.guide import page as guide
from demo.lab import facts as of_lab
from demo.lab import page as lab
from demo.learn import facts as of_learn
from demo.learn import page as learn
from demo.lectures import page as lectures
from demo.playgrounds import facts as of_playgrounds
from demo.playgrounds import page as playgrounds
from demo.scribble import facts as of_scribble
from demo.scribble import page as scribble
from demo.shared.claims import Book
from demo.shared.service import Service
from demo.steps import facts as of_steps
from demo.steps import page as steps
from demo.tracking import facts as of_tracking
from demo.tracking import page as tracking


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        path: behind the address of the server; "" for the first one.
        title: in the navigation bar.
        intro: one sentence under the heading.
        build: lays the page out and connects it, inside the context of its route.
        book: what can be said of its states, where a line of a lecture may open one.
    """

    path: str
    title: str
    intro: str
    build: Callable[[gr.Blocks, Service], None]
    book: Book | None = None


PAGES = (
    Page(
        "",
        "Lab",
        "Drop a picture and watch self-supervised features fall apart into objects: choose a method, move K and λ, and "
        "look at the eigenvectors behind the masks.",
        lab.build,
        of_lab.BOOK,
    ),
    Page(
        "steps",
        "Step by step",
        "Every algorithm one step at a time, on your picture or on points in the plane, with its formula filled in.",
        steps.build,
        of_steps.BOOK,
    ),
    Page(
        "playgrounds",
        "Playgrounds",
        "Small, exact, every number yours to change: what layers, upsampling and scores do, with the sums written out.",
        playgrounds.build,
        of_playgrounds.BOOK,
    ),
    Page(
        "scribble",
        "Scribble",
        "A few strokes instead of no labels: graph cut, random walker and a linear head answer at once, and the head goes "
        "on to other pictures.",
        scribble.build,
        of_scribble.BOOK,
    ),
    Page(
        "collections",
        "Collections",
        "Many pictures, one numbering of groups: drop twenty pictures and see what recurs in all of them.",
        collections.build,
        of_collections.BOOK,
    ),
    Page(
        "learn",
        "Learn",
        "Systems that learn to segment, from pictures alone or from labels: start one, watch its loss, its clusters and its "
        "masks, and see what goes wrong when a term is left out.",
        learn.build,
        of_learn.BOOK,
    ),
    Page(
        "tracking",
        "Tracking",
        "Many frames, one identity: boxes become tracks by matching, by network flow and by message passing, step by step, "
        "with every score.",
        tracking.build,
        of_tracking.BOOK,
    ),
    Page(
        "lectures",
        "Lectures",
        "Five lectures as sheets: each line opens the state that shows it, with an exercise; to present and to hand out.",
        lectures.build,
    ),
    Page("guide", "Guide", "What the methods are, what the settings do, and how well it all works.", guide.build),
)
