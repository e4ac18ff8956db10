"""The house rules that a machine can check: who imports whom, who may know what, how long a
function may be."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from utils.settings import PROJECT

SCRIPTS = ["manual_setup.py", "daily_update.py", "hourly_analysis.py"]
FOLDERS = ["utils", "collectors", "sandbox", "benchmarks"]
FILES = [PROJECT / name for name in SCRIPTS] + [
    path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py")
]
PRODUCT = [
    path for path in FILES if path.relative_to(PROJECT).parts[0] not in ("sandbox", "benchmarks")
]
MOST_LINES = 16_700
"""Lines of the product's Python that are not blank: code, docstrings and comments of the scripts,
`collectors` and `utils` together. Whoever raises it says in the commit what a user has of it."""
LONGEST_FUNCTION = 40
MOST_PARAMETERS = 6
REPORT = PROJECT / "collectors" / "views" / "report"
PAGE = [path for ending in ("js", "css", "html") for path in REPORT.glob(f"*.{ending}")]
WIDTH, WIDER_LINES = 100, 0.01
"""Columns of a line, and how many lines may have more: texts that are not worth a break."""
NO_BEGINNINGS = {"What", "Whether", "Who", "How", "Of", "As"}
"""First words of a docstring that neither does something nor names a thing."""
RECURSIONS = {
    "utils/store/sqlite.py:_condition": "a filter may hold filters, as a MongoDB filter may"
}
"""Functions that call themselves, because what they read nests -> what that is."""
MAY_IMPORT = {
    "rules": set(),
    "exchange": {"rules"},
    "collection": {"exchange", "rules"},
    "analysis": set(),
    "upkeep": {"collection", "exchange", "rules"},
    "setup": {"collection", "exchange", "rules"},
    "views": {"analysis", "collection", "exchange", "rules"},
}
"""A folder of `collectors` -> the other folders that it may import. All may import `utils`."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """The dotted modules a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def importers(package: str, files: list[Path] = PRODUCT) -> set[str]:
    return {
        name_of(path)
        for path in files
        if any(f"{name}.".startswith(f"{package}.") for name in imports(path))
    }


def users_of(attribute: str, files: list[Path]) -> set[str]:
    """Return the files with an expression that ends in `.attribute`."""
    return {
        name_of(path)
        for path in files
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr == attribute.rpartition(".")[2]
        and ast.unparse(node) == attribute
    }


def functions() -> list[tuple[str, Function]]:
    """Every function and method of `FILES`, after its file and name."""
    return [
        (f"{name_of(path)}:{node.name}", node)
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, Function)
    ]


def parameters(node: Function) -> list[str]:
    """All but the `self` or `cls` of a method."""
    given, rest = node.args, (node.args.vararg, node.args.kwarg)
    named = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    named += [each.arg for each in rest if each is not None]
    return named[1:] if named[:1] in (["self"], ["cls"]) else named


def circles(tree: ast.Module) -> set[str]:
    """The groups of a module's functions that come back to themselves, each by its names in order.

    A function goes on to every function of its module whose name it reads, and to every method of
    its own class that it reads of `self` or `cls`.
    """
    owners = {
        method: each.name
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
        for method in each.body
        if isinstance(method, Function)
    }
    nodes = {
        f"{owners[node]}.{node.name}" if node in owners else node.name: node
        for node in ast.walk(tree)
        if isinstance(node, Function)
    }
    steps = {
        name: goes_on_to(node, owners.get(node, "")) & nodes.keys() for name, node in nodes.items()
    }
    reached = {name: reachable(name, steps) for name in nodes}
    return {
        ", ".join(sorted(other for other in reached[name] if name in reached[other]))
        for name in nodes
        if name in reached[name]
    }


def goes_on_to(node: Function, owner: str) -> set[str]:
    read = [each for each in ast.walk(node) if isinstance(each, ast.Name | ast.Attribute)]
    names = {each.id for each in read if isinstance(each, ast.Name)}
    return names | {
        f"{owner}.{each.attr}"
        for each in read
        if isinstance(each, ast.Attribute) and ast.unparse(each.value) in ("self", "cls")
    }


