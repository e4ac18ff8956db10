"""Settings: one frozen object read from the environment and `.env`. Only this module reads the
environment."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from utils.addresses import is_address, secret_parts, split_addresses
from utils.clock import KST
from utils.env_file import read_env_file
from utils.errors import WrongUsage

PROJECT = Path(__file__).resolve().parent.parent
ENV_FILE = PROJECT / ".env"
REPORT_NAME = "report.html"
"""Name of the page in DATA_DIR, where REPORT_FILE names no other."""
_OFF_WHEN_EMPTY = "report_file"
_OF_THE_TESTS = "MONGODB_TEST_URI"


class Market(StrEnum):
    KOSPI = "KOSPI"
    KOSDAQ = "KOSDAQ"
    KONEX = "KONEX"


class DatasetName(StrEnum):
    PRICES = "prices"
    FUNDAMENTALS = "fundamentals"
    FOREIGN = "foreign"
    INDICES = "indices"


class Settings(BaseSettings):
    """Every setting, validated. Field names are the names in the environment, in lower case.

    Paths are absolute whatever the working directory: relative ones are taken from the project's
    folder.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    mongodb_uri: SecretStr | None = None
    copy_to_uri: SecretStr | None = None
    mongodb_db_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,38}$")] = ""
    data_dir: Path = PROJECT / "data"
    log_dir: Path = PROJECT / "logs"
    krx_id: SecretStr | None = None
    krx_pw: SecretStr | None = None
    krx_openapi_key: SecretStr | None = None
    krx_base_url: HttpUrl = HttpUrl("https://data.krx.co.kr")
    krx_openapi_base_url: HttpUrl = HttpUrl("https://data-dbg.krx.co.kr")
    krx_request_interval_seconds: float = Field(1.0, ge=0, le=300)
    min_market_cap: int = Field(100_000_000_000, ge=0, le=10**18)
    markets: Annotated[tuple[Market, ...], NoDecode, Field(min_length=1)] = (
        Market.KOSPI,
        Market.KOSDAQ,
    )
    targets_file: Path | None = None
    history_sessions: int = Field(300, ge=1, le=7800)
    analysis_quota: int = Field(2000, ge=1, le=100_000)
    analysis_time_limit_minutes: float = Field(50, gt=0, le=1440)
    datasets: Annotated[tuple[DatasetName, ...], NoDecode] = (
        DatasetName.PRICES,
        DatasetName.FUNDAMENTALS,
    )
    notify_urls: SecretStr | None = None
    notify_digest: Literal["no", "yes", "both"] = "no"
    notify_lang: Literal["en", "ko"] | None = None
    heartbeat_url: SecretStr | None = None
    report_file: Path | None = Field(default_factory=lambda given: given["data_dir"] / REPORT_NAME)
    """None: no page is written at night."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    kst_now: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, values: dict[str, object]) -> dict[str, object]:
        """Drop empty values, so that `NAME=` in the environment switches off what `.env` says. An
        empty `REPORT_FILE` stays: its default is no empty one."""
        stripped = {
            name: value.strip() if isinstance(value, str) else value
            for name, value in values.items()
        }
        off = {_OFF_WHEN_EMPTY: None} if stripped.get(_OFF_WHEN_EMPTY) == "" else {}
        return {name: value for name, value in stripped.items() if value != ""} | off

    @field_validator("markets", "datasets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [word.strip() for word in value.split(",") if word.strip()]
            if isinstance(value, str)
            else value
        )

    @field_validator("markets", "log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("datasets")
    @classmethod
    def _prices_first(cls, value: tuple[DatasetName, ...]) -> tuple[DatasetName, ...]:
        if DatasetName.PRICES not in value:
            raise ValueError("the prices are always collected")
        return tuple(each for each in DatasetName if each in value)

    @field_validator("notify_digest", "notify_lang", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("notify_urls")
    @classmethod
    def _addresses(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all(
            map(is_address, split_addresses(value.get_secret_value()))
        ):
            raise ValueError("not an address")
        return value

    @field_validator("heartbeat_url")
    @classmethod
    def _http_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            TypeAdapter(HttpUrl).validate_python(value.get_secret_value())
        return value

    @field_validator("data_dir", "log_dir", "targets_file", "report_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        try:
            return None if value is None else PROJECT / value.expanduser()
        except RuntimeError as error:  # ~nobody
            raise ValueError(str(error)) from None

    @field_validator("kst_now")
    @classmethod
    def _in_kst(cls, value: datetime | None) -> datetime | None:
        return KST.localize(value) if value is not None and value.tzinfo is None else value

    def secrets(self) -> list[str]:
        """Return the secret values and the secret parts of addresses; longest first."""
        found = {
            value.get_secret_value()
            for value in self.__dict__.values()
            if isinstance(value, SecretStr)
        }
        addresses = [
            *self.notify_addresses,
            *([self.heartbeat_address] if self.heartbeat_address else []),
        ]
        found |= {part for address in addresses for part in secret_parts(address)}
        return sorted(filter(None, found), key=len, reverse=True)

    @property
    def notify_addresses(self) -> list[str]:
        """One address for each service that is to be notified."""
        return (
            [] if self.notify_urls is None else split_addresses(self.notify_urls.get_secret_value())
        )

    @property
    def heartbeat_address(self) -> str | None:
        return None if self.heartbeat_url is None else self.heartbeat_url.get_secret_value()

    @property
    def wants_digest(self) -> bool:
        """True when a good night is told of, once its session is final."""
        return self.notify_digest != "no" and self.notify_urls is not None

    @property
    def wants_evening_digest(self) -> bool:
        """True when it is told of also in the evening, on provisional figures."""
        return self.notify_digest == "both" and self.notify_urls is not None

    @property
    def report_file_is_chosen(self) -> bool:
        """True when somebody named the file of the report, or switched it off."""
        return _OFF_WHEN_EMPTY in self.model_fields_set

    @property
    def language(self) -> str:
        """Language of notifications: `en` or `ko`, by NOTIFY_LANG or else by the locale. cron has
        no locale."""
        return self.notify_lang or language_of_locale()

    @property
    def same_evening(self) -> bool:
        """True when a session can be collected on its own evening. The Open API alone has it the
        next morning."""
        return self.krx_id is not None or self.krx_openapi_key is None

    @property
    def extra_datasets(self) -> tuple[str, ...]:
        """The chosen datasets without the prices."""
        return tuple(each.value for each in self.datasets if each is not DatasetName.PRICES)

    @property
    def datasets_at_hand(self) -> tuple[str, ...]:
        """The chosen datasets that can be collected: none without an account, since only the data
        site publishes them."""
        return self.extra_datasets if self.krx_id is not None and self.krx_pw is not None else ()

    @property
    def mongodb_databases(self) -> dict[str, str]:
        """Database name of the project -> its name on this server."""
        return {
            name: self.mongodb_db_prefix + name
            for name in ("system_info", "stock_data", "stock_analyzed")
        }


def setting_names() -> list[str]:
    """Return every setting as it is written in the environment."""
    return [name.upper() for name in Settings.model_fields]


def load_settings(options: Mapping[str, str] | None = None, env_file: Path = ENV_FILE) -> Settings:
    """Return the settings in force. Raise `WrongUsage` naming every wrong value and what is
    allowed.

    Args:
        options: setting (lower case) -> text from the command line; they outweigh environment and
            `.env`.
    """
    written = read_env_file(env_file)
    _refuse_typos(env_file, written)
    in_environment = {name.lower() for name in os.environ}
    from_file = {
        name.lower(): text for name, text in written.items() if name.lower() not in in_environment
    }
    given: dict[str, Any] = from_file | dict(options or {})
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = {
            str(problem["loc"][0]): _describe(problem)
            for problem in error.errors(include_url=False)
            if problem["type"] != "default_factory_not_called"  # for want of a right DATA_DIR
        }
        raise WrongUsage(
            f"Wrong settings (option, environment or {env_file}):\n" + "\n".join(problems.values())
        ) from None


def _refuse_typos(env_file: Path, names: Iterable[str]) -> None:
    """Raise `WrongUsage` for names in `.env` that are almost settings. Other programs' names are
    allowed."""
    known = [*setting_names(), _OF_THE_TESTS]
    meant = {
        name: get_close_matches(name.upper(), known, n=1, cutoff=_typo_cutoff(name))
        for name in names
    }
    typos = {name: close[0] for name, close in meant.items() if close and name.upper() not in known}
    if wrong := [
        f"  {name}: no such setting. Did you mean {close}?" for name, close in typos.items()
    ]:
        raise WrongUsage(f"Unknown settings in {env_file}:\n" + "\n".join(wrong))


def remarks(env_file: Path = ENV_FILE) -> list[str]:
    """Return warnings about allowed settings: a clock in `.env`."""
    written = {name.upper(): value for name, value in read_env_file(env_file).items()}
    frozen = [
        f"KST_NOW stands in {env_file}: every run begins at that moment. Take it out for real use."
    ]
    return frozen if written.get("KST_NOW") else []


def set_in_environment(names: Iterable[str]) -> bool:
    """Return whether the environment holds one of these settings and so outweighs `.env`."""
    held = {name.upper() for name in os.environ}
    return any(name in held for name in names)


def language_of_locale() -> str:
    """Return `ko` where the locale's messages are Korean, else `en`."""
    spoken = next(
        (text for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (text := os.environ.get(name))), ""
    )
    return "ko" if spoken.lower().startswith("ko") else "en"


