"""Holds the repository to its own rules of size, shape and naming; knows nothing of what the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from balancer.config.loading import load

ROOT = Path(__file__).parents[1]
FOLDERS = ("balancer", "plugins", "twisted", "tests", "examples", "benchmarks", ".ci")
SOURCES = sorted(path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
MODULES = [path for path in SOURCES if path.parts[0] in {"balancer", "plugins"} and path.stem != "__init__"]
TESTS = [path for path in SOURCES if path.name.startswith("test_")]
TEXTS = (*SOURCES, *(path.relative_to(ROOT) for kind in ("*.md", "*.toml", "Makefile") for path in ROOT.glob(kind)))

UNWANTED_WORDS = {"manager", "handler", "helper", "helpers", "util", "utils", "base", "wrapper", "context"}
SILENCED_WITHOUT_REASON = re.compile(
    r"# (?:noqa(?:: *[A-Z]+[0-9]+(?:, *[A-Z]+[0-9]+)*)?|type: ignore(?:\[[a-z, -]*\])?|pragma: no \w+) *$", re.MULTILINE
)
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(path: Path) -> ast.Module:
    """Parse a file of the repository."""
    return ast.parse((ROOT / path).read_text(), str(path))


def lines_of(node: Function | ast.ClassDef) -> int:
    """Count the lines of a body without its docstring."""
    documented = ast.get_docstring(node) is not None
    if documented and len(node.body) == 1:
        return 0
    return (node.end_lineno or 0) - node.body[int(documented)].lineno + 1


def nesting(node: ast.AST, inside: bool = False) -> int:
    """Count the blocks around the innermost statement; `elif` goes no deeper than its `if`."""
    chained = isinstance(node, ast.If) and inside
    children = max((nesting(child, is_elif(node, child)) for child in ast.iter_child_nodes(node)), default=0)
    return children + int(isinstance(node, BLOCKS) and not chained)


def is_elif(node: ast.AST, child: ast.AST) -> bool:
    """Whether the child is the `elif` of the node."""
    return isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]


def inner_functions(node: Function) -> list[Function]:
    """Return the functions defined somewhere in that one."""
    return [inner for inner in ast.walk(node) if isinstance(inner, FUNCTIONS) and inner is not node]


def positional(node: Function) -> int:
    """Count the parameters that can be given by position, but `self`."""
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return len([name for name in names if name not in {"self", "cls"}])


def words(name: str) -> set[str]:
    """Return the words of a name in snake_case or CamelCase."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def faults_of_function(node: Function) -> Iterator[str]:
    """Say what is too large about a function."""
    if lines_of(node) > 40:
        yield f"has {lines_of(node)} lines; 40 at most"
    if nesting(node) > 3:
        yield f"nests {nesting(node)} deep; 3 at most"
    if any(inner_functions(inner) for inner in inner_functions(node)):
        yield "has a function within its inner function"
    if positional(node) > 5:
        yield f"takes {positional(node)} parameters by position; 5 at most"


def faults_of_class(node: ast.ClassDef) -> Iterator[str]:
    """Say what is too large about a class."""
    methods = [member for member in node.body if isinstance(member, FUNCTIONS)]
    if lines_of(node) > 200:
        yield f"has {lines_of(node)} lines; 200 at most"
    if len(methods) > 15:
        yield f"has {len(methods)} methods; 15 at most"


def faults_of(path: Path) -> Iterator[str]:
    """Say what is too large, or misnamed, in a file."""
    for node in ast.walk(parsed(path)):
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        for fault in faults_of_class(node) if isinstance(node, ast.ClassDef) else faults_of_function(node):
            yield f"{node.name} {fault}"
        if words(node.name) & UNWANTED_WORDS and path not in TESTS:
            yield f"{node.name}: {words(node.name) & UNWANTED_WORDS} says nothing; name what it is"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_sizes_and_names(path: Path) -> None:
    """Functions, classes and modules stay within their sizes, and no name is one of those that say nothing."""
    assert list(faults_of(path)) == []
    assert len((ROOT / path).read_text().splitlines()) <= 350
    assert not words(path.stem) & UNWANTED_WORDS


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_modules_say_what_they_promise(path: Path) -> None:
    """Every module that holds anything opens with what it promises."""
    module = parsed(path)
    assert not module.body or ast.get_docstring(module)


@pytest.mark.parametrize("path", TESTS, ids=str)
def test_tests_say_what_they_check(path: Path) -> None:
    """Every test says the promise it checks, in a sentence."""
    tests = [node for node in ast.walk(parsed(path)) if isinstance(node, FUNCTIONS) and node.name.startswith("test_")]
    assert [node.name for node in tests if not (ast.get_docstring(node) or "").endswith(".")] == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_the_tests_mirror_the_tree(path: Path) -> None:
    """Every module has a test file of its own, found by its place alone."""
    room = Path(*path.parts[2:-1] if path.parts[0] == "plugins" else path.parts[1:-1])
    rooms = [Path("tests", room)] + ([Path("tests", "service")] if room == Path() else [])
    names = (f"test_{path.stem}.py", f"test_{path.stem}_*.py")
    found = [found for folder in rooms for name in names for found in (ROOT / folder).glob(name)]
    assert found, f"write {rooms[0] / names[0]}"


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_exceptions_give_their_reason(path: Path) -> None:
    """A check that is silenced on a line says why on that line, and no text names a folder of one machine."""
    text = (ROOT / path).read_text()
    assert [match.group() for match in SILENCED_WITHOUT_REASON.finditer(text)] == []
    assert re.findall(r"(?<![\w.])/(?:work|root|home)/\w+", text) == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_load(path: Path) -> None:
    """Every example is a config without a mistake."""
    assert load(str(path)).listeners


def test_plugin_folders_stay_open() -> None:
    """No `__init__.py` closes a folder in which Twisted looks for plugins of several distributions."""
    assert [path for path in SOURCES if path.parts[0] in {"twisted", "plugins"} and path.name == "__init__.py"] == []


def test_the_way_about_tls() -> None:
    """What the package of TLS says is where names each of its modules, and none that is not there."""
    rooms = [path for path in MODULES if path.parts[:-1] == ("balancer", "net", "tls")]
    told = re.findall(r"`(\w+)`", ast.get_docstring(parsed(Path("balancer/net/tls/__init__.py"))) or "")
    assert sorted(told) == [path.stem for path in rooms]
