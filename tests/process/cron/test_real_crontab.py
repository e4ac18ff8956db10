"""`manual_setup.py --cron` with the real `crontab` command, as its user runs it."""

import shlex
import sys
from pathlib import Path

import pytest

from tests.process.cron.private_host import in_private
from utils.settings import PROJECT, setting_names

ROUND_TRIP = """
[ ! -s before ] || crontab before
crontab -l > listed_before || :
$SETUP --cron print > block
$SETUP --cron install
crontab -l > installed
$SETUP --cron install
crontab -l > installed_again
$SETUP --cron remove
crontab -l > removed
"""
BEFORE = {
    "none yet": b"",
    "other jobs": b"# m h dom mon dow\nMAILTO=you@example.org\n\n"
    b'5 4 * * * tar czf "$(date +\\%F).tgz" ~  \n',
    "no UTF-8": b"# caf\xe9\n5 4 * * * true\n",
}


@pytest.mark.usefixtures("real_cron")
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_the_block_goes_in_and_out_and_every_other_line_stays(
    before: bytes, tmp_path: Path
) -> None:
    (tmp_path / "before").write_bytes(before)
    own = {"DATA_DIR": str(tmp_path / "data"), "LOG_DIR": str(tmp_path / "logs")}
    setup = shlex.join([sys.executable, str(PROJECT / "manual_setup.py")])
    environment = dict.fromkeys(setting_names(), "") | own | {"SETUP": setup}
    done = in_private(f"cd {shlex.quote(str(tmp_path))}\n{ROUND_TRIP}", **environment)
    assert done.returncode == 0, done.stderr
    seen = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert seen["block"].count(b".py >> ") == 5
    assert seen["installed"] == seen["installed_again"] == before + seen["block"]
    assert seen["removed"] == seen["listed_before"] == before
    assert not (tmp_path / "data").exists()  # no database is opened for this
