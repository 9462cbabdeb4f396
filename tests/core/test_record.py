"""The record of processing: what it states of what is in force, in three forms, and how changes are said."""

import re
from typing import Any

import msgspec
import pytest

from telemetry_service.core.fields import FIELDS, Record
from telemetry_service.core.record import Document, InForce, Proved, markdown, record, text_of
from telemetry_service.core.record.document import Gap, Items, Paragraph, Table, gaps
from telemetry_service.core.record.in_force import MirrorInUse, Ran, Repository, Revision
from telemetry_service.core.record.revisions import FIRST, REWORDED, SAID, changes
from telemetry_service.settings import SETTINGS, from_environ
from telemetry_service.settings.declared import in_force
from telemetry_service.web.pages import Pages
from telemetry_service.web.site import OnePage

DEFAULT = in_force(from_environ({}))
SAID_BY_OPERATOR = {
    "CONTROLLER_NAME": "Scripts e. V.",
    "CONTROLLER_CONTACT": "privacy@scripts.example",
    "HOSTING": "Some Hoster, France",
    "HOSTING_TRANSFERS": "none",
    "SUB_PROCESSORS": "Some Hoster: hosting; Some Mailer: mail",
    "PROXY_TLS": "true",
}
# Another value of everything that is in force, and what the revision history says of the change.
OTHER: dict[str, tuple[Any, str]] = {
    "controller_name": ("Scripts e. V.", "controller named: Scripts e. V."),
    "controller_contact": ("a@b.example", "contact of the controller named: a@b.example"),
    "protection_officer": ("Ms. Officer", "data protection officer named: Ms. Officer"),
    "hosting": ("Some Hoster", "hosting named: Some Hoster"),
    "transfers": ("none", "transfers outside the EU and EEA named: none"),
    "sub_processors": (("Some Hoster",), "processors: Some Hoster added"),
    "retention_days": (200, "retention: 365 -> 200 days"),
    "error_max_chars": (80, "characters kept of an error line: 120 -> 80"),
    "public_hosts": (("example.org",), "hosts that may stay in error lines: example.org added"),
    "known_repos": ((), "repositories stored by name: community-scripts/ProxmoxVE removed, community-scripts/ProxmoxVED removed"),
    "publish_min_count": (10, "publication threshold: 5 -> 10"),
    "backup_daily": (True, "backups every night turned on"),
    "backup_keep_days": (3, "retention of backups: 7 -> 3 days"),
    "cleanup_stuck_hours": (0, "clean-up of installations without an end turned off"),
    "log_files": (True, "log files of the service turned on"),
    "log_retention_days": (3, "retention of logs: 7 -> 3 days"),
    "request_logging": (True, "logging of requests turned on"),
    "tls": ("service", "encryption in transit: not stated -> by the service itself"),
    "ingest_needs_token": (True, "reports need a token now"),
    "metrics_need_token": (True, "metrics need a token now"),
    "rate_limit_rpm": (0, "reports a minute and network: 300 -> unlimited"),
    "rate_burst": (100, "reports that a network may send at once: 60 -> 100"),
    "rate_limit_new_per_hour": (0, "new installations an hour and network: 300 -> unlimited"),
    "rate_key": ("header", "what the rate limit goes by: ip -> header"),
    "mirror": (MirrorInUse("same machine", False), "mirror in PocketBase added (same machine, without random_id)"),
    "told_over": (("mail", "ntfy"), "channels that alerts and reports go over: mail added, ntfy added"),
    "published_to": (Repository("GitHub", "a/b"), "public dashboard is pushed to a/b, on GitHub"),
}


def document(**settings: str) -> Document:
    return record(in_force(from_environ(settings)), Proved())


def changed(name: str, value: Any) -> InForce:
    return msgspec.structs.replace(DEFAULT, **{name: value})


