"""Writes the reference pages as Markdown, from the code alone; knows no Sphinx.

Interfaces are read from their source, since at run time they have lost their types; all else is looked at as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from inspect import getdoc, signature
from typing import Any

import attrs

from balancer.errors import BalancerError


def nouns(classes: Iterable[type[Any]], *, heading: str = "##") -> str:
    """A section for each `attrs` class: what it says of itself, and its settings with types and defaults."""
    return "\n".join(line for noun in classes for line in _noun(noun, heading))


def _noun(noun: type[Any], heading: str) -> Iterator[str]:
    yield from (f"{heading} {noun.__name__}", "", getdoc(noun) or "", "")
    fields = [field for field in attrs.fields(noun) if field.init]
    if fields:
        yield from ("| setting | type | default |", "|---|---|---|")
        yield from (f"| `{field.name}` | {_code(field.type)} | {_default(field)} |" for field in fields)
        yield ""


def _code(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return "`" + text.replace("|", "\\|") + "`"


def _default(field: attrs.Attribute[Any]) -> str:
    default: Any = field.default
    if default is attrs.NOTHING:
        return "required"
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # typed as a function, and is a class
        return "see above" if default.takes_self else f"`{default.factory()!r}`"
    return f"`{default!r}`"


def values(source: str, names: Iterable[str], *, heading: str = "###") -> str:
    """A section for each of these classes of a module's source: what it is, what it has and what it does."""
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    return "\n".join(line for name in names for line in _value(classes[name], heading))


def _value(node: ast.ClassDef, heading: str) -> Iterator[str]:
    yield from (f"{heading} {node.name}", "", ast.get_docstring(node) or "", "")
    attributes = [one for one in node.body if isinstance(one, ast.AnnAssign) and "init=False" not in ast.unparse(one)]
    yield f"It has {', '.join(f'`{ast.unparse(one.target)}: {ast.unparse(one.annotation)}`' for one in attributes)}."
    yield ""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
            yield from _member(_signature(member), ast.get_docstring(member) or "")


def _signature(member: ast.FunctionDef) -> str:
    result = ast.unparse(member.returns or ast.Constant(None))
    if any(isinstance(one, ast.Name) and one.id == "property" for one in member.decorator_list):
        return f"{member.name}: {result}"
    arguments = ast.unparse(member.args).removeprefix("self").removeprefix(", ")
    return f"{member.name}({arguments}) -> {result}"


def interfaces(source: str) -> str:
    """A section for each interface of a module's source: what it says, its attributes and its methods."""
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    found = (node for node in classes if [ast.unparse(parent) for parent in node.bases] == ["Interface"])
    return "\n".join(line for node in found for line in _interface(node))


def _interface(node: ast.ClassDef) -> Iterator[str]:
    yield from (f"## {node.name}", "", ast.get_docstring(node) or "", "")
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and isinstance(member.value, ast.Call):
            about = str(ast.literal_eval(member.value.args[0]))
            yield from _member(f"{ast.unparse(member.target)}: {ast.unparse(member.annotation)}", about)
        elif isinstance(member, ast.FunctionDef):
            yield from _member(_signature(member), ast.get_docstring(member) or "")


def _member(signature: str, about: str) -> Iterator[str]:
    """An entry of a definition list, whose text is indented."""
    yield f"`{signature}`"
    yield ": " + "\n".join(f"  {line}" if line else "" for line in about.splitlines()).lstrip()
    yield ""


def errors() -> str:
    """A row for each error of the tree that is raised."""
    rows = [_error(error) for error in _below(BalancerError)]
    return "\n".join(
        ["| error | side | retryable | status | reason | meaning |", "|---|---|---|---|---|---|", *rows, ""]
    )


def _below(error: type[BalancerError]) -> Iterator[type[BalancerError]]:
    for child in error.__subclasses__():
        yield child
        yield from _below(child)


def _error(error: type[BalancerError]) -> str:
    about = (getdoc(error) or "").split("\n\n")[0].replace("\n", " ")
    own = signature(error.__init__).parameters.get("status")
    status = error.status if own is None else f"{own.default}, or its own"
    cells = (f"`{error.__name__}`", error.side.value, error.retryable.value, status, f"`{error.reason}`", about)
    return "| " + " | ".join(map(str, cells)) + " |"


def rows(head: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = (head, ["---"] * len(head), *cells)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
