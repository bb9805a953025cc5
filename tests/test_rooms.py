"""The rooms as a graph of modules: no circle in it, no room that another escapes into, no name of ours where the field has one."""

import ast
import re
import tokenize
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import striate

ROOT = Path(str(striate.__file__)).parent


def module(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in ROOT.rglob("*.py")}


def homes(room: str) -> dict[str, str]:
    """Public name -> the module that it really is in; a room's face names it."""
    stub = MODULES[room].with_suffix(".pyi")
    lines = ast.parse(stub.read_text()).body if MODULES[room].name == "__init__.py" and stub.exists() else []
    return {name.name: line.module or "" for line in lines if isinstance(line, ast.ImportFrom) for name in line.names}


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it: at the top, in a function, or for the type checker alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found |= {_home(node.module, name.name) for name in node.names}
    return found & MODULES.keys() - {module(path)}


def _home(of: str, name: str) -> str:
    if f"{of}.{name}" in MODULES:
        return f"{of}.{name}"
    home = homes(of).get(name)
    return of if home is None else _home(home, name)


def graph() -> dict[str, set[str]]:
    return {name: imported(path) for name, path in MODULES.items()}


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_graph_follows_public_names_to_their_files():
    edges = graph()
    assert "striate.training.loop" in edges["striate.jobs.train_epochs"]
    assert "striate.models.blocks" in edges["striate.models.create"]  # for the type checker alone
    with pytest.raises(CycleError):
        TopologicalSorter({**edges, "striate.errors": {"striate.jobs.train_epochs"}}).prepare()


# Words of our own where the field has one, and British spelling; DESIGN has a table of what stands in their place.
BANNED_NAMES = {
    *("picture", "pictures", "colour", "colours", "coloured", "grey", "greys", "centre", "centred"),
    *("centres", "neighbour", "neighbours", "said", "says", "say", "sees", "sight", "sights"),
    *("looks", "settle", "settled", "aside", "mend", "mended", "tint", "tints", "bend"),
    *("bends", "placing", "retouching", "tones", "deviation", "deviations"),
}
PART = {"part", "parts"}  # of data is a split; of a path, and "in part", is something else
PERMITTED_PARTS = {
    ("written_path.py", "parts"),
    ("image_paths.py", "parts"),
    ("unused_content.py", "read_in_part"),
    ("test_new_images.py", "test_new_images_that_the_network_reads_in_part_are_reported"),
}
BANNED_PROSE = re.compile(
    r"\b(said|says|sees|seen|pictures?|colour\w*|grey\w*|centre[sd]?|neighbour\w*|behaviour\w*|favour\w*|(un)?labelled|"
    r"licence|sets? aside|mend(s|ed|ing)?|put(s|ting)? up with|tint(s|ed)?|deviations?|first weights|sight|"
    r"right among the first|go(es)? on with|looks(?! (at|for|into|like|most like)\b)|parts? of the data|"
    r"(train|training|val|validation|test) parts?|(across|between|both) parts)\b",
    re.IGNORECASE,
)
ALLOWED = (
    "standard deviation",  # as papers write it in full
)
PROJECT = Path(__file__).parents[1]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md", "docs/rooms.svg"),
    *("benchmarks/README.md", ".ci/run", ".ci/gpu"),
)
TEXTS = [*ROOT.rglob("*.j2"), *(PROJECT / name for name in DOCUMENTS)]


def defined(tree: ast.AST) -> set[str]:
    """The names that a file gives to things; those that it only uses may be another library's."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
    return found


def segments(name: str) -> set[str]:
    """`SkippedFile` and `skipped_file` -> skipped, file."""
    return {piece.lower() for piece in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def is_banned(path: Path, name: str) -> bool:
    words = segments(name)
    return bool(words & BANNED_NAMES) or bool(words & PART and (path.name, name) not in PERMITTED_PARTS)


def prose(tree: ast.AST) -> list[str]:
    """Strings of several words: messages, help, docstrings. A single word may be what a user's column or folder is called."""
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    ]


def docstrings(tree: ast.AST) -> list[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]


def comments(path: Path) -> list[str]:
    with tokenize.open(path) as file:
        return [token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT]


def offences(text: str) -> list[str]:
    for allowed in ALLOWED:
        text = re.sub(allowed, "", text, flags=re.IGNORECASE)
    return [match[0] for match in BANNED_PROSE.finditer(text)]


@pytest.mark.parametrize("room", sorted({path.relative_to(ROOT).parts[0] for path in MODULES.values()}))
def test_names_and_messages_are_the_fields_words(room):
    found = []
    for path in MODULES.values():
        where = path.relative_to(ROOT)
        if where.parts[0] != room:
            continue
        tree = ast.parse(path.read_text())
        names = {path.stem, *defined(tree)}
        found += [f"{where}: {name}" for name in sorted(names) if is_banned(path, name)]
        texts = [*prose(tree), *comments(path)]
        found += [f"{where}: {word} in {text[:80]!r}" for text in texts for word in offences(text)]
    assert not found, "\n".join(found)


def test_names_docstrings_and_comments_of_tests_and_benchmarks_are_the_fields_words():
    found = []
    for path in [*Path(__file__).parent.rglob("*.py"), *(PROJECT / "benchmarks").rglob("*.py")]:
        if path == Path(__file__):
            continue
        tree = ast.parse(path.read_text())
        names = {path.stem, *defined(tree)}
        found += [f"{path.name}: {name}" for name in sorted(names) if is_banned(path, name)]
        texts = [*docstrings(tree), *comments(path)]
        found += [f"{path.name}: {word} in {text[:80]!r}" for text in texts for word in offences(text)]
    assert not found, "\n".join(found)


def test_pages_and_documents_are_in_the_fields_words():
    found = [f"{path.name}: {word}" for path in TEXTS for word in offences(path.read_text())]
    assert not found, "\n".join(found)


def test_the_scan_finds_names_messages_and_parts_of_names():
    tree = ast.parse(
        'class MendedSight:\n    def f(self, grey_level, parts): raise ValueError(f"the picture {grey_level} is grey")'
    )
    assert {name for name in defined(tree) if is_banned(Path("a.py"), name)} == {"MendedSight", "grey_level", "parts"}
    assert not is_banned(Path("image_paths.py"), "parts")
    assert [word for text in prose(tree) for word in offences(text)] == ["picture", "grey"]
    assert not offences("the standard deviation of the mean")


FUNCTION_LINES, FILE_LINES = 60, 330  # a screen; what is read in one go
LITERAL_TABLES = {"striate.models.architectures"}


def test_a_function_fits_a_screen_and_a_file_is_read_in_one_go():
    long = [
        f"{name}: {node.name} has {lines} lines"
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    long += [
        f"{name} has {lines} lines"
        for name, path in MODULES.items()
        if (lines := path.read_text().count("\n")) > FILE_LINES and name not in LITERAL_TABLES
    ]
    assert not long, "\n".join(long)


def test_no_file_outside_of_the_tasks_names_one():
    """Loop, jobs, runs, analysis, command line and export hold for any task, a stranger's too."""
    here = {"tasks", "report", "models", "sources"}  # sources tell which task the data are for
    kinds = {
        ROOT / "data" / f"{name}.py" for name in ("targets", "instance_targets", "masks")
    }  # and targets what each is for
    words = re.compile(r"\"(classify|multilabel|regress|segment|detect)\"|\b(Classify|MultiLabel|Regress)\b")
    named = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in here and path not in kinds
        for found in words.finditer(path.read_text(encoding="utf-8"))
    ]
    assert named == []
