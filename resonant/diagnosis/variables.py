"""Which variables a program misses, out of the many ways in which programs say so."""

import re
from collections.abc import Collection, Iterator

NAME = r"(?P<name>(?-i:[A-Z][A-Z0-9_]{2,}))"
ANY = r"(?P<name>[A-Za-z][\w.-]*)"
QUOTE = r"[\"'`‘’\\]{0,2}"
MISSING = (
    r"(?:not (?:be )?(?:set|defined|provided|found|specified|configured|present|given|empty)|unset|required|missing|mandatory|undefined|"
    r"must be (?:set|defined|provided|specified|non-empty)|"
    r"(?:cannot|can't|must not|may not) be (?:empty|blank|null|undefined)|is empty|is blank)"
)

# The whole sentence is that of a program or library which means nothing else by it.
CERTAIN = (
    rf"required variable {QUOTE}{ANY}{QUOTE} is missing a value",
    rf"Environment variable (?:not found|missing|not set|undefined): {QUOTE}{ANY}",
    rf"required (?:environment variable|key|env(?:ironment)? var) {QUOTE}{ANY}{QUOTE} (?:is not set|missing value|not set|missing)",
    rf"env(?:ironment)?(?: variable)?:? {QUOTE}{ANY}{QUOTE} (?:should|must) not be empty",
    rf"Could not resolve placeholder {QUOTE}{ANY}",
    rf"config property {ANY} is required but it could not be found",
    rf"Set the {ANY} environment variable",
    rf"{ANY} not found\. Declare it as envvar",
    rf"\bThe {NAME} setting must not be empty",
    r"Missing `(?P<name>secret_key_base)`",
    rf"You must specify {NAME}",
    rf"You need to specify one of the following[^\n]*\n[^\n]*?{NAME}",
    rf"{NAME}: (?:unbound variable|parameter (?:null or )?not set)",
    rf"not (?:set|given|specified|provided) \({NAME}\)",
    rf"\bno value (?:given|set|provided) for {NAME}",
)
# They say a name that may be anything: only one that the container has not, or has empty, counts.
LIKELY = (
    rf"KeyError: {QUOTE}{NAME}{QUOTE}\s*$",
    rf"key not found: {QUOTE}{NAME}{QUOTE}",
    rf"Undefined (?:array key|index):? {QUOTE}{NAME}",
    rf"(?:^|[{{,])\s*{QUOTE}{NAME}{QUOTE}: (?:\[\s*)?{QUOTE}(?:Required|Invalid input|undefined|is required|missing)",
    rf"{QUOTE}{NAME}{QUOTE}(?:,? [a-z]+){{0,5}}?,?:? {MISSING}",
    rf"(?:missing|required?s?|undefined|unset|needs?|must (?:set|have|provide)|please (?:set|provide|define)|"
    rf"expected|lacks)\b[^\n]{{0,50}}?"
    rf"\b(?:env\w*|variables?|settings?|config\w*|secrets?)\b[^\n]{{0,40}}?\b{NAME}\b",
    rf"(?:missing|must (?:set|provide)|please (?:set|provide|define)|expected|not set|unset):? {QUOTE}{NAME}\b",
    # Source lines that an interpreter shows of the place where it stopped.
    rf"(?:process\.env\.|process\.env\[{QUOTE}|os\.environ\[{QUOTE}|os\.environ\.get\({QUOTE}|getenv\({QUOTE}|ENV\.fetch\({QUOTE}|ENV\[{QUOTE}"
    rf"|Getenv\({QUOTE}|\$_(?:ENV|SERVER)\[{QUOTE}){NAME}",
)
PYDANTIC = re.compile(r"validation errors? for (?P<model>\S+)\n(?P<rest>(?:.*\n?)*)")
PYDANTIC_FIELD = re.compile(r"^(?P<name>[A-Za-z_][\w.]*)\n\s+Field required", re.MULTILINE)
NO_VARIABLES = re.compile(
    r"ERROR|ERRO|INFO|WARN|WARNING|FATAL|DEBUG|TRACE|CRITICAL|NOTICE|PANIC|SEVERE|NULL|NONE|TRUE|FALSE|HTTPS?|GET|POST|PUT|"
    r"DELETE|PATCH|SELECT|INSERT|UPDATE|FROM|WHERE|TABLE|COLUMN|SQL|JSON|YAML|XML|HTML|CSS|URI|API|TLS|SSL|SSH|TCP|UDP|DNS|UTC|ID|"
    r"ERR_\w+|SIG[A-Z]+|E[A-Z]{4,}|SQLSTATE|NOT|AND|OR|IS|THE"
)
_CERTAIN = [re.compile(one, re.IGNORECASE | re.MULTILINE) for one in CERTAIN]
_LIKELY = [re.compile(one, re.IGNORECASE | re.MULTILINE) for one in LIKELY]


def find_missing_variables(text: str, known: Collection[str] = (), empty: Collection[str] = ()) -> tuple[str, ...]:
    """Names in the order of certainty; `known` are the variables that the container has, `empty` those without a value."""
    given = set(known) - set(empty)
    names = [*_certain(text), *(name for name in _likely(text) if not NO_VARIABLES.fullmatch(name))]
    return tuple(name for name in dict.fromkeys(names) if name not in given)


def _certain(text: str) -> Iterator[str]:
    if "No application encryption key has been specified" in text:
        yield "APP_KEY"
    for expression in _CERTAIN:
        for found in expression.finditer(text):
            yield found["name"]
    for found in PYDANTIC.finditer(text):
        if re.search(r"settings|config|env", found["model"], re.IGNORECASE):
            yield from (field["name"].upper() for field in PYDANTIC_FIELD.finditer(found["rest"]))


def _likely(text: str) -> Iterator[str]:
    for expression in _LIKELY:
        for found in expression.finditer(text):
            yield found["name"]
