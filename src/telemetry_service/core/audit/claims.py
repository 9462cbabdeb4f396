"""The claims: what the record states and the audit proves, in the order of the record."""

from collections.abc import Iterator

import msgspec

from telemetry_service.core.record.in_force import NO_TLS, TLS_BY_SERVICE, InForce

VACUUM_DAYS = 7  # within which nothing deleted is left in the files


class Claim(msgspec.Struct, frozen=True):
    """One claim: its name, what it states under the settings in force, and the section of the record that does."""

    name: str
    states: str
    section: str


def claims(state: InForce) -> tuple[Claim, ...]:
    """The claims that a record makes under these settings."""
    return tuple(
        Claim(name, states, section)
        for part in (_data(state), _people(state), _measures(state), _times(state), _published(state))
        for name, states, section in part
    )


Claims = Iterator[tuple[str, str, str]]


def _data(state: InForce) -> Claims:
    yield "columns", "What is stored has the columns that the table of fields declares, and no other", "record-data"
    yield "values", "Every value is of the type and in the range of its field", "record-data"
    yield (
        "limits",
        f"No text is longer than its limit; error lines have at most {state.error_max_chars} characters",
        "record-data",
    )
    yield "ids", "Ids are UUIDs or keyed hashes", "measures-pseudonymisation"
    if state.mirror is not None:
        yield "mirror-columns", "The mirror has the columns that the record names, and no other", "record-recipients"


def _people(state: InForce) -> Claims:
    none = "holds an IP address, MAC address, e-mail address or host name that is not public"
    yield "identifiers-store", f"No stored text {none}", "record-data"
    yield "identifiers-inbox", f"No waiting report {none}", "record-data"
    yield "identifiers-logs", f"No log line {none}", "measures-logging"
    yield "identifiers-files", "No byte of any file spells an IP address, MAC address or e-mail address", "record-data"
    said = "are logged by route, status and time alone" if state.request_logging else "are not logged"
    yield "requests", f"Requests {said}", "measures-logging"
    yield "erased", "Nothing is stored under an id that was erased", "notice-rights"


def _measures(state: InForce) -> Claims:
    yield "tokens", "Access tokens are stored as keyed hashes, and no file spells one", "measures-access"
    yield "files", "Key and data can be read by their owner alone", "measures-access"
    if state.tls == TLS_BY_SERVICE:
        yield "tls", "The service speaks TLS 1.3, nothing older and nothing unencrypted", "measures-encryption"
    elif state.tls == NO_TLS:
        yield "tls", "It is stated what encrypts reports on their way", "measures-encryption"
    else:
        yield "tls", "A proxy in front of the service speaks TLS 1.3", "measures-encryption"
    yield "history", "The record is the last one in its revision history", "revisions-history"


def _times(state: InForce) -> Claims:
    days = state.retention_days
    yield "age-store", f"No installation is older than {days} days, and no hash of an erased id", "record-retention"
    yield "age-inbox", f"No waiting report is older than {days} days", "record-retention"
    if state.mirror is not None:
        yield "age-mirror", f"No record of the mirror is older than {days} days", "record-retention"
    yield "age-logs", f"Log files are kept {state.log_retention_days} days", "record-retention"
    yield "age-backups", f"No backup is older than {state.backup_keep_days} days", "record-retention"
    yield "ran-retention", "Retention ran within a day and left nothing above the age", "measures-deletion"
    yield "ran-erasure", "Requests to erase are carried out within an hour", "measures-deletion"
    yield "ran-vacuum", f"The files are written anew within {VACUUM_DAYS} days of a deletion", "measures-deletion"
    if state.backup_daily:
        yield "ran-backup", "A backup was made within a day", "measures-availability"
    if state.cleanup_stuck_hours:
        yield "ran-cleanup", "Clean-up ran in time", "measures-deletion"


def _published(state: InForce) -> Claims:
    k = state.publish_min_count
    yield "published", f"Every published count is a multiple of {k}", "measures-publication"
    yield "served", f"Every count that is served without a token now is a multiple of {k}", "measures-publication"
