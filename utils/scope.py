"""Scope that `manual_setup` was asked for, combined with settings and options."""

from collections.abc import Mapping

from utils.errors import WrongUsage
from utils.settings import Settings, load_settings
from utils.store import Store
from utils.store.backend import Document


def required_scope(store: Store) -> Document:
    """Return the scope that `manual_setup` was asked for. Raise `WrongUsage` before its first
    run."""
    if (scope := store.scope.get()) is None:
        raise WrongUsage(
            f"Nothing is set up in the {store.description}. Run manual_setup.py first."
        )
    return scope


def with_earlier_choices(settings: Settings, scope: Document | None) -> Settings:
    """Return the settings with the stored scope, where neither an option nor a setting says
    otherwise."""
    earlier = {} if scope is None else {name: scope[name] for name in ("min_market_cap", "markets")}
    return settings.model_copy(
        update={
            name: value for name, value in earlier.items() if name not in settings.model_fields_set
        }
    )


def overruled_every_night(options: Mapping[str, str]) -> list[str]:
    """Return a warning for each option that `with_earlier_choices` will not remember.

    `.env` or the environment sets something else, which holds every night. `options`: setting in
    lower case -> text.
    """
    nightly, now = load_settings(), load_settings(options)
    return [
        f"{name.upper()} is set in the environment or .env, and that counts every night: "
        "the option holds for this run only. Change it there."
        for name in ("min_market_cap", "markets")
        if name in options
        and name in nightly.model_fields_set
        and getattr(nightly, name) != getattr(now, name)
    ]
