"""What several parts of a record state in the same words."""

from telemetry_service.core.record.document import Block, Gap, Items, Paragraph, bullets, labelled
from telemetry_service.core.record.in_force import NO_TLS, SAME_MACHINE, TLS_BY_PROXY, TLS_BY_SERVICE, InForce

_NOT_COLLECTED = (
    "Host names and domain names, but for public ones that everybody downloads from, such as github.com",
    "MAC addresses and serial numbers",
    "User names and e-mail addresses",
    "Network configuration",
    "Location data",
)
PURPOSES = (
    ("Quality improvement", "find scripts with high failure rates"),
    ("Prioritisation", "see which applications are used most"),
    ("Trend analysis", "follow operating systems and resources"),
)
LEGAL_BASIS = "Art. 6(1)(f) GDPR (legitimate interest): improving open-source software for its community"
MINIMAL = (
    "nothing is collected that identifies a person",
    "no IP address is stored",
    "nothing is sent before the person running a script has agreed (opt-in)",
)


def not_collected(state: InForce) -> Items:
    """What is never stored, and what becomes of addresses."""
    limited = "" if state.rate_key == "ip" else ", or the header that a trusted proxy sets in its place,"
    return bullets(
        f"IP addresses: the address a request comes from{limited} limits the rate of requests and of new"
        " installations, as a keyed hash in memory whose key changes every hour; it is written to no file and no log",
        *_NOT_COLLECTED,
    )


def controller(state: InForce) -> tuple[Block, ...]:
    """Who is responsible."""
    said = [("Controller", state.controller_name), ("Contact", state.controller_contact)]
    officer = state.protection_officer or "none is named"
    known = labelled(*(pair for pair in said if pair[1]), ("Project", "Telemetry Service"), ("Data protection officer", officer))
    missing = [
        *([] if state.controller_name else [Gap("Who the controller is (Art. 4(7) GDPR).", ("CONTROLLER_NAME",))]),
        *([] if state.controller_contact else [Gap("How the controller is reached.", ("CONTROLLER_CONTACT",))]),
    ]
    return (*missing, known)


def purposes() -> Items:
    return labelled(*PURPOSES)


def transfers(state: InForce) -> tuple[Block, ...]:
    """Where the data is processed, and whether it leaves the EU."""
    said: list[Block] = []
    if state.hosting:
        away = _away(state)
        what = (
            f"Reports are received, stored and counted on one machine: {state.hosting}. {away}"
            if away
            else (f"All data is processed on one machine: {state.hosting}.")
        )
        said.append(Paragraph(what))
    else:
        said.append(Gap("Who hosts the machine that all data is processed on, and in which country.", ("HOSTING",)))
    if state.transfers:
        leaving = "None" if state.transfers.lower() == "none" else state.transfers
        said.append(labelled(("Transfers to countries outside the EU and EEA", leaving)))
    else:
        said.append(Gap("Whether data is transferred outside the EU and EEA, and with what safeguards.", ("HOSTING_TRANSFERS",)))
    if state.published_to or state.told_over:
        said.append(Paragraph(f"What is published goes to {_outside(state)} too, and nothing of a single installation."))
    return tuple(said)


def _away(state: InForce) -> str:
    """Where installations are beside the machine itself; empty for nowhere."""
    if state.mirror is None or state.mirror.place == SAME_MACHINE:
        return ""
    return f"A copy of every installation is in the operator's PocketBase: {state.mirror.place}."


def _outside(state: InForce) -> str:
    channels = [f"the operator's channels ({', '.join(state.told_over)})"] if state.told_over else []
    return " and ".join([*([state.published_to.server] if state.published_to else []), *channels])


def sub_processors(state: InForce) -> tuple[Block, ...]:
    """Who works for the controller."""
    if not state.sub_processors:
        return (
            Gap("Which processors work for the controller (Art. 28 GDPR), the hosting provider included.", ("SUB_PROCESSORS",)),
        )
    if tuple(name.lower() for name in state.sub_processors) == ("none",):
        return (Paragraph("No processors work for the controller."),)
    return (Paragraph("Processors that work for the controller (Art. 28 GDPR):"), bullets(*state.sub_processors))


def encryption(state: InForce) -> Block:
    """What protects reports on their way."""
    if state.tls == TLS_BY_SERVICE:
        return Paragraph("Reports and answers travel over TLS 1.3; the service speaks no older version and nothing unencrypted.")
    if state.tls == TLS_BY_PROXY:
        return Paragraph("Reports and answers travel over TLS 1.3, which a proxy of the operator in front of the service speaks.")
    assert state.tls == NO_TLS
    return Gap(
        "What encrypts reports on their way: TLS 1.3 by the service itself, or by a proxy in front of it.",
        ("TLS_CERT_FILE", "PROXY_TLS"),
    )


def logs(state: InForce) -> tuple[str, str]:
    """How long log lines are kept, and by whom."""
    if state.log_files:
        return f"{state.log_retention_days} days", "files of the service, one a day, which it deletes"
    return (
        f"{state.log_retention_days} days",
        "the service writes no log files here (`LOG_DIR`); whatever collects its standard error must keep it no longer",
    )