class TestWhatIsStated:
    def test_every_field_that_is_stored_and_no_other(self) -> None:
        (data,) = (section for section in document().part("record").sections if section.name == "data")
        (table,) = (block for block in data.blocks if isinstance(block, Table))
        assert [row[0].strip("`") for row in table.rows] == [one.name for one in FIELDS if one.record is not Record.OPTIONAL]
        assert "`cpu_model`" not in text_of(DEFAULT)
        assert "`cpu_model`" in markdown(document(EXTENDED_FIELDS="cpu_model"))

    def test_the_limits_in_force(self) -> None:
        text = markdown(document(ERROR_MAX_CHARS="77", RETENTION_DAYS="12", PUBLISH_MIN_COUNT="9"))
        assert "at most 77 characters" in text
        assert "120 characters" not in text
        assert "12 days" in text
        assert "365" not in text
        assert "steps of 9" in text

    def test_gaps_say_which_setting_closes_them(self) -> None:
        by_default = document()
        names = {name for gap in gaps(by_default.parts) for name in gap.settings}
        assert names <= {setting.name for setting in SETTINGS}
        assert by_default.gaps == 6
        said = document(**SAID_BY_OPERATOR)
        assert (said.gaps, list(gaps(said.parts))) == (0, [])
        for text in SAID_BY_OPERATOR.values():
            if text not in ("true", "none"):
                assert all(part in markdown(said) for part in text.split("; "))

    def test_what_is_no_table_has_no_columns(self) -> None:
        for part in document().parts:
            for section in part.sections:
                for block in section.blocks:
                    if isinstance(block, Table):
                        assert len(block.columns) > 1
                        assert all(block.columns)
                        assert {len(row) for row in block.rows} == {len(block.columns)}

    def test_no_secret_and_no_address_of_a_server(self) -> None:
        text = markdown(document(POCKETBASE_URL="https://pb.example.org", POCKETBASE_TOKEN="hidden-1", GITHUB_TOKEN="hidden-2"))
        assert "another machine, over TLS" in text
        assert not any(word in text for word in ("pb.example.org", "hidden"))

    @pytest.mark.parametrize(
        ("url", "place"),
        [
            ("http://localhost:8090", "same machine"),
            ("http://127.0.0.1:8090", "same machine"),
            ("http://[::1]:8090", "same machine"),
            ("http://10.0.0.7", "the private network of this machine, without TLS"),
            ("http://pocketbase:8090", "the private network of this machine, without TLS"),
            ("https://localhost", "same machine"),
        ],
    )
    def test_where_the_mirror_is(self, url: str, place: str) -> None:
        mirror = in_force(from_environ({"POCKETBASE_URL": url, "POCKETBASE_TOKEN": "x"})).mirror
        assert mirror is not None
        assert mirror.place == place

    def test_a_mirror_elsewhere_is_part_of_where_data_is(self) -> None:
        here = {**SAID_BY_OPERATOR, "POCKETBASE_URL": "http://localhost:8090", "POCKETBASE_TOKEN": "x"}
        assert "All data is processed on one machine" in markdown(document(**here))
        told = markdown(document(**here | {"POCKETBASE_URL": "https://pb.example.org"}))
        assert "All data is processed on one machine" not in told
        assert told.count("A copy of every installation is in the operator's PocketBase: another machine, over TLS.") == 2

    def test_who_else_holds_the_random_id(self) -> None:
        mirror = {"POCKETBASE_URL": "http://localhost:8090", "POCKETBASE_TOKEN": "x"}
        assert "An export that the operator makes to move the data holds `random_id`" in markdown(document())
        assert "the PocketBase does not." in markdown(document(**mirror))
        assert "so does the PocketBase." in markdown(document(**mirror, POCKETBASE_INCLUDE_RANDOM_ID="true"))

    def test_what_the_audit_cannot_search(self) -> None:
        assert "Texts in PocketBase" not in markdown(document())
        assert "Texts in PocketBase" in markdown(document(POCKETBASE_URL="http://localhost:8090", POCKETBASE_TOKEN="x"))

    def test_only_channels_that_anything_goes_over(self) -> None:
        channels = {"SMTP_HOST": "localhost", "SMTP_FROM": "a@b.example", "SMTP_TO": "c@d.example", "ALERT_URLS": "ntfy://x/y"}
        assert "The operator's channels: mail, ntfy" in markdown(document(**channels))
        assert "The operator's channels: mail |" in markdown(document(**channels, ALERT_ENABLED="false"))
        nothing = markdown(document(**channels, ALERT_ENABLED="false", REPORT_ENABLED="false"))
        assert "The operator's channels" not in nothing
        assert "is told in the log and in the metrics" in nothing

    def test_another_git_server_is_not_called_github(self) -> None:
        repository = {"GITHUB_OWNER": "a", "GITHUB_REPO": "b"}
        assert "GitHub (public dashboard): a/b" in markdown(document(**repository))
        told = markdown(document(**repository, GITHUB_URL="https://git.example.org"))
        assert "a Git server of the operator's choice (public dashboard): a/b" in told
        assert "GitHub" not in told.replace("github.com", "")

    @pytest.mark.parametrize(
        ("days", "why"),
        [
            ("364", "trends over a longer time are read from the counts, which stay"),
            ("365", "enough for trends over a year"),
            ("366", "the operator's choice; 365 days are enough for trends over a year"),
        ],
    )
    def test_why_installations_are_kept_so_long(self, days: str, why: str) -> None:
        row = f"| Telemetry data (single installations) | {days} days | {why} |"
        assert row in markdown(document(RETENTION_DAYS=days))

    def test_erasures_reach_a_mirror_where_there_is_one(self) -> None:
        told = markdown(document(POCKETBASE_URL="http://localhost:8090", POCKETBASE_TOKEN="x"))
        for words in (
            "takes them off the exact counts, in the mirror too;",
            "from the PocketBase when it has taken the deletion",
        ):
            assert words in told
            assert words not in markdown(document())

    def test_limits_that_are_turned_off_are_not_stated(self) -> None:
        told = "One network may begin to report 300 installations an hour."
        assert told in markdown(document())
        assert "may begin to report" not in markdown(document(RATE_LIMIT_RPM="0"))

    def test_a_header_in_place_of_the_address(self) -> None:
        header = {"RATE_KEY_MODE": "header", "RATE_KEY_HEADER": "x-real", "TRUSTED_PROXIES_CIDR": "10.0.0.0/8"}
        assert "or the header that a trusted proxy sets in its place" in markdown(document(**header))

    def test_no_repository_by_name(self) -> None:
        assert "No repository is stored by name." in text_of(changed("known_repos", ()))

    @pytest.mark.parametrize("name", OTHER)
    def test_all_that_is_in_force_is_stated(self, name: str) -> None:
        assert text_of(changed(name, OTHER[name][0])) != text_of(DEFAULT)

    def test_what_was_last_proved_is_shown_and_is_no_revision(self) -> None:
        proved = Proved(
            runs=(Ran("Retention", "2026-11-26 00:05 UTC", "done"),), revisions=(Revision(1, "2026-11-25", "0.1", ("x",)),)
        )
        text = markdown(record(DEFAULT, proved))
        assert "| Retention | 2026-11-26 00:05 UTC | done |" in text
        assert "| 2026-11-25 | 1 | 0.1 | x |" in text
        assert "Retention | 2026" not in text_of(DEFAULT)


