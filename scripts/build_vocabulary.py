"""Build the public vocabulary of the gate: the words an error line may keep.

Run on a Debian machine at development time; the result is committed, the service never builds anything. Only words are
taken (facts), never sentences. Sources, all named in SOURCES below: the gettext catalogues and programs installed here or
unpacked under --root, Debian's package index, lists of package names (--names: the 11,000 packages of npm with more than
1.5 million downloads a month and the 5,000 most downloaded of PyPI), the words of an earlier build (--base: made
where other packages were unpacked), the wamerican-small word list, Python's own library, the project's tables,
and scripts/vocabulary/*.txt, which people write. Personal names and places are taken out again (see `denied_words`).
"""

from __future__ import annotations

import argparse
import ast
import builtins
import errno
import gettext
import lzma
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

WORD = re.compile(r"[A-Za-z]{2,24}")
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
DIGITS = re.compile(r"\d+")
PROGRAM_TEXT = re.compile(rb"[\x20-\x7e]{12,400}")
SENTENCE = re.compile(rb"^[^a-zA-Z]{0,4}[a-zA-Z'%:\-]+(?: [a-zA-Z0-9'\"%(),.:;=<>/_\-]+){2,}$")
MIN_PROGRAMS = 4  # a word must be in the messages of that many programs: noise in a binary is in one
MIN_DOMAINS = 1  # a name that is also a word stays when that many message catalogues use it in lower case
LANGUAGE_PACKS = re.compile(
    r"-(?:l10n|i18n|locale|langpack)-|^(?:hunspell|aspell|myspell|mythes|hyphen|task|fonts|wfrench|manpages|tesseract-ocr|libreoffice-help|libreoffice-l10n|thunderbird-l10n|firefox-esr-l10n|education|node-|librust-|golang-|libghc-|r-cran-|r-bioc-|elpa-|ruby-|fcitx|ibus|xfonts|gcompris|cpp-|gcc-|g\+\+-|gobjc|gfortran|gdc|gnat|gm2|libgcc-|libstdc|lib64|lib32|libx32|ocaml-|science|debian-science)"
)
PARTS = (  # what applications call their containers and services
    "server web api app worker db redis postgres ui backend frontend client agent proxy node exporter core data config cron"
)
SPECIAL_SUFFIX = re.compile(r"-(?:dev|dbg|dbgsym|doc|docs|java-doc|cross|examples?|data|perl|java|ocaml-dev|cil|el|headers.*)$")


def split_words(text: str) -> Iterator[str]:
    """Lower-case words of running text or identifiers, camel case taken apart."""
    for match in CAMEL.finditer(text):
        if len(match[0]) > 1:
            yield match[0].lower()


def catalogue_words(roots: Iterable[Path]) -> Counter[str]:
    """word -> in how many catalogues' source messages (not translations) it occurs in lower case."""
    found: Counter[str] = Counter()
    skip = re.compile(r"iso_|iso-|xkeyboard|gtk20-prop|gsettings|appstream|gstreamer")
    seen: set[str] = set()
    for root in roots:
        for path in sorted(root.glob("usr/share/locale/*/LC_MESSAGES/*.mo")):
            if path.name in seen or skip.match(path.name) or path.parts[-3] not in {"de", "fr", "es", "pl"}:
                continue
            seen.add(path.name)
            with path.open("rb") as file:
                try:
                    messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
                except (OSError, UnicodeDecodeError, ValueError):
                    continue
            words: set[str] = set()
            for key in messages:
                text = key[0] if isinstance(key, tuple) else key
                words.update(word for word in re.findall(r"[a-z]{2,24}", re.sub(r"%[-+ #0-9.*]*[a-z]+", " ", text)))
            found.update(words)
    return found


def program_words(roots: Iterable[Path]) -> Counter[str]:
    """word -> in how many programs or libraries a sentence-like string holds it."""
    found: Counter[str] = Counter()
    folders = ("usr/bin", "usr/sbin", "bin", "sbin", "usr/lib", "lib", "usr/share", "usr/libexec", "usr/local/bin")
    for root in roots:
        for folder in folders:
            for path in sorted((root / folder).rglob("*")) if (root / folder).is_dir() else ():
                if (
                    path.is_symlink()
                    or not path.is_file()
                    or path.suffix in {".mo", ".gz", ".xml", ".ttf", ".png", ".svg", ".html"}
                ):
                    continue
                if root == Path("/") and not re.match(
                    r"/(usr/)?s?bin/|/usr/lib/(systemd|apt|git-core|x86_64-linux-gnu/lib(c|ssl|crypto|curl|apt|systemd|pam|pq|maria|ldap|krb|gnutls|z|ssh|perl|python)[.\-a-z0-9]*\.so)",
                    str(path),
                ):
                    continue
                if 2000 < path.stat().st_size < 60_000_000:
                    found.update(program_file_words(path.read_bytes()))
    return found


