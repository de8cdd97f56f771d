"""The check of the parameter `Services` before a deployment: the rules of
docs/reference/services.schema.json, and those that a schema cannot state. The functions check the
same when they start, and do not start if it fails.
"""

import ipaddress
import json
import re
import unicodedata

from operations import INFRA, InvalidSettings

PARAMETER = "Services"
SCHEMA = INFRA.parent / "docs" / "reference" / "services.schema.json"
SHOWN_CHARS = 100


def checked(text, max_bytes, timeout_below):
    """The registry without white space, which counts in Lambda's limit of 4 KB for a function's
    environment.

    `max_bytes` is what fits, `timeout_below` the bound of a service's timeout in seconds. Raises
    InvalidSettings with all problems.
    """
    try:
        services = json.loads(text, object_pairs_hook=Unique, parse_constant=_reject)
    except ValueError as error:
        # The message of the parser has the position and no value.
        raise InvalidSettings(f"{PARAMETER} must be JSON: {error}") from None
    problems = [*schema_problems(services), *other_problems(services, timeout_below)]
    compact = json.dumps(services, separators=(",", ":"))
    if len(compact) > max_bytes:
        problems.append(
            f"the registry has {len(compact)} bytes without white space, and {max_bytes} fit into "
            "a function's environment: "
            "shorten URLs, or leave out fields that have their default"
        )
    if problems:
        raise InvalidSettings("\n".join(f"{PARAMETER}: {problem}" for problem in problems))
    return compact


class Unique(dict):
    """A JSON object with the names that were given twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.repeated = sorted({name for name in names if names.count(name) > 1})


def _reject(constant):
    raise ValueError(f"{constant} is not JSON")


def schema_problems(services):
    """What the published schema rejects."""
    try:
        import jsonschema
    except ImportError:
        raise InvalidSettings(
            "the Python package `jsonschema` is missing: pip install jsonschema"
        ) from None
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    # One problem of a field is enough, such as its form or its length.
    found = {}
    for error in validator.iter_errors(services):
        for place, problem in described(error):
            found.setdefault(place, problem)
    return found.values()


def described(error):
    """The place and the description of each problem in an error of the schema."""
    path = [str(part) for part in error.absolute_path]
    service = f"`{shown(path[0])}`" if path else "it"
    if "propertyNames" in error.relative_schema_path:
        yield ("name", error.instance), f"`{shown(error.instance)}`: a name {rule(error)}"
    elif error.validator == "required":
        yield (*path, "url"), f"{service} has no `url`: add the URL of its callbacks"
    elif error.validator == "additionalProperties":
        known = ", ".join(f"`{name}`" for name in error.schema["properties"])
        for name in error.instance.keys() - error.schema["properties"].keys():
            yield (
                (*path, name),
                f"{service} has the unknown field `{shown(name)}`: it must be one of {known}",
            )
    elif not path:
        yield (), "must be a JSON object of service name → settings"
    elif len(path) == 1:
        yield (
            tuple(path),
            f"{service} must be a JSON object with a `url`: got {value(error.instance)}",
        )
    else:
        yield tuple(path), f"`{path[1]}` of {service} {rule(error)}: got {value(error.instance)}"


def rule(error):
    """The rule of a name or a field: the first sentence of its description."""
    description = error.schema["description"]
    return "m" + description[1:].split(". ")[0].removesuffix(".")


def other_problems(services, timeout_below):
    """What the schema cannot state: names that are given twice, special-purpose addresses, invalid
    Punycode, and the bound of a timeout.
    """
    if not isinstance(services, dict):
        return
    for name in services.repeated:
        yield f"`{shown(name)}` is listed twice: remove one of the entries"
    for name, settings in services.items():
        if not isinstance(settings, dict):
            continue
        for field in settings.repeated:
            yield f"`{shown(field)}` of `{shown(name)}` is given twice: remove one of them"
        if not is_public(settings.get("url")):
            yield (
                f"`url` of `{shown(name)}` must not be a private, loopback, link-local or other "
                "special-purpose address: "
                f"got {value(settings['url'])}"
            )
        if not all(map(is_label, host_of(settings.get("url")).split("."))):
            yield (
                f"`url` of `{shown(name)}` must have a host name whose parts that start with "
                f"`xn--` are Punycode: got {value(settings['url'])}"
            )
        timeout = settings.get("timeoutSeconds")
        if type(timeout) in (int, float) and timeout_below <= timeout <= 840:
            yield (
                f"`timeoutSeconds` of `{shown(name)}` must be less than {timeout_below}, or a run "
                "of redeliver could not "
                f"confirm the delivery in time: got {value(timeout)}"
            )


def is_public(url):
    """Whether a URL's host is a name, or the literal address of a public host. The functions check
    what a name resolves to.
    """
    name = host_of(url)
    if not name:
        return True
    if name == "localhost" or name.endswith(".localhost"):
        return False
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return not name.startswith("[")
    return address.is_global and not address.is_multicast


def host_of(url):
    """The host of an https URL in lower case, without the dot at its end."""
    host = re.match(r"https://(\[[^\]]*\]|[^:/?]*)", url) if isinstance(url, str) else None
    return host[1].lower().removesuffix(".") if host else ""


def is_label(label):
    """Whether a part of a host name has no prefix `xn--`, or decodes to what this stands for
    (UTS 46): letters and symbols, not all of them ASCII, in their normal form. The functions reject
    a few more, such as mixed directions of writing.
    """
    if not label.startswith("xn--"):
        return True
    try:
        decoded = label[4:].encode().decode("punycode")
        if decoded.isascii() or decoded.encode("punycode").decode() != label[4:]:
            return False
    except UnicodeError:
        return False
    # Valid, though their normal form differs: ß, final sigma and the two joiners.
    plain = re.sub("[ß\u03c2\u200c\u200d]", "", decoded)
    return (
        unicodedata.normalize("NFKC", plain.casefold()) == plain
        and not unicodedata.category(decoded[0]).startswith("M")
        and not {"Cc", "Cf", "Co", "Cs", "Zs", "Zl", "Zp"} & set(map(unicodedata.category, plain))
    )


def value(invalid):
    """A value for a message. Of a URL only scheme and host: the rest may contain a secret."""
    if isinstance(invalid, (list, dict)):
        return "an array" if isinstance(invalid, list) else "an object"
    if not isinstance(invalid, str):
        return f"`{json.dumps(invalid)}`"
    host = re.match(r"([^/?#\\]*://)?[^/?#\\]*", invalid)[0]
    return f"`{shown(host)}{'' if host == invalid else '/…'}`"


def shown(text):
    """An excerpt without what may be a secret."""
    if re.search("@|whsk_|whsec_", text):
        return "(not shown: may contain a secret)"
    escaped = text[:SHOWN_CHARS].encode("unicode_escape").decode()
    return escaped if len(text) <= SHOWN_CHARS else escaped + "…"


def max_bytes(template):
    """What the parameter's declaration in the template's text allows."""
    block = re.search(rf"^  {PARAMETER}:\n((?:    .*\n)+)", template, re.MULTILINE)[1]
    return int(re.search(r"^    MaxLength: (\d+)", block, re.MULTILINE)[1])


def timeout_below(template):
    """The bound of a timeout: a run of redeliver keeps 2 s for the confirmation."""
    return int(re.search(r"RequestTimeout: (\d+)s", template)[1]) - 2
