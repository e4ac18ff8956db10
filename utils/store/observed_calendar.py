"""`system_info.calendar`: which days the exchange itself has shown to be sessions or not."""

from collections.abc import Mapping

from utils.date_utils import predicted_open
from utils.store.base import StorePart
from utils.store.schema import CALENDAR


class ObservedCalendar(StorePart):
    """Only what was shown, never what was predicted; it outlives any update of the library."""

    def observed(self) -> dict[str, bool]:
        """Day -> whether the exchange was open."""
        return {day["_id"]: day["open"] for day in self.backend.find(CALENDAR)}

    def record(self, shown: Mapping[str, bool], evidence: str) -> None:
        """Remember what the exchange showed of these days; what is known already stays as it is."""
        now, known = (
            self.clock.now_utc(),
            self.backend.find(CALENDAR, {"_id": {"$in": list(shown)}}),
        )
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