def program_file_words(content: bytes) -> set[str]:
    words: set[str] = set()
    for match in PROGRAM_TEXT.finditer(content):
        if SENTENCE.match(match[0]):
            cleaned = re.sub(r"%[-+ #0-9.*]*[a-zA-Z]+", " ", match[0].decode("ascii"))
            words.update(split_words(cleaned))
    return words


def package_names() -> list[str]:
    listing = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=True).stdout
    return sorted(set(listing.split()))


def package_forms(names: list[str]) -> set[str]:
    """Whole names of packages (numbers as #), and their parts when several packages share them."""
    forms: set[str] = set()
    parts: Counter[str] = Counter()
    for name in names:
        base = SPECIAL_SUFFIX.sub("", name)
        pieces = {piece for piece in re.split(r"[-+.\d]+", base) if len(piece) > 2}
        parts.update(pieces)
        if LANGUAGE_PACKS.search(name) or len(name) > 34:
            continue
        forms.add(DIGITS.sub("#", base))
    forms.update(part for part, count in parts.items() if count > 4 and part.isalpha())
    for name in names:  # Go modules are named by the account that publishes them
        if match := re.match(r"golang-(?:github|gitlab|gopkg)-([a-z0-9]+)-", name):
            forms.add(DIGITS.sub("#", match[1]))
    return forms


def python_words() -> Counter[str]:
    """word -> in how many files of Python's library it is part of an identifier."""
    found: Counter[str] = Counter()
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        if (
            "site-packages" in path.parts
            or "test" in path.parts
            or "lib2to3" in path.parts
            or "idlelib" in path.parts
            or "turtledemo" in path.parts
        ):
            continue
        try:
            tree = ast.parse(path.read_text("utf-8", "replace"))
        except (SyntaxError, ValueError, RecursionError):
            continue
        words: set[str] = set(split_words(path.stem))
        words.update(path.relative_to(library).parts[:-1])
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                words.update(split_words(node.name))
            elif isinstance(node, ast.Attribute):
                words.update(split_words(node.attr))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                words.update(re.findall(r"[a-z]{2,24}", node.value))
        found.update(word for word in words if word.isascii() and len(word) > 1)
    return found


def file_names(roots: Iterable[Path]) -> Counter[str]:
    """Names of commands, units, shared libraries and configuration folders."""
    found: Counter[str] = Counter()
    globs = (
        "usr/bin/*",
        "usr/sbin/*",
        "bin/*",
        "sbin/*",
        "etc/*",
        "etc/*/*",
        "usr/lib/*",
        "usr/share/*",
        "var/lib/*",
        "var/*",
        "usr/lib/x86_64-linux-gnu/*.so*",
        "lib/systemd/system/*",
        "usr/lib/systemd/system/*",
        "usr/lib/python3/dist-packages/*",
        "lib/x86_64-linux-gnu/*",
        "usr/lib/python3.11/*",
        "usr/share/perl5/*",
        "usr/share/perl/*/*",
        "usr/share/nodejs/*",
        "opt/*",
        "dev/*",
        "proc/sys/*",
        "proc/*",
        "sys/*",
    )
    for root in roots:
        if root == Path("/"):
            chosen: tuple[str, ...] = globs[:4] + globs[11:13]
        else:
            chosen = globs
        for pattern in chosen:
            for path in root.glob(pattern):
                stem = re.sub(
                    r"(\.so[.\d]*|\.service|\.socket|\.timer|\.target|\.mount|\.path|\.slice|\.pm|\.py|\.pl|\.conf|@)$",
                    "",
                    path.name,
                )
                stem = DIGITS.sub("#", stem.rstrip("@")).lower()
                if re.fullmatch(r"[a-z#][a-z0-9#+_.-]{1,30}", stem):
                    found[stem] += 1
    return found


def denied_words(protected: set[str]) -> set[str]:
    """Personal names and places, which never are vocabulary: Faker's lists, Debian's time zones, ISO country names.

    A name that is also a technical or everyday word stays when it is in `protected`.
    """
    from faker.config import AVAILABLE_LOCALES
    from faker.factory import Factory

    names: set[str] = set()
    for locale in AVAILABLE_LOCALES:
        for provider in ("person", "address"):
            try:
                module = __import__(f"faker.providers.{provider}.{locale}", fromlist=["Provider"])
            except ImportError:
                continue
            for attribute in dir(module.Provider):
                if (
                    re.search(
                        r"first_name|last_name|cit(?:y|ies)|countr|state|province|region|count(?:y|ies)|town|municipal",
                        attribute,
                    )
                    and "format" not in attribute
                    and "suffix" not in attribute
                    and "prefix" not in attribute
                ):
                    names.update(flatten(getattr(module.Provider, attribute)))
    del Factory
    for path in Path("/usr/share/zoneinfo").rglob("*"):
        names.add(path.name)
    names.update(
        line.split("\t")[1]
        for line in Path("/usr/share/zoneinfo/iso3166.tab").read_text().splitlines()
        if line[:1] not in {"#", ""}
    )
    words = {word.lower() for name in names for word in re.findall(r"[^\W\d_]{3,}", name)}
    words |= {fold(word) for word in words}
    return {word for word in words if word not in protected}


