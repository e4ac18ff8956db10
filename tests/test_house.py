"""The house rules that a machine can check: who imports whom, who may know what, how long a
function may be."""

import ast
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
LONGEST_FUNCTION = 60


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def imports(path: Path) -> set[str]:
    """The dotted modules a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
    """Files with an expression that ends in `.attribute`."""
    return {
        name_of(path)
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == attribute
    }


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


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name_of(path)}:{node.name}": length
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long


def test_the_only_broad_handler_is_where_scripts_end() -> None:
    broad = [
        name_of(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
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
