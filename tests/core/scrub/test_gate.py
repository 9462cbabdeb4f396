"""What passes the gate and what does not."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.scrub import Scrubber
from telemetry_service.core.scrub.vocabulary import Words, load_vocabulary

PASSES = [
    "E: Unable to locate package libssl1.1",
    "nodejs : Depends: libnode108 (= 18.19.0+dfsg-6~deb12u1) but it is not going to be installed",
    "curl: (28) Failed to connect to <host> port 443 after 130220 ms: Connection timed out",
    "no space left on device while writing /var/lib/docker/overlay2/l",
    "npm ERR! code ERESOLVE",
    "java.lang.OutOfMemoryError: Java heap space",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08: 12.4MB/58.1MB",
    "http://archive.ubuntu.com/debian/pool/main/c/curl/curl_7.88.1-10+deb12u8_amd64.deb",
    "Could not find com.fasterxml.jackson.core:jackson-katzenkiste:2.15.2",
    "Version '8.2.28-1+0~20250313.72+debian12~1.gbpa2c9c2' for 'php8.2-fpm' was not found",
    "insmod: ERROR: could not insert module zfs.ko: Invalid module format",
    "client intended to send too large body: 10485761 bytes",
    "npm error code EBADXYZ",
]
MASKED = [
    "katzenhaus",
    "sonja.katze",
    "nas.heim.lan",
    "S5GXNF0R456789",
    "0123456789abcdef0123456789abcdef",
    "123456789012",
    "benedikt",
    "Uppsala",
    "media-server",
    "łódź",
]


@pytest.mark.parametrize("line", PASSES)
def test_public_words_pass(line: str, scrubber: Scrubber) -> None:
    assert scrubber.gate(line) == line


@pytest.mark.parametrize("word", MASKED)
def test_other_words_do_not(word: str, scrubber: Scrubber) -> None:
    assert scrubber.gate(f"error near {word} here") == "error near <x> here"


def test_an_artifact_is_public_only_with_its_group(scrubber: Scrubber) -> None:
    assert scrubber.gate("Could not find com.katzenhaus.laden:kundenkiste:2.15.2") == "Could not find <x>:<x>:2.15.2"


def test_the_vocabulary_is_sound() -> None:
    words = load_vocabulary()
    assert len(words) > 50_000
    assert not {"benedikt", "lena", "uppsala", "berlin", "homelab", "keller", "cet"} & set(words)
    assert all(word == word.lower() for word in words)
    assert len(set(words)) == len(words)


@given(st.sets(st.text(string.ascii_lowercase + "#-.", min_size=1, max_size=6), max_size=40), st.text(max_size=6))
def test_packed_words_are_a_set(chosen: set[str], other: str) -> None:
    words = Words("\n".join(["", *sorted(chosen), ""]).encode())
    assert set(words) == chosen
    assert len(words) == len(chosen)
    assert all(word in words for word in chosen)
    assert (other in words) == (other in chosen)


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["@", "%", "-", "~", "%2F", ".", "_", "+", "a", "7", "ü", "pve", " "])).map("".join)
)
def test_any_text_passes_through(scrubber: Scrubber, text: str) -> None:
    once = scrubber.gate(text)
    assert scrubber.gate(once) == once
