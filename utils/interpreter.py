"""Check of the interpreter, imported first by each script: without the packages it ends with
advice, not a traceback."""

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = (
    "apprise",
    "dotenv",
    "holidays",
    "numpy",
    "pandas",
    "pydantic_settings",
    "pykrx",
    "pymongo",
    "pythonjsonlogger",
    "pytz",
    "requests",
    "rich",
    "talib",
    "tenacity",
)

missing = [name for name in PACKAGES if find_spec(name) is None]
if missing or sys.version_info < (3, 11):
    folder = Path(__file__).resolve().parent.parent
    lacks = f"lacks {', '.join(missing)}" if missing else "is older than 3.11"
    python = folder / ".venv" / "bin" / "python"
    first = "" if python.exists() else f"Call `make setup` in {folder} first. "
    sys.stderr.write(f"{sys.executable} {lacks}. {first}Start the script with {python}.\n")
    sys.exit(2)  # wrong usage, as everywhere
