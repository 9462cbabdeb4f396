"""Technical and organisational measures (Art. 32 GDPR)."""

from telemetry_service.core.record import statements
from telemetry_service.core.record.document import Block, Paragraph, Part, Table, bullets, numbered
from telemetry_service.core.record.in_force import InForce, Proved


def measures(state: InForce, proved: Proved) -> Part:
    """What protects the data, and what was last proved of it."""
    return Part(
        "measures",
        "Technical and organisational measures (Art. 32 GDPR)",
        numbered(
            ("encryption", "Encryption in transit", (statements.encryption(state),)),
            ("access", "Access control", _access(state)),
            ("minimisation", "Data minimisation", _minimisation(state)),
            ("pseudonymisation", "Pseudonymisation", _pseudonymisation(state)),
            ("publication", "What is published", _publication(state)),
            ("availability", "Availability and integrity", _availability(state)),
            ("deletion", "Deletion", _deletion(state)),
            ("logging", "Logs", _logging(state)),
            ("testing", "Regular testing", _testing(state, proved)),
            ("limits", "What is not covered", _limits(state)),
        ),
    )


def _access(state: InForce) -> tuple[Block, ...]:
    return (
        bullets(
            "Single installations and exact numbers are shown to holders of an access token with the scope `read` or `admin`"
            " alone.",
            "Tokens are random, shown once, stored as a keyed hash, and end after 90 days unless the operator says otherwise.",
            "Of the use of a token its last day is kept and nothing else.",
            "Reports need a token of their own." if state.ingest_needs_token else "Anybody may send reports; nobody reads by it.",
            "Metrics need a token." if state.metrics_need_token else "Metrics without a token hold public numbers.",
            "Files of the service can be read by its own user alone.",
        ),
    )


def _minimisation(state: InForce) -> tuple[Block, ...]:
    hosts = f", and {', '.join(state.public_hosts)}" if state.public_hosts else ""
    return (
        bullets(
            "One table of fields decides what is taken, stored, documented and audited; what it does not name has nowhere to go.",
            f"Of an error the one line that explains the failure is kept, at most {state.error_max_chars} characters. What could"
            " identify a person, a machine or a network is removed by rules, and every word that is not public vocabulary is"
            f" masked. Hosts that everybody downloads from, such as github.com, may stay{hosts}.",
            _repositories(state),
            "Values outside their type and limit are dropped, and no value of a report is ever written to a log.",
        ),
    )


def _repositories(state: InForce) -> str:
    if not state.known_repos:
        return "No repository is stored by name."
    return f"Repositories are stored by name only if they are known: {', '.join(state.known_repos)}."


def _pseudonymisation(state: InForce) -> tuple[Block, ...]:
    return (
        bullets(
            "Ids are random, made by the script, and new for every installation; one that is no UUID is replaced by one derived"
            " from it with a key of this server.",
            "The id of an execution is stored as a keyed hash only.",
            "No page and no log shows a `random_id`, and no answer but to who sends it; people see a short keyed handle.",
            "An export that the operator makes to move the data holds `random_id`, so that its holder may go on asking"
            + _mirrored_id(state),
        ),
    )


def _mirrored_id(state: InForce) -> str:
    if state.mirror is None:
        return "."
    return "; so does the PocketBase." if state.mirror.with_random_id else "; the PocketBase does not."


def _publication(state: InForce) -> tuple[Block, ...]:
    k = state.publish_min_count
    return (
        Paragraph(
            f"Every public number is a count of at least {k} installations and grows in steps of {k}: so is every sum and"
            f" difference of public numbers, over any periods and filters. One `random_id` adds at most one installation per"
            " script and UTC day. What was published stays published. That a published script broke, since which UTC day and on"
            " which published version, is found from all installations and told in words like most or few, without a count. Not"
            " claimed: protection against who knows, or sends, all but one of the installations of a step."
        ),
    )


