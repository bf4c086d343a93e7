"""Mutants of a module: the same program but for one small change in its syntax tree."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, TypeAlias

Change: TypeAlias = ast.AST | None
"""What stands in a node's place; None is nothing, of statements only."""

OPERATORS: dict[type[ast.AST], tuple[type[Any], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}

TWINS = (
    ("visible", "infrared"), ("query", "gallery"), ("queries", "gallery"), ("real", "fake"),
    ("first", "second"), ("forth", "back"), ("teacher", "student"), ("identity", "camera"),
    ("anchors", "candidates"), ("rows", "columns"), ("height", "width"), ("top", "left"),
    ("tall", "wide"), ("min", "max"), ("amin", "amax"), ("argmin", "argmax"), ("any", "all"),
    ("minimum", "maximum"), ("sum", "mean"), ("floor", "ceil"), ("zeros", "ones"),
    ("train", "eval"), ("lower", "upper"),
)  # fmt: skip
"""Names that are easily taken for each other."""

TWIN_OF = {a: b for pair in TWINS for a, b in (pair, pair[::-1])}


COMMUTATIVE = {"min", "max", "minimum", "maximum", "equal", "array_equal"}
"""Functions whose first two arguments may change places."""


@dataclass(frozen=True)
class Mutant:
    """One change of a module.

    Attributes:
        lines: Of the statement that changes, first and last.
        function: Where it is, as `Class.method`; empty at the top of the module.
        line: The source of the line where the changed part begins.
        before: The source of the changed part.
        after: What stands there instead; empty when it is left out.
        code: The compiled module.
    """

    lines: tuple[int, int]
    function: str
    line: str
    before: str
    after: str
    code: CodeType

    @property
    def change(self) -> dict[str, str]:
        """What changes, without where: lines move."""
        return {"line": self.line, "before": self.before, "after": self.after}


class Names(NamedTuple):
    """The names that a module imports, and all that it uses."""

    imported: set[str]
    used: set[str]


@dataclass(frozen=True)
class Place:
    """A node, where its parent keeps it, and the statement and function around it."""

    node: Any
    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt
    function: tuple[str, ...]

    def put(self, node: ast.AST) -> None:
        """Let the parent have another node here."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants_of(path: Path) -> list[Mutant]:
    """Return every mutant of a module, in the order of its lines."""
    source = path.read_text()
    tree, lines = ast.parse(source), source.splitlines()
    names = _names(tree)
    return [
        Mutant(
            lines=_lines(place.statement),
            function=".".join(place.function),
            line=lines[place.node.lineno - 1].strip(),
            before=ast.unparse(place.node),
            after=ast.unparse(change) if change else "",
            code=_compiled(tree, place, change or ast.Pass(), path),
        )
        for place in list(_places(tree, tree.body[0], ()))
        for change in _changes(place, names)
    ]


def _compiled(tree: ast.Module, place: Place, change: ast.AST, path: Path) -> CodeType:
    """Compile a module with one node changed, and put the node back."""
    for node in ast.walk(change):
        if not hasattr(node, "lineno"):
            ast.copy_location(node, place.node)
    place.put(change)
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        code = compile(tree, str(path.resolve()), "exec", dont_inherit=True)
    place.put(place.node)
    return code


def _names(tree: ast.Module) -> Names:
    """Return what a module imports, and all names in it."""
    nodes = list(ast.walk(tree))
    imported = {
        alias.asname or alias.name.partition(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return Names(imported, names | {node.arg for node in nodes if isinstance(node, ast.arg)})


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """Return the lines of a statement, without the body of a compound one."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno
    return statement.lineno, max(statement.lineno, last or 0)


def _places(parent: ast.AST, statement: ast.stmt, function: tuple[str, ...]) -> Iterator[Place]:
    """Walk through the nodes that decide what a module does."""
    for field, value in ast.iter_fields(parent):
        if field in {"annotation", "returns", "decorator_list"}:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _is_left_alone(node):
                continue
            around = node if isinstance(node, ast.stmt) else statement
            inside = function
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                inside = (*function, node.name)
            yield Place(node, parent, field, index, around, function)
            if not isinstance(node, ast.Raise):
                yield from _places(node, around, inside)


def _is_left_alone(node: ast.AST) -> bool:
    """Say whether a node is text for people, a type, an import or a check of lengths."""
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation):
        return True
    return isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom)


