"""Status and category: every rule with a case that fires and one that does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.classify import SIGNS, Verdict, classify
from telemetry_service.core.exit_codes import CATEGORIES, EXIT_CODES, meaning
from telemetry_service.core.fields import BY_NAME, STATUSES, TERMINAL

LOG = "exit_code=1 | general error | at line 40: install\n---\n"


class TestStatus:
    def test_failed_with_exit_code_zero_is_success(self) -> None:
        assert classify("failed", 0, "", None) == Verdict("success", None)
        assert classify("failed", 0, "Cancelled by user", "apt") == Verdict("success", None)

    @pytest.mark.parametrize("code", [None, 1, 255])
    def test_other_codes_leave_the_failure(self, code: int | None) -> None:
        assert classify("failed", code, "", None).status == "failed"

    @pytest.mark.parametrize("status", ["aborted", "unknown", "success"])
    def test_exit_code_zero_speaks_of_failures_only(self, status: str) -> None:
        assert classify(status, 0, "", None).status == status

    @pytest.mark.parametrize("code", [129, 130, *(c for c, x in EXIT_CODES.items() if x.category == "user_aborted")])
    def test_codes_of_the_user(self, code: int) -> None:
        assert classify("failed", code, "", "network") == Verdict("aborted", "user_aborted")

    @pytest.mark.parametrize("code", [128, 131, 137, 143])
    def test_codes_that_are_not_the_users(self, code: int) -> None:
        assert classify("failed", code, "", None).status == "failed"

    def test_143_is_aborted_when_the_client_says_so(self) -> None:
        assert classify("aborted", 143, "", None).status == "aborted"

    @pytest.mark.parametrize(
        "header", ["Cancelled by user", "user cancelled the dialog", "exit_code=1 | Aborted by user", "\n  User abort"]
    )
    def test_the_header_says_that_the_user_cancelled(self, header: str) -> None:
        assert classify("failed", 1, header, None) == Verdict("aborted", "user_aborted")
        assert classify("failed", None, f"{header}\n---\nlog", None) == Verdict("aborted", "user_aborted")
        assert classify("failed", 1, f"{header}---log", None) == Verdict("aborted", "user_aborted")

    @pytest.mark.parametrize(
        "text",
        [
            f"{LOG}Cancelled by user",
            f"{LOG}received SIGINT, aborted by user",
            "--- log ---\nuser cancelled",
            "exit_code=1 | general error --- user cancelled",
            "exit_code=1 | general error | at line 3: whiptail --msgbox 'user cancelled'",
            "x" * 600 + " cancelled by user",
            "the update was cancelled",
        ],
    )
    def test_words_elsewhere_do_not_count(self, text: str) -> None:
        assert classify("failed", 1, text, None).status == "failed"

    @pytest.mark.parametrize("status", ["installing", "validation", "configuring"])
    def test_what_still_runs_has_no_verdict(self, status: str) -> None:
        assert classify(status, 130, "Cancelled by user", "apt") == Verdict(status, None)


class TestCategory:
    @pytest.mark.parametrize("code", [c for c, x in EXIT_CODES.items() if x.category not in ("", "unknown")])
    def test_the_table_comes_first(self, code: int) -> None:
        assert classify("failed", code, f"{LOG}no space left on device", "apt").category == EXIT_CODES[code].category

    @pytest.mark.parametrize(
        ("category", "line"),
        [
            ("resource", "fork: Cannot allocate memory"),
            ("resource", "npm ERR! JavaScript heap out of memory"),
            ("storage", "tar: write error: No space left on device"),
            ("storage", "Disk quota exceeded"),
            ("network", "curl: (6) Could not resolve host: github.com"),
            ("network", "Temporary failure in name resolution"),
            ("network", "connect: Connection refused"),
            ("network", "connect: Network is unreachable"),
            ("network", "From 1: Destination Host Unreachable"),
            ("network", "gnutls: TLS handshake failed"),
            ("permission", "mkdir: cannot create directory: Permission denied"),
            ("apt", "The following packages have unmet dependencies:"),
            ("apt", "dpkg: error processing package x"),
            ("command_not_found", "bash: line 3: npm: command not found"),
            ("timeout", "Operation timed out after 30000 ms"),
            ("dependency", "ModuleNotFoundError: No module named 'x'"),
        ],
    )
    @pytest.mark.parametrize("code", [None, 1, 99])
    def test_then_the_text(self, category: str, line: str, code: int | None) -> None:
        assert classify("failed", code, LOG + line, "shell").category == category

    def test_then_the_clients(self) -> None:
        assert classify("failed", 1, f"{LOG}something else", "shell").category == "shell"
        assert classify("failed", None, "", "shell").category == "shell"

    def test_then_nothing(self) -> None:
        assert classify("failed", 1, f"{LOG}something else", None).category == "unknown"

    def test_a_success_has_none(self) -> None:
        assert classify("success", 0, f"{LOG}no space left on device", "apt").category is None

    def test_an_abort_without_a_cause_is_the_users(self) -> None:
        assert classify("aborted", None, "", None).category == "user_aborted"
        assert classify("aborted", 143, "", None).category == "signal"

    def test_every_sign_belongs_to_a_category_of_the_enum(self) -> None:
        assert {category for category, _ in SIGNS} <= set(CATEGORIES)


codes = st.none() | st.integers(0, 255)
texts = st.text(max_size=80) | st.sampled_from([sign for _, signs in SIGNS for sign in signs])


@given(st.sampled_from(STATUSES), codes, texts, st.sampled_from([None, *BY_NAME["error_category"].values]))
def test_a_verdict_is_within_the_enums(status: str, code: int | None, text: str, client: str | None) -> None:
    verdict = classify(status, code, text, client)
    assert verdict.status in STATUSES
    assert verdict.category in {None, *BY_NAME["error_category"].values}
    assert (verdict.status in TERMINAL) == (status in TERMINAL)
    assert (verdict.category is None) == (verdict.status not in ("failed", "aborted", "unknown"))
    if status != "failed":
        assert verdict.status == status


@given(st.sampled_from(["success", "aborted", "unknown"]), codes, texts)
def test_only_a_failure_is_called_something_else(status: str, code: int | None, text: str) -> None:
    assert classify(status, code, text, None).status == status


class TestExitCodes:
    def test_every_code_has_a_category_and_a_short_meaning(self) -> None:
        for code, known in EXIT_CODES.items():
            assert 0 <= code <= 255
            assert known.category in CATEGORIES or code == 0
            assert 0 < len(known.meaning) <= 60
        assert list(EXIT_CODES) == sorted(EXIT_CODES)
        assert len(EXIT_CODES) == 163

    def test_meaning(self) -> None:
        assert meaning(7) == "curl: connection refused or host unreachable"
        assert meaning(99) == "exit code without a known meaning"
        assert meaning(None) == "exit code not reported"