def _availability(state: InForce) -> tuple[Block, ...]:
    limits = [
        f"At most {state.rate_limit_rpm} reports a minute, and {state.rate_burst} at once, are taken from one {_limited(state)}."
        if state.rate_limit_rpm
        else "The rate of reports is not limited by the service."
    ]
    if state.rate_limit_new_per_hour:
        limits.append(f"One {_limited(state)} may begin to report {state.rate_limit_new_per_hour} installations an hour.")
    return (
        bullets(
            "A report that was accepted is on disk, synced, and counts exactly once, whatever process dies when.",
            *limits,
            "Connections, sizes, times and questions to be computed are bounded; reports are refused before the disk is full.",
            "Every stored count can be proved from the installations it was made of.",
            _backups(state),
        ),
    )


def _backups(state: InForce) -> str:
    when = "A backup is made every night" if state.backup_daily else "Backups are made when the operator asks for one"
    return (
        f"{when}, proved by opening it, and deleted after {state.backup_keep_days} days. What was erased since is erased again"
        " when one is put back."
    )


def _limited(state: InForce) -> str:
    return "network" if state.rate_key == "ip" else "value of a header that a trusted proxy sets"


def _deletion(state: InForce) -> tuple[Block, ...]:
    stuck = (
        f"Installations that have not ended after {state.cleanup_stuck_hours} hours become `unknown`."
        if state.cleanup_stuck_hours
        else "Installations that never end stay as they are until they are deleted (`CLEANUP_ENABLED`)."
    )
    mirror = ", in the mirror" if state.mirror else ""
    mirror_too = ", in the mirror too" if state.mirror else ""
    return (
        bullets(
            f"Installations are deleted by whole UTC days after {state.retention_days} days; afterwards what is left above that"
            f" age is counted, and must be none, in the store, in what waits for it{mirror} and among the"
            " backups that the service makes.",
            "Deleted bytes are overwritten, free space is given back, and write-ahead logs are emptied at once; the files are"
            " written anew within 7 days of a deletion.",
            "Aggregated counts stay. Erasure on request of who holds a `random_id` deletes its installations and takes them off"
            f" the exact counts{mirror_too}; published rows stay as they are, since they describe nobody. A keyed hash of"
            f" the id keeps late reports out for {state.retention_days} days.",
            stuck,
        ),
    )


def _logging(state: InForce) -> tuple[Block, ...]:
    requests = (
        "Requests are logged by method, route, status and time, without address, query or body."
        if state.request_logging
        else "Requests are not logged."
    )
    kept, who = statements.logs(state)
    return (bullets(requests, "Log lines hold what the program names and nothing of a report.", f"Logs are kept {kept}: {who}."),)


def _testing(state: InForce, proved: Proved) -> tuple[Block, ...]:
    told = f"is told over the operator's channels ({', '.join(state.told_over)}), and" if state.told_over else "is told"
    said: list[Block] = [
        Paragraph(
            "Every night the service proves this record claim by claim against what it really stores, logs and serves (see"
            f" `/privacy/audit`). A claim that fails {told} in the log and in the metrics."
        ),
        Paragraph(_last_audit(proved)),
        bullets(
            "Counts are proved from the installations they were made of (`telemetry-service recount`).",
            "After each deletion what is left above its age is counted, and a run that finds any fails.",
        ),
    ]
    if proved.runs:
        rows = tuple((run.what, run.at, run.outcome) for run in proved.runs)
        said.append(Table("Last runs", ("What", "Last run", "Outcome"), rows))
    return tuple(said)


def _last_audit(proved: Proved) -> str:
    if not proved.is_current:
        return "This is a copy: how the last audit ended, and when what is promised here last ran, the service itself tells."
    audit = proved.audit
    if audit is None:
        return "Last audit: none yet."
    numbers = f"{audit.passed} claims hold, {audit.failed} fail, {audit.unclear} cannot be told from here"
    return f"Last audit: {audit.at}. {numbers}."


def _limits(state: InForce) -> tuple[Block, ...]:
    return (
        bullets(
            "Whether a client asked before it sent a report: the service cannot see that.",
            "What proxies, hosting providers and collectors of logs in front of the service keep.",
            *(["Texts in PocketBase: they are copies of those in the store, which are searched."] if state.mirror else []),
            "Who has root on the machine, and remains of deleted bytes on file systems and SSDs.",
        ),
    )
