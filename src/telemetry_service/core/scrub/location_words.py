"""Words that stand where places and networks do and tell nothing of where a machine is; languages and keyboards."""


# fmt: off

from __future__ import annotations

NEUTRAL_ZONES = frozenset([
    "UTC", "Etc/UTC", "Etc", "GMT", "Z", "Universal", "Zulu", "Etc/GMT", "Etc/Universal", "zone", "local", "localtime", "not", "is", "invalid", "the",
    "n/a", "unknown", "and", "null",
])
LANGUAGES = frozenset([
    "aa", "af", "ak", "am", "an", "ar", "as", "ast", "az", "be", "bem", "ber", "bg", "bho", "bn", "bo", "br", "bs", "byn", "ca", "ce", "ckb", "cmn",
    "crh", "cs", "csb", "cv", "cy", "da", "de", "doi", "dv", "dz", "el", "en", "eo", "es", "et", "eu", "fa", "ff", "fi", "fil", "fo", "fr", "fur", "fy",
    "ga", "gd", "gez", "gl", "gu", "gv", "ha", "hak", "he", "hi", "hne", "hr", "hsb", "ht", "hu", "hy", "ia", "id", "ig", "ik", "is", "it", "iu", "ja",
    "ka", "kk", "kl", "km", "kn", "ko", "kok", "ks", "ku", "kw", "ky", "lb", "lg", "li", "lij", "ln", "lo", "lt", "lv", "lzh", "mag", "mai", "mg", "mhr",
    "mi", "mk", "ml", "mn", "mni", "mr", "ms", "mt", "my", "nan", "nb", "nds", "ne", "nhn", "niu", "nl", "nn", "no", "nr", "nso", "oc", "om", "or", "os",
    "pa", "pap", "pl", "ps", "pt", "quz", "raj", "ro", "ru", "rw", "sa", "sah", "sat", "sc", "sd", "se", "sgs", "shn", "shs", "si", "sid", "sk", "sl",
    "so", "sq", "sr", "ss", "st", "sv", "sw", "szl", "ta", "tcy", "te", "tg", "th", "the", "ti", "tig", "tk", "tl", "tn", "tr", "ts", "tt", "ug", "uk",
    "unm", "ur", "uz", "ve", "vi", "wa", "wae", "wal", "wo", "xh", "yi", "yo", "yue", "zh", "zu",
])
NEUTRAL_PLACES = frozenset([
    "unknown", "none", "n/a", "null", "undefined", "local", "default", "global", "auto", "not", "no", "error", "failed", "invalid", "true", "false",
    "debian", "internet", "http", "https", "starting", "started", "running", "active", "failure", "degraded",
])
NO_NETWORKS = frozenset([
    "not", "is", "none", "any", "off/any", "off", "off/any ", "found", "missing", "required", "hidden", "mode", "unavailable", "failed", "and", "or",
    "the", "to", "for", "of", "in", "was", "does", "interface", "device", "error", "name", "down", "up", "disabled", "enabled", "scan", "network",
    "driver", "could",
])
KEYMAPS = LANGUAGES | {"uk", "gb", "ch", "at", "dk", "cz", "jp", "latin", "br", "il", "kr", "ca"}