def _changes(place: Place, names: Names) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.stmt):
        yield from _statement_changes(node)
    elif isinstance(node, ast.BoolOp | ast.BinOp | ast.UnaryOp | ast.Compare):
        yield from _operator_changes(node)
    elif isinstance(node, ast.Constant):
        yield from _constant_changes(node, place)
    elif isinstance(node, ast.Call):
        if not isinstance(place.parent, ast.Expr):
            yield from _call_removed(node, names)
        yield from _argument_changes(node)
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield from _twin_changes(node, names)


def _statement_changes(node: ast.stmt) -> Iterator[Change]:
    """Leave a statement out, take either way of a condition, or return nothing."""
    if isinstance(node, ast.Assign):
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            yield None
    elif isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Continue | ast.Break):
        yield None
    elif isinstance(node, ast.With) and all(not item.optional_vars for item in node.items):
        yield ast.If(ast.Constant(value=True), node.body, [])
    elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
        yield from (ast.If(ast.Constant(value=v), node.body, node.orelse) for v in (True, False))
    elif isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
        yield ast.Return(ast.Constant(value=None))


def _operator_changes(node: Any) -> Iterator[Change]:
    if isinstance(node, ast.BoolOp):
        yield from (ast.BoolOp(other(), node.values) for other in OPERATORS[type(node.op)])
    elif isinstance(node, ast.Compare):
        for other in OPERATORS[type(node.ops[0])]:
            yield ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.operand, ast.Constant):
            yield node.operand
    elif isinstance(node.op, ast.MatMult):
        yield ast.BinOp(node.right, node.op, node.left)
    elif not isinstance(node.left, ast.JoinedStr) and not isinstance(node.right, ast.JoinedStr):
        yield from (ast.BinOp(node.left, other(), node.right) for other in OPERATORS[type(node.op)])


def _constant_changes(node: ast.Constant, place: Place) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(value=not value)
    elif isinstance(value, int):
        yield ast.Constant(value=value + 1)
    elif isinstance(value, float):
        yield ast.Constant(value=value * 2 if value else 1.0)
    elif isinstance(value, str) and place.function:
        yield ast.Constant(value=TWIN_OF.get(value, value + "~"))


def _call_removed(node: ast.Call, names: Names) -> Iterator[Change]:
    """Put in a call's place what its method belongs to, or its first argument."""
    function = node.func
    if isinstance(function, ast.Attribute):
        root = function.value
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id not in names.imported:
            yield function.value
            return
    if node.args and not isinstance(node.args[0], ast.Starred | ast.GeneratorExp):
        yield node.args[0]


def _argument_changes(node: ast.Call) -> Iterator[Change]:
    """Exchange the first two arguments, or leave out one that is named."""
    name = ast.unparse(node.func).rpartition(".")[2]
    starred = any(isinstance(each, ast.Starred) for each in node.args[:2])
    if len(node.args) > 1 and not starred and name not in COMMUTATIVE:
        yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
    for keyword in node.keywords:
        if not _is_left_alone(keyword) and keyword.arg and len(node.keywords) + len(node.args) > 1:
            rest = [other for other in node.keywords if other is not keyword]
            yield ast.Call(node.func, node.args, rest)


def _twin_changes(node: ast.Name | ast.Attribute, names: Names) -> Iterator[Change]:
    if isinstance(node, ast.Attribute) and node.attr in TWIN_OF:
        yield ast.Attribute(node.value, TWIN_OF[node.attr], ast.Load())
    elif isinstance(node, ast.Name) and TWIN_OF.get(node.id) in names.used:
        yield ast.Name(TWIN_OF[node.id], ast.Load())
