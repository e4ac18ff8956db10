"""Local demo exchange: its settings, a place apart for its data, and the answers that lead back."""

from pathlib import Path

from utils.settings import PROJECT, Settings

ADDRESSES = ("krx_base_url", "krx_openapi_base_url")
DEMO_ADDRESS = "http://127.0.0.1:8765"
DEMO_ACCOUNT = {"krx_id": "demo", "krx_pw": "demo"}
_FOLDER, _PREFIX = "invented", "invented_"
_DATA_DIR = Settings.model_fields["data_dir"].default


def is_demo(settings: Settings) -> bool:
    """Return True for the demo exchange: nobody has its login name at the real one."""
    name = settings.krx_id.get_secret_value() if settings.krx_id else ""
    return is_another_exchange(settings) and name == DEMO_ACCOUNT["krx_id"]


def is_another_exchange(settings: Settings) -> bool:
    """Return True where the settings lead to another exchange than the real one."""
    return any(getattr(settings, name) != Settings.model_fields[name].default for name in ADDRESSES)


def apart_from_real_data(settings: Settings) -> dict[str, str]:
    """Return the setting that keeps invented data in a folder, or in databases, of its own; none
    where it is so already."""
    if settings.mongodb_uri:
        prefix = settings.mongodb_db_prefix
        return {} if prefix.endswith(_PREFIX) else {"mongodb_db_prefix": prefix + _PREFIX}
    folder = settings.data_dir
    return {} if folder.name == _FOLDER else {"data_dir": _as_written(folder / _FOLDER)}


def back_to_the_real_exchange(settings: Settings) -> dict[str, str]:
    """Return the answers that take the demo's settings out; the data is kept where it was
    before."""
    back = dict.fromkeys((*ADDRESSES, *DEMO_ACCOUNT), "")
    if settings.mongodb_db_prefix.endswith(_PREFIX):
        back["mongodb_db_prefix"] = settings.mongodb_db_prefix.removesuffix(_PREFIX)
    if settings.data_dir.name == _FOLDER:
        back["data_dir"] = _as_written(settings.data_dir.parent)
    return back


def _as_written(folder: Path) -> str:
    if folder == _DATA_DIR:
        return ""
    return str(folder.relative_to(PROJECT) if folder.is_relative_to(PROJECT) else folder)