def reachable(start: str, steps: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    left = set(steps[start])
    while left:
        found |= left
        left = {step for each in left for step in steps[each]} - found
    return found


def odd_docstrings(name: str, tree: ast.Module) -> list[str]:
    """Return the classes and functions whose docstring begins with one of `NO_BEGINNINGS`."""
    documented = [
        (node.name, ast.get_docstring(node) or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | Function)
    ]
    return sorted(
        f"{name}:{own}"
        for own, text in documented
        if text and text.split()[0].strip(",:;.") in NO_BEGINNINGS
    )


def folder_of(module: str) -> str:
    """The folder of a dotted module below `collectors`; empty for any other."""
    parts = module.split(".")
    return parts[1] if parts[0] == "collectors" and len(parts) > 1 else ""


def is_backwards(path: Path, module: str, may_import: Mapping[str, set[str]] = MAY_IMPORT) -> bool:
    """Return whether a file of `collectors` imports a folder that its own must not know."""
    own, other = folder_of(name_of(path).removesuffix(".py").replace("/", ".")), folder_of(module)
    return own in may_import and other not in {"", own, *may_import[own]}


def modules() -> dict[str, set[str]]:
    """Every module of the product -> the modules of the product that it imports.

    A name that is itself a module is imported, not the package that it is taken from.
    """
    names = {
        name_of(path).removesuffix("/__init__.py").removesuffix(".py").replace("/", "."): path
        for path in PRODUCT
    }
    found = {name: imports(path) & names.keys() for name, path in names.items()}
    return {
        name: {each for each in known if not any(other.startswith(f"{each}.") for other in known)}
        for name, known in found.items()
    }


def test_every_folder_of_the_map_is_there_and_no_other() -> None:
    folders = {path.parent.name for path in (PROJECT / "collectors").glob("*/__init__.py")}
    assert folders == MAY_IMPORT.keys()
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = {name_of(path.parent) for path in (PROJECT / "utils").glob("*/__init__.py")}
    parts |= {f"collectors/{name}" for name in MAY_IMPORT}
    assert [name for name in sorted(parts) if f"\n| `{name}/` |" not in page] == []


def test_folders_import_in_one_direction() -> None:
    assert not [
        (name_of(path), module)
        for path in PRODUCT
        for module in imports(path)
        if is_backwards(path, module)
    ]


def test_the_store_knows_nothing_of_the_scripts_around_it() -> None:
    around = ("cli", "run", "job_status", "scope", "cron", "notifications")
    for module in around:
        assert not {
            name for name in importers(f"utils.{module}") if name.startswith("utils/store/")
        }


def test_the_walk_really_sees_an_import_that_points_backwards() -> None:
    path = PROJECT / "collectors" / "rules" / "integrity.py"
    assert is_backwards(path, "collectors.exchange.sources")
    assert not is_backwards(path, "collectors.rules.price_rules")
    assert not is_backwards(path, "utils.errors")


def test_no_modules_import_each_other() -> None:
    steps = modules()
    assert len(steps) > 100
    assert not {name for name in steps if name in reachable(name, steps)}


def test_imports_point_one_way() -> None:
    assert not {name for name in importers("collectors") if name.startswith("utils/")}
    scripts = {script.removesuffix(".py") for script in SCRIPTS}
    assert not {
        name_of(path)
        for path in FILES
        for module in imports(path)
        if module.split(".")[0] in scripts
    }


def test_the_product_never_imports_the_sandbox_or_the_tests() -> None:
    assert not importers("sandbox")
    assert not importers("tests", FILES)


@pytest.mark.parametrize(
    ("package", "owner"),
    [
        ("pykrx", "collectors/exchange/krx_session.py"),
        ("apprise", "utils/notifications/messenger.py"),
        ("pymongo", "utils/store/mongo.py"),
        ("bson", "utils/store/mongo.py"),
        ("sqlite3", "utils/store/sqlite.py"),
        ("holidays", "utils/date_utils.py"),
        ("pytz", "utils/clock.py"),
        ("zoneinfo", "utils/clock.py"),
        ("time", "utils/clock.py"),
        ("dotenv", "utils/env_file.py"),
        ("pydantic_settings", "utils/settings.py"),
    ],
)
def test_only_one_module_knows(package: str, owner: str) -> None:
    assert importers(package) == {owner}


def test_only_the_clock_tells_the_time() -> None:
    for attribute in (
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "pd.Timestamp.now",
    ):
        assert users_of(attribute, FILES) <= {"utils/clock.py"}


def test_only_the_settings_read_the_environment() -> None:
    for attribute in ("os.environ", "os.getenv", "os.putenv"):
        assert users_of(attribute, PRODUCT) <= {"utils/settings.py"}


def test_the_product_stays_small() -> None:
    """Every line counts in which something stands; JavaScript, styles and texts of the page do
    not, nor do tests, sandbox and benchmarks."""
    lines = [line for path in PRODUCT for line in path.read_text(encoding="utf-8").splitlines()]
    assert 10_000 < sum(bool(line.strip()) for line in lines) <= MOST_LINES


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        name: length
        for name, node in functions()
        if (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long


def test_no_function_has_many_parameters() -> None:
    many = {name for name, node in functions() if len(parameters(node)) > MOST_PARAMETERS}
    assert not many


def test_a_docstring_begins_with_a_verb_or_a_noun() -> None:
    assert not [odd for path in PRODUCT for odd in odd_docstrings(name_of(path), tree_of(path))]


def test_the_walk_really_sees_the_beginning_of_a_docstring() -> None:
    source = """
class Odd:
    "What it is."
    def first(self): "Of each, the first."
    async def second(self): "Return what, whether, who and how."
def third():
    "Whether: yes."
    def fourth(): "Asked."
def fifth(): return "What"
"""
    assert odd_docstrings("a.py", ast.parse(source)) == ["a.py:Odd", "a.py:first", "a.py:third"]


def test_hardly_a_line_of_the_page_is_wide() -> None:
    """Python is the linter's: E501."""
    lines = [line for path in PAGE for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 1_000
    assert sum(len(line) > WIDTH for line in lines) <= WIDER_LINES * len(lines)


def test_no_functions_go_round_in_a_circle() -> None:
    trees = {name_of(path): tree_of(path) for path in FILES}
    found = {f"{name}:{circle}" for name, tree in trees.items() for circle in circles(tree)}
    assert found == set(RECURSIONS)
    assert not [name for name in RECURSIONS if "," in name]


def test_the_walk_really_sees_circles() -> None:
    source = """
def alone(): return map(even, [1])
def even(n): return n == 0 or odd(n - 1)
def odd(n): return n > 0 and even(n - 1)
def outer():
    def inner(n): return inner(n - 1)
class Walk:
    def one(self): return self.two
    @property
    def two(self): return self.three()
    def three(self): return alone() and self.one()
    def again(self): return other.again()
"""
    assert circles(ast.parse(source)) == {"even, odd", "inner", "Walk.one, Walk.three, Walk.two"}


def test_the_count_really_sees_every_parameter() -> None:
    source = "def f(a, /, b, *c, d, **e): ..."
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef)
    assert parameters(node) == ["a", "b", "d", "c", "e"]
    (method,) = ast.parse("def f(self, a): ...").body
    assert isinstance(method, ast.FunctionDef)
    assert parameters(method) == ["a"]


def test_the_only_broad_handler_is_where_scripts_end() -> None:
    broad = [
        name_of(path)
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and not (node.body and isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]
    assert broad == ["utils/cli.py"]


def test_the_walk_really_sees_imports(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(
        "def f():\n    from pymongo.errors import PyMongoError\n    import os.path as p\n",
        encoding="utf-8",
    )
    assert imports(path) == {"pymongo.errors", "pymongo.errors.PyMongoError", "os.path"}
