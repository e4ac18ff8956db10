"""One profile for all properties: the same examples in every run, and no folder of Hypothesis is
left behind."""

import tempfile

from hypothesis import HealthCheck, Phase, configuration, settings

settings.register_profile(
    "properties",
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no defect
)

# Even without a database, caches of characters and of our constants are written, the latter before
# any test runs.
CACHES = tempfile.TemporaryDirectory(prefix="hypothesis-")
configuration.set_hypothesis_home_dir(CACHES.name)