class TestForms:
    def test_all_forms_state_the_same(self) -> None:
        settings = from_environ({"CONTROLLER_NAME": "<b>A & B</b> | C"})
        found = record(in_force(settings), Proved())
        told = markdown(found)
        html = Pages(settings).fill("record.html", "record", {}, OnePage(0), document=found)
        shown = re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&#39;", "'")
        for text in texts(found):
            assert text.replace("|", "\\|") in told or text in told
            assert text.replace("`", "") in shown
        assert "<b>A &amp;" not in html
        assert "<b>A" not in html
        assert msgspec.json.decode(msgspec.json.encode(found), type=Document) == found

    def test_anchors_are_unique(self) -> None:
        html = Pages(from_environ({})).fill("record.html", "record", {}, OnePage(0), document=document())
        anchors = re.findall(r' id="([^"]+)"', html)
        assert len(anchors) == len(set(anchors))
        assert set(re.findall(r'href="#([^"]+)"', html)) <= set(anchors)


def texts(found: Document) -> list[str]:
    told = [found.title, found.lead]
    for part in found.parts:
        told.append(part.title)
        for section in part.sections:
            told.append(section.title)
            for block in section.blocks:
                match block:
                    case Paragraph(text) | Gap(text):
                        told.append(text)
                    case Items(items):
                        told += [item.text for item in items]
                    case Table(_, columns, rows):
                        told += [*columns, *(cell for row in rows for cell in row)]
    return told


class TestChanges:
    def test_everything_in_force_has_its_words(self) -> None:
        assert SAID.keys() == OTHER.keys() == set(InForce.__struct_fields__) - {"fields"}

    @pytest.mark.parametrize("name", OTHER)
    def test_a_change_is_said_and_so_is_the_way_back(self, name: str) -> None:
        value, words = OTHER[name]
        assert changes(DEFAULT, changed(name, value)) == (words,)
        (back,) = changes(changed(name, value), DEFAULT)
        assert back not in (words, REWORDED)

    def test_fields_that_come_go_and_change(self) -> None:
        more = in_force(from_environ({"EXTENDED_FIELDS": "cpu_model,ram_speed"}))
        assert changes(DEFAULT, more) == ("field cpu_model added", "field ram_speed added")
        assert changes(more, DEFAULT) == ("field cpu_model removed", "field ram_speed removed")
        wider = in_force(from_environ({"ERROR_MAX_CHARS": "200"}))
        assert changes(DEFAULT, wider) == (
            "field error: accepted values at most 120 characters -> at most 200 characters",
            "characters kept of an error line: 120 -> 200",
        )
        for part in ("kind", "accepted", "description", "purpose", "origin", "cleaning"):
            first, *rest = DEFAULT.fields
            other = msgspec.structs.replace(first, **{part: "another " * 12})
            (said,) = changes(DEFAULT, changed("fields", (other, *rest)))
            assert said.startswith("field random_id: ")
        assert changes(DEFAULT, changed("fields", DEFAULT.fields[::-1])) == ("fields in another order",)

    def test_a_mirror_that_changes(self) -> None:
        before, after = (changed("mirror", MirrorInUse("same machine", with_id)) for with_id in (False, True))
        assert changes(before, after) == ("mirror in PocketBase changed (same machine, with random_id)",)

    def test_the_first_and_other_words_for_the_same(self) -> None:
        assert changes(None, DEFAULT) == (FIRST,)
        assert changes(DEFAULT, DEFAULT) == (REWORDED,)
