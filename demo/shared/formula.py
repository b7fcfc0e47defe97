"""Formulas within sentences: LaTeX between dollar signs becomes MathML, which browsers set without any script."""

import html
import re
from functools import cache

from latex2mathml.converter import convert

_NEEDLESS = re.compile(r' (?:href|xmlns)="[^"]*"')  # a formula leads nowhere, and HTML knows what <math> is

# A tag of MathML that does nothing; the converter hands on what stands in \\text as it is.
_TAG = re.compile(r'</?m[a-z]+(?: (?!on|href|src|style)[a-z]+="[^"<>]*")* ?/?>')
_ANY_TAG = re.compile(r"<[^>]*>?")
_LEFT_OVER = re.compile(r"<m[io]>[\\{}]")  # what the converter did not understand, it hands on
_PRIMED = re.compile(r"<msup>(<mi>[^<]+</mi>)<mi>&#x02032;</mi></msup>")  # the sign stands high by itself

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
