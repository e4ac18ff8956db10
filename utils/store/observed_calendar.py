"""Calendar of the days that the exchange has shown to be sessions or not,
`system_info.calendar`."""

from collections.abc import Mapping

from utils.date_utils import predicted_open
from utils.store.base import StorePart
from utils.store.schema import CALENDAR


class ObservedCalendar(StorePart):
    """Days that were shown, never those that were predicted. They outlive any update of the
    library."""

    def observed(self, since: str = "") -> dict[str, bool]:
        """Return day -> whether the exchange was open, for the days since that one."""
        days = self.backend.find(CALENDAR, {"_id": {"$gte": since}})
        return {day["_id"]: day["open"] for day in days}

    def record(self, shown: Mapping[str, bool], evidence: str) -> None:
        """Remember what the exchange showed of these days; what is known already stays as it is."""
        now = self.clock.now_utc()
        known = self.backend.find(CALENDAR, {"_id": {"$in": list(shown)}})
        same = {day["_id"] for day in known if day["open"] == shown[day["_id"]]}
        news = [
            {
                "_id": day,
                "open": is_open,
                "predicted": predicted_open(day),
                "evidence": evidence,
                "observed_utc": now,
            }
            for day, is_open in shown.items()
            if day not in same
        ]
        self.backend.put(CALENDAR, news)
