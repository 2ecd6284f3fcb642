"""Time zones: what the zone of a time means in a column, the same in the table and in a request."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

UTC_NAME = "UTC"
REFUSED = "Input should have no time zone, as the times of this column have none"


def zone(name: str) -> tzinfo:
    """Return the zone with *name*; raises ValueError if there is none."""
    try:
        return UTC if name == UTC_NAME else ZoneInfo(name)
    except (OSError, KeyError, ValueError):
        raise ValueError(f"{name!r} is no time zone: write UTC, or a name such as Europe/Vienna") from None


def local(moment: datetime, name: str | None) -> datetime | None:
    """Return a time as it reads in the column's zone, which a time without a zone is in already.

    It is None for a time with a zone where the column has none: nobody knows which hour that would be.
    """
    if moment.tzinfo is None:
        return moment
    return None if name is None else moment.astimezone(zone(name)).replace(tzinfo=None)
