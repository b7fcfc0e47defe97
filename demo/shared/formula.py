"""Formulas within sentences: LaTeX between dollar signs becomes MathML, which browsers set without any script."""

import html
import re
from functools import cache
from xml.etree import ElementTree

from latex2mathml.converter import convert

_NEEDLESS = re.compile(r' (?:href|xmlns)="[^"]*"')  # a formula leads nowhere, and HTML knows what <math> is

# A tag of MathML that does nothing; the converter hands on what stands in \\text as it is.
_TAG = re.compile(r'</?m[a-z]+(?: (?!on|href|src|style)[a-z]+="[^"<>]*")* ?/?>')
_ANY_TAG = re.compile(r"<[^>]*>?")
_LEFT_OVER = re.compile(r"<m[io]>[\\{}]")  # what the converter did not understand, it hands on
_PRIMED = re.compile(r"<msup>(<mi>[^<]+</mi>)<mi>&#x02032;</mi></msup>")  # the sign stands high by itself

# Of formulas on one line: signs with room around them, and what stands above a letter.
_APART, _LARGE = frozenset("=<>+·⋅×⊙∈⊂≥≤|"), frozenset("∑∏∫")
_ABOVE = {"^": "\u0302", "¯": "\u0304", "~": "\u0303"}
_LOWERED = re.compile(r"<su[bp]>[^<]*</su[bp]>")
_LONG = re.compile(r"[^\w\u0300-\u036f]|\w{2}")  # what needs brackets in a fraction
_SPACES = re.compile(r"\s+")

_STRETCHED = "<mo>&#x02016;</mo>"  # of a norm: with a power it would hang below the line
_UPRIGHT = '<mo stretchy="false">&#x02016;</mo>'


@cache
def typeset(text: str) -> str:
    """HTML of a sentence: `$…$` as MathML, all else as it stands, with what HTML would read as its own escaped.

    Raises:
        ValueError: a formula is no LaTeX, or a dollar sign has no partner.
    """
    parts = text.split("$")
    if len(parts) % 2 == 0:
        raise ValueError(f"{text!r} has a dollar sign without a partner.")
    return "".join(_formula(part) if i % 2 else html.escape(part) for i, part in enumerate(parts))


def flat(latex: str) -> str:
    """A formula as HTML of text on one line, for what draws letters alone: `<sub>` and `<sup>`, fractions with a stroke.

    Raises:
        ValueError: it is no LaTeX.
    """
    if "{aligned}" in latex:  # which the converter does not know
        latex = latex.replace("{aligned}", "{gathered}").replace("&", "")
    text = _flat(ElementTree.fromstring(_formula(latex)))
    return _SPACES.sub(" ", text).replace("( ", "(").replace(" )", ")").replace(" ,", ",").strip()


def _flat(node: ElementTree.Element) -> str:
    parts = [_flat(child) for child in node]
    match node.tag:
        case "msub" | "munder":
            return f"{parts[0].rstrip()}<sub>{_bare(parts[1])}</sub>{_gap(parts[0])}"
        case "msup":
            return f"{parts[0]}<sup>{_bare(parts[1])}</sup>"
        case "msubsup" | "munderover":
            return f"{parts[0].rstrip()}<sub>{_bare(parts[1])}</sub><sup>{_bare(parts[2])}</sup>{_gap(parts[0])}"
        case "mover":
            return parts[0] + _ABOVE.get(parts[1].strip(), "")
        case "mfrac":
            above, below = ([part, f"({part})"][bool(_LONG.search(_LOWERED.sub("", part)))] for part in parts)
            return f"({above} / {below})"
        case "mspace":
            return ", " if node.get("linebreak") else " "
        case "mtr":
            return " ".join(parts)
        case "mtable":
            return "; ".join(parts)
        case "mo" | "mi" | "mn" | "mtext":
            return _sign(node.text or "")
        case _:
            return "".join(parts)


def _sign(text: str) -> str:
    sign = html.escape(text, quote=False)
    if text in _APART:
        return f" {sign} "
    return f" {sign} " if text in _LARGE or (len(text) > 1 and text.isalpha()) else f"{sign} " if text == "," else sign


def _gap(before: str) -> str:
    return " " if before.endswith(" ") else ""


def _bare(text: str) -> str:
    return re.sub(r"<[^>]*>|^ | $", "", text)


def _formula(latex: str) -> str:
    try:
        told = convert(latex)
        if _LEFT_OVER.search(told):
            raise ValueError("it holds a command that is not known, or a brace without a partner")
        if not all(map(_TAG.fullmatch, _ANY_TAG.findall(_NEEDLESS.sub("", told)))):
            raise ValueError("it holds markup, which belongs outside of a formula")
        primed = _PRIMED.sub(r'\1<mo lspace="0" rspace="0">&#x02032;</mo>', _NEEDLESS.sub("", told))
        return primed.replace(_STRETCHED, _UPRIGHT)
    except Exception as error:  # whatever the parser stumbles over
        raise ValueError(f"The formula ${latex}$ cannot be read as LaTeX: {error or type(error).__name__}.") from error
