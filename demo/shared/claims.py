"""Claims: what must be true of a state that a page shows, as a short expression over named facts.

A claim reads like Python: `sizes(0)[-1] == 1 and found > 0.95`. It may hold comparisons, `and`, `or`, `not`, `in`, sums and
products, numbers, text, and facts, which a page names in a `Book`. Nothing else is understood, and nothing is executed.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.shared.service import Service
from segcore.errors import InputError

_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne, ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_JOINED: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "len": len, "max": max, "min": min, "round": round, "sum": sum}


@dataclass(frozen=True, eq=False, slots=True)
class Book:
    """What can be said of the states of a page.

    Attributes:
        open: makes the state of an address, from its names and values.
        facts: by name; each takes the state, and perhaps a few numbers or words, and its docstring says what it is.
        names: what may stand in an address of the page, beside what is carried from page to page.
    """

    open: Callable[[Service, Mapping[str, str]], Any]
    facts: Mapping[str, Callable[..., Any]]
    names: Callable[[Mapping[str, str]], set[str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a claim: whether it holds, and the facts that it named, by how it named them."""

    holds: bool
    values: Mapping[str, Any]


def parse(claim: str) -> ast.expr:
    """Read a claim.

    Raises:
        InputError: it is no expression, or holds what a claim may not.
    """
    try:
        tree = ast.parse(claim.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise InputError(f"The claim {claim!r} cannot be read: {getattr(error, 'msg', error)}.") from error
    _check(tree, claim)
    return tree


def _check(node: ast.AST, claim: str) -> None:
    parts: list[ast.expr]
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float | str):
            return
        case ast.Name() | ast.Attribute(value=ast.Name()):
            return
        case ast.Call(func=ast.Name() | ast.Attribute(value=ast.Name()), args=parts, keywords=[]):
            pass
        case ast.Subscript(value=of, slice=at):
            parts = [of, at]
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=of):
            parts = [of]
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _JOINED:
            parts = [left, right]
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in _COMPARED for op in ops):
            parts = [left, *rest]
        case _:
            wrong = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
            raise InputError(
                f"The claim {claim!r} holds {wrong!r}: only facts, numbers, comparisons, and, or, not may be used."
            )
    for part in parts:
        _check(part, claim)


def judge(claim: str, states: Mapping[str, Any], facts: Mapping[str, Callable[..., Any]]) -> Verdict:
    """Evaluate a claim.

    Args:
        claim: the expression.
        states: the state under the name "", and others by the names that stand before their facts: `other.found`.
        facts: of the page.

    Raises:
        InputError: the claim cannot be read, or names a fact or a state that there is not, or asks a fact what it has not.
    """
    reader = _Reader(claim, states, facts)
    return Verdict(bool(reader.value(parse(claim))), reader.values)


class _Reader:
    """Evaluates the parts of a claim, and keeps the facts that it came across."""

    def __init__(self, claim: str, states: Mapping[str, Any], facts: Mapping[str, Callable[..., Any]]):
        self._claim, self._states, self._facts = claim, states, facts
        self.values: dict[str, Any] = {}

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name() | ast.Attribute():
                return self._fact(node, [])
            case ast.Call(func=func, args=args):
                given = [self.value(arg) for arg in args]
                if isinstance(func, ast.Name) and func.id in _FUNCTIONS:
                    return self._tried(_FUNCTIONS[func.id], *given)
                return self._fact(func, given, shown=ast.unparse(node))
            case ast.BoolOp(op=op, values=parts):
                joined = all if isinstance(op, ast.And) else any
                return joined(self.value(part) for part in parts)
            case ast.Compare(left=left, ops=ops, comparators=rest):
                return self._compared([left, *rest], ops)
        return self._made(node)

    def _made(self, node: ast.expr) -> Any:
        """What is made of values: sums, products, entries, lists."""
        match node:
            case ast.Subscript(value=of, slice=at):
                return self._tried(operator.getitem, self.value(of), self.value(at))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return [self.value(part) for part in parts]
            case ast.UnaryOp(op=op, operand=part):
                return not self.value(part) if isinstance(op, ast.Not) else self._tried(operator.neg, self.value(part))
            case ast.BinOp(op=op, left=left, right=right):
                return self._tried(_JOINED[type(op)], self.value(left), self.value(right))
        raise AssertionError(ast.dump(node))  # `parse` lets nothing else through

    def _compared(self, parts: list[ast.expr], ops: list[ast.cmpop]) -> bool:
        values = [self.value(part) for part in parts]
        pairs = zip(ops, values, values[1:], strict=False)
        return all(self._tried(_COMPARED[type(op)], a, b) for op, a, b in pairs)

    def _fact(self, node: ast.expr, args: list[Any], shown: str = "") -> Any:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            state, name = node.value.id, node.attr
        else:
            state, name = "", ast.unparse(node)
        if state not in self._states:
            known = ", ".join(filter(None, self._states)) or "none"
            raise InputError(f"The claim {self._claim!r} names a state {state!r}. There are: {known}.")
        if name not in self._facts:
            known = ", ".join(sorted(self._facts))
            raise InputError(f"The claim {self._claim!r} names a fact {name!r}. There are: {known}.")
        found = self._tried(self._facts[name], self._states[state], *args)
        self.values[shown or ast.unparse(node)] = found
        return found

    def _tried(self, what: Callable[..., Any], *values: Any) -> Any:
        try:
            return what(*values)
        except (TypeError, ValueError, LookupError, ZeroDivisionError, AttributeError) as error:
            raise InputError(f"The claim {self._claim!r} asks what cannot be answered: {error}.") from error
