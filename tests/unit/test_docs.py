"""What the docs say of names is what the program has."""

import json
import re
from pathlib import Path

from proxy.conversation import PIPELINE_LIMIT, PREPARED_LIMIT, PREPARED_TEXT_LIMIT
from proxy.events import LOGIN_FAILURES, STATES, TEXT_LIMIT
from proxy.metrics import Metrics
from proxy.relay import LINGER
from proxy.statement_log import QUEUE_BYTES
from rules.digest import digest

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_every_metric_is_described_and_no_other() -> None:
    families = list(Metrics(version="1", compiled=False).collect())
    suffix = {"counter": "_total", "info": "_info"}
    exposed = {family.name + suffix.get(family.type, "") for family in families}
    assert set(re.findall(r"^\| `(hushql_\w+)`", page("metrics.md"), re.MULTILINE)) == exposed
    for word in (*LOGIN_FAILURES, *STATES):
        assert f"`{word}`" in page("metrics.md")


def test_every_field_of_the_log_is_described_and_no_other() -> None:
    schema = json.loads(page("statement-log.schema.json"))
    fields = schema["$defs"]["LoggedStatement"]["properties"]
    described = [
        name for row in re.findall(r"^\| (`.*?) \|", page("statement-log.md"), re.MULTILINE) for name in row.split(", ")
    ]
    assert sorted(name.strip("`") for name in described) == sorted(fields)


def test_examples_of_normalised_statements() -> None:
    examples = re.findall(r"^([A-Z].*?\S) {3,}(\S.*)$", page("statement-log.md"), re.MULTILINE)
    assert len(examples) == 2
    for text, normalised in examples:
        assert digest(text.encode()).text == normalised


def test_bounds_are_as_described() -> None:
    operations = page("operations.md")
    assert f"the first {TEXT_LIMIT // 1024} KiB" in operations
    assert f"{PIPELINE_LIMIT:,}; with more" in operations
    assert f"{PREPARED_LIMIT:,}, and {PREPARED_TEXT_LIMIT >> 20} MiB" in operations
    assert f"{QUEUE_BYTES >> 20} MiB; further ones" in operations
    assert f"none of them for {LINGER:g} s" in operations


def test_every_error_of_our_own_is_described() -> None:
    sources = [path.read_text() for path in (DOCS.parent / "proxy").glob("*.py")]
    constants = (DOCS.parent / "proxy" / "wire" / "constants.py").read_text()
    codes = dict(re.findall(r"^((?:ER|CR)_\w+): Final = (\d+)", constants, re.MULTILINE))
    del codes["CR_SERVER_LOST"]  # a client library's; never sent
    used = {code for name, code in codes.items() if any(name in source for source in sources)}
    assert set(re.findall(r"^\| (\d{4}) \|", page("operations.md"), re.MULTILINE)) == used


def test_links_lead_somewhere() -> None:
    for path in (*DOCS.glob("*.md"), DOCS.parent / "README.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), (path.name, target)