def _typo_cutoff(name: str) -> float:
    """Return the least similarity of a typo, 0 to 1. Names with our prefix always count."""
    return 0.1 if name.upper().startswith("KRX_") else 0.8


_ALLOWED = {
    "mongodb_db_prefix": "letters, digits, _ and -, at most 38",
    "data_dir": "the path of a folder",
    "log_dir": "the path of a folder",
    "targets_file": "the path of a text file",
    "krx_base_url": "an http:// or https:// address",
    "krx_openapi_base_url": "an http:// or https:// address",
    "krx_request_interval_seconds": "seconds from 0 to 300",
    "min_market_cap": "a whole number of won from 0 to 10^18, digits only, such as 100000000000",
    "markets": "one or more of KOSPI, KOSDAQ, KONEX, separated by commas",
    "history_sessions": "a whole number from 1 to 7800",
    "analysis_quota": "a whole number from 1 to 100000",
    "analysis_time_limit_minutes": "minutes above 0, at most 1440",
    "datasets": "prices, alone or with one or more of fundamentals, foreign, indices, "
    "separated by commas",
    "notify_urls": "one or more addresses as apprise takes them, such as tgram://TOKEN/CHAT, "
    "separated by commas",
    "notify_digest": "no, yes or both",
    "notify_lang": "en or ko",
    "heartbeat_url": "an http:// or https:// address",
    "report_file": "the path of a file, or nothing",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
    "log_format": "text or json",
    "kst_now": "a date and time such as 2024-01-22T19:00",
}


def _describe(problem: Mapping[str, Any]) -> str:
    name = str(problem["loc"][0])
    secret = Settings.model_fields[name].annotation == SecretStr | None
    value = "that value" if secret else repr(problem["input"])
    return (
        f"  {name.upper()}: {value} is not allowed. Allowed: {_ALLOWED.get(name, problem['msg'])}."
    )


@contextmanager
def environment_for_imports(cache_dir: Path, without: tuple[str, ...]) -> Iterator[None]:
    """Hide variables from a library during its import; keep its caches in the project's folder."""
    hidden = {name: os.environ.pop(name) for name in without if name in os.environ}
    os.environ.setdefault("MPLCONFIGDIR", str(cache_dir / "matplotlib"))
    try:
        yield
    finally:
        os.environ.update(hidden)