def flatten(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from flatten(list(value))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from flatten(item)


def fold(word: str) -> str:
    table = str.maketrans(
        {
            "ä": "ae",
            "ö": "oe",
            "ü": "ue",
            "ß": "ss",
            "å": "a",
            "ø": "o",
            "é": "e",
            "è": "e",
            "á": "a",
            "í": "i",
            "ó": "o",
            "ú": "u",
            "ł": "l",
            "ń": "n",
            "ś": "s",
            "ż": "z",
            "ź": "z",
            "ć": "c",
            "ę": "e",
            "ą": "a",
            "č": "c",
            "š": "s",
            "ž": "z",
            "ř": "r",
            "ý": "y",
            "ñ": "n",
            "ç": "c",
            "ã": "a",
            "õ": "o",
            "ê": "e",
        }
    )
    return word.translate(table)


def written_words(folder: Path, name: str) -> set[str]:
    lines = (folder / name).read_text("utf-8").splitlines()
    return {DIGITS.sub("#", word.lower()) for line in lines if not line.startswith("#") for word in line.split()}


def listed_forms(paths: list[Path]) -> set[str]:
    """Whole names of public packages (numbers as #), a scope and its package apart: `@babel/core` -> `babel`, `core`."""
    names = {line.strip().lower() for path in paths for line in path.read_text("utf-8").splitlines()}
    pieces = {piece for name in names for piece in name.lstrip("@").split("/")}
    return {DIGITS.sub("#", piece) for piece in pieces if 2 < len(piece) < 34 and not piece.isdigit()}


def packed_words(path: Path | None) -> set[str]:
    return set(lzma.decompress(path.read_bytes()).decode("ascii").split()) if path else set()


def application_forms(names: set[str]) -> set[str]:
    """Applications, and their containers and services: `immich-server`."""
    return names | {f"{name}-{part}" for name in names for part in PARTS.split()}


def build(roots: list[Path], lists: Path, tables: list[Path], names: list[Path], base: Path | None) -> list[str]:
    written = written_words(lists, "public.txt") | application_forms(written_words(lists, "apps.txt"))
    catalogue = catalogue_words([*roots, Path("/")])
    program = program_words([*roots, Path("/")])
    python = python_words()
    files = file_names([*roots, Path("/")])
    dictionary: set[str] = set()
    for root in roots:
        for path in root.glob("usr/share/dict/american-english-small"):
            dictionary.update(w for w in path.read_text("utf-8").splitlines() if re.fullmatch(r"[a-z]{2,}", w))
    known = {w for w, n in catalogue.items() if n >= 1} | {w for w, n in program.items() if n >= MIN_PROGRAMS and len(w) > 2}
    known |= {w for w, n in python.items() if n >= 2}
    print(
        "catalogue",
        len(catalogue),
        "program",
        len(program),
        "python",
        len(python),
        "files",
        len(files),
        "dict",
        len(dictionary),
        "known",
        len(known),
        file=sys.stderr,
    )
    words = known | dictionary | set(files)
    words.update(package_forms(package_names()))
    words.update(listed_forms(names))
    words.update(packed_words(base))
    words.update(name.lower() for name in dir(builtins) if name[0] != "_")
    words.update(name.lower() for name in errno.errorcode.values())
    for table in tables:
        words.update(split_words(table.read_text("utf-8")))
    protected = written | {w for w, n in catalogue.items() if n >= MIN_DOMAINS}
    words = {w for w in words if re.fullmatch(r"[a-z0-9#][a-z0-9#+_.-]{1,33}", w)}
    denied = denied_words(protected) | written_words(lists, "never.txt")

    def carries_name(word: str) -> bool:
        return any(part in denied for part in re.split(r"[-+_.#]", word))

    words = {w for w in words if not carries_name(w)}
    return sorted(words | written)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, action="append", default=[], help="a folder with unpacked Debian packages")
    parser.add_argument("--table", type=Path, action="append", default=[], help="a table of the project (exit codes, fields)")
    parser.add_argument("--names", type=Path, action="append", default=[], help="names of public packages, one a line")
    parser.add_argument("--base", type=Path, help="an earlier build, whose words are kept")
    parser.add_argument("--written", action="store_true", help="add only public.txt to the words of --base")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lists = Path(__file__).parent / "vocabulary"
    if options.written:
        words = sorted(packed_words(options.base) | written_words(lists, "public.txt"))
    else:
        words = build(options.root, lists, options.table, options.names, options.base)
    packed = lzma.compress(
        "".join(f"\n{word}" for word in words).encode("ascii") + b"\n", format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME
    )
    options.out.write_bytes(packed)
    print(f"{len(words)} words, {len(packed)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
