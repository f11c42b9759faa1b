# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a key in Azure, over the wire: services of every kind, what is not read, and what no answer may say."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_key_consumers_info
from sandbox import Fault, Profile
from sandbox.azure.rights.roles import PermissionSet
from support.azure_rights import AzureRights
from support.operate import Operator
from support.playbook import Ansible

DAY = 86400
RESOURCES = "/providers/Microsoft.ResourceGraph/resources"
SERVERS = "/subscriptions/{subscription}/providers/Microsoft.Sql/servers"
SERVER = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Sql/servers/{name}"
SERVER_KEYS, PROTECTOR = f"{SERVER}/keys", f"{SERVER}/encryptionProtector/current"


def refusal(code: str, message: str, *details: dict[str, str]) -> str:
    return json.dumps({"error": {"code": code, "message": message, "details": list(details)}})


DENIED = refusal("AuthorizationFailed", "not for you")
GONE = refusal("ResourceNotFound", "gone")
BUSY = refusal("ServiceUnavailable", "busy")
INVALID = refusal(
    "BadRequest",
    "Please provide below info when asking for support: timestamp = now, correlationId = 1.",
    {"code": "InvalidQuery", "message": "Query is invalid."},
    {"code": "ParserFailure", "message": "ParserFailure"},
)


class Estate:
    """A vault with the keys `payments` and `archive`, and the services around it."""

    def __init__(self, azure: AzureRights) -> None:
        self.azure = azure
        self.warnings: list[str] = []
        for name in ("payments", "archive"):
            self.do(lambda state, name=name: state.add_key(azure.vault, name, "RSA-HSM", days_ago=10.0))

    def do(self, deed: Any) -> Any:
        return self.azure.do(deed)

    @property
    def uri(self) -> str:
        return self.azure.stores[self.azure.vault].uri

    def version(self, name: str) -> str:
        found: str = self.do(lambda state: state.store(self.azure.vault).keys[name].current.version)
        return found

    def storage(self, name: str, key: str = "payments", **options: Any) -> str:
        found: str = self.do(
            lambda state: state.add_storage_account(name, self.azure.vault, key, **options).resource_id
        )
        return found

    def other(self, kind: str, name: str, properties: dict[str, Any]) -> str:
        """A resource of any type. In its properties, the address of the vault and the version are filled in."""
        host = self.uri.removeprefix("https://").rstrip("/")
        text = json.dumps(properties)
        for mark, value in {
            "uri": f"https://{host}/",
            "bare": f"https://{host}",
            "upper": f"HTTPS://{host.upper()}/",
            "port": f"https://{host}:443",
            "host": host,
            "version": self.version("payments"),
        }.items():
            text = text.replace(f"{{{mark}}}", value)
        filled = json.loads(text)
        made: str = self.do(lambda state: state.add_resource(kind, name, filled, **self.here).resource_id)
        return made

    @property
    def here(self) -> dict[str, str]:
        return {"subscription_id": self.azure.view.subscription_id}

    def ask(self, **options: Any) -> dict[str, Any]:
        operator = Operator(self.azure.sandbox.environment(), self.warnings)
        place = {} if options.keys() & {"group_name", "vault_uri"} else {"vault_uri": self.uri}
        return operator(cdc_key_consumers_info, **{**self.azure.operator, **place, **options})


def consumers(found: dict[str, Any], name: str = "payments") -> dict[str, dict[str, Any]]:
    """The consumers of a key by their names."""
    (key,) = [one for one in found["keys"] if one["name"] == name]
    return {one["name"]: one for one in key["consumers"]}


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["status"] for one in found["keys"]}


@pytest.fixture(params=["azure", "government", "pool"])
def anywhere(request: pytest.FixtureRequest) -> Estate:
    """In both clouds, and with a Managed HSM."""
    return Estate(request.getfixturevalue(request.param))


@pytest.fixture
def estate(azure: AzureRights) -> Estate:
    return Estate(azure)


def test_a_storage_account_is_found_with_its_version_and_nothing_is_written(anywhere: Estate) -> None:
    resource_id = anywhere.storage("stfollows")
    mark = anywhere.azure.sandbox.journal.mark()

    found = anywhere.ask(names=["Payments", "archive"])

    assert anywhere.azure.sandbox.journal.writes(since=mark) == []
    assert statuses(found) == {"Payments": "found", "archive": "none_found"}
    (account,) = consumers(found, "Payments").values()
    assert account["resource_id"] == resource_id
    assert (account["service"], account["type"]) == ("storage_account", "Microsoft.Storage/storageAccounts")
    assert account["versions"] == [anywhere.version("payments")]
    assert account["follows_new_versions"] is True
    assert found["complete"] is True
    assert found["blind_spots"] != []


# Each kind of service -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql_key_id", Profile.settings()["sql_key_id"])
def test_each_service_says_whether_it_follows_new_versions(anywhere: Estate, sql_key_id: str) -> None:
    """Given services of each kind that follow, and that do not; when a stranger rotates; then each is where it is."""
    anywhere.azure.sandbox.profile = Profile(sql_key_id=sql_key_id)
    vault, first = anywhere.azure.vault, anywhere.version("payments")
    for follows in (True, False):
        name = "follows" if follows else "stays"
        anywhere.storage(f"st{name}", follows=follows)

        def deed(state: Any, name: str = name, follows: bool = follows) -> None:
            state.add_disk_encryption_set(f"des-{name}", vault, "payments", 3, follows=follows)
            state.add_sql_server(f"sql-{name}", vault, "payments", follows=follows)
            state.add_sql_server(f"mi-{name}", vault, "payments", instance=True, follows=follows)

        anywhere.do(deed)
    anywhere.do(lambda state: state.rotate_key(vault, "payments"))
    anywhere.azure.sandbox.clock.advance(2 * DAY)
    second = anywhere.version("payments")

    found = consumers(anywhere.ask())

    assert {name: one["follows_new_versions"] for name, one in found.items()} == {
        f"{kind}{name}": name == "follows" for kind in ("st", "des-", "sql-", "mi-") for name in ("follows", "stays")
    }
    assert {name: one["versions"] for name, one in found.items()} == {
        name: [second if one["follows_new_versions"] else first] for name, one in found.items()
    }
    assert {one["service"] for one in found.values()} == {
        "storage_account",
        "disk_encryption_set",
        "sql_server",
        "sql_managed_instance",
    }
    # What SQL has used before is needed by its backups.
    assert [found[name]["previous_versions"] for name in ("sql-follows", "mi-follows", "des-follows")] == [[first]] * 3
    assert (found["des-follows"]["disks"], found["stfollows"]["disks"]) == (3, None)
    assert found["stfollows"]["last_rotation"] is not None


def test_a_server_that_has_left_the_key_still_needs_it_for_its_backups(estate: Estate) -> None:
    """Given a server that has the key in its list, but protects its databases with Microsoft's own."""
    estate.do(lambda state: state.add_sql_server("sql-old", estate.azure.vault, "payments"))
    own = {"properties": {"serverKeyType": "ServiceManaged", "serverKeyName": "ServiceManaged"}}
    estate.azure.sandbox.faults.add(Fault("arm", "GET", PROTECTOR, rewrite=lambda _body: json.dumps(own).encode()))

    found = consumers(estate.ask())["sql-old"]

    assert (found["versions"], found["previous_versions"]) == ([], [estate.version("payments")])
    assert (found["follows_new_versions"], found["properties"]) == (None, ["keys"])


def test_a_server_that_names_its_key_without_an_address_is_found(estate: Estate) -> None:
    estate.do(lambda state: state.add_sql_server("sql-name", estate.azure.vault, "payments"))
    version = estate.version("payments")
    named = {"serverKeyType": "AzureKeyVault", "serverKeyName": f"{estate.azure.vault.upper()}_payments_{version}"}
    page = {"value": [{"properties": named}]}
    estate.azure.sandbox.faults.add(Fault("arm", "GET", SERVER_KEYS, rewrite=lambda _body: json.dumps(page).encode()))

    assert consumers(estate.ask())["sql-name"]["versions"] == [version]


def test_a_failed_rotation_is_reported_in_the_words_of_the_service(estate: Estate) -> None:
    made = estate.do(lambda state: state.add_disk_encryption_set("des-broken", estate.azure.vault, "payments"))
    estate.do(lambda state: state.delete_key(estate.azure.vault, "payments"))

    found = consumers(estate.ask())["des-broken"]

    assert found["resource_id"] == made.resource_id
    assert found["problem"].startswith("KeyVaultKeyNotFound: ")


# Any other service ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "versioned"),
    [
        ({"keyVaultKeyUri": "{uri}keys/payments"}, False),
        ({"encryption": {"keyVaultProperties": {"keyIdentifier": "{uri}keys/payments/{version}"}}}, True),
        # Event Hubs: a list of keys in three parts.
        (
            {
                "encryption": {
                    "keyVaultProperties": [{"keyVaultUri": "{bare}", "keyName": "PayMents", "keyVersion": ""}]
                }
            },
            0,
        ),
        ({"encryption": {"vaultBaseUrl": "{upper}", "keyName": "payments", "keyVersion": "{version}"}}, True),
        # As Resource Manager shows keys, with a port.
        ({"securityProfile": {"azureKeyVaultKms": {"keyId": "{port}/keys/Payments/{version}"}}}, True),
        # A Logic App that calls the vault itself.
        ({"definition": {"actions": {"sign": {"inputs": {"uri": "@{uri}keys/payments/sign?api-version=7.4"}}}}}, False),
        ({"settings": '{"kek": "{uri}keys/payments/{version}"}'}, True),
        ({"KeyVaultURL": "{uri}", "KeyEncryptionKeyURL": "{uri}keys/payments/{version}"}, True),
    ],
    ids=str,
)
def test_a_service_of_another_kind_is_found_however_it_names_the_key(
    anywhere: Estate, properties: dict[str, Any], versioned: bool
) -> None:
    anywhere.other("Microsoft.Example/things", "thing", properties)

    found = anywhere.ask()

    (thing,) = consumers(found).values()
    assert (thing["service"], thing["type"], thing["follows_new_versions"]) == (
        "other",
        "Microsoft.Example/things",
        None,
    )
    assert thing["versions"] == ([anywhere.version("payments")] if versioned else [])
    assert found["mentions"] == []


@pytest.mark.parametrize(
    "properties",
    [
        {"customDnsConfigs": [{"fqdn": "{host}", "ipAddresses": ["10.0.0.4"]}]},
        {"sslCertificates": [{"keyVaultSecretId": "{uri}secrets/payments"}]},
        {"certificate": "{uri}certificates/payments/{version}"},
        # Another vault whose name ends, or begins, in the same way.
        {"keyUri": "https://x{host}/keys/payments"},
        {"keyUri": "https://{host}.example.com/keys/payments"},
        {"keyUri": "https://{host}/keys/payments-2"},
    ],
    ids=str,
)
def test_what_only_looks_like_the_key_is_no_consumer(anywhere: Estate, properties: dict[str, Any]) -> None:
    anywhere.other("Microsoft.Example/things", "thing", properties)

    found = anywhere.ask(names=["payments"])

    assert statuses(found) == {"payments": "none_found"}
    assert found["mentions"] == []


def test_a_resource_that_names_the_vault_in_an_unknown_way_makes_every_key_unknown(estate: Estate) -> None:
    made = estate.other("Microsoft.Example/things", "thing", {"cmk": {"store": "{uri}", "alias": "payments"}})

    found = estate.ask(names=["payments"])

    assert statuses(found) == {"payments": "unknown"}
    assert [(one["resource_id"], one["properties"]) for one in found["mentions"]] == [(made, ["properties.cmk"])]
    assert [one["what"] for one in found["not_read"]] == ["mentions"]


# What is not read -----------------------------------------------------------------------------------------------------


def test_no_result_says_that_a_key_is_not_in_use(anywhere: Estate) -> None:
    found = anywhere.ask(names=["payments", "nobody"])

    assert statuses(found) == {"payments": "none_found", "nobody": "none_found"}
    assert len(found["blind_spots"]) >= 5
    assert [(one["access"], one["subscription_id"]) for one in found["searched"]] == [
        ("all", anywhere.azure.view.subscription_id)
    ]


@pytest.mark.parametrize("read_services", [False, True])
def test_the_role_reader_is_enough(anywhere: Estate, read_services: bool) -> None:
    anywhere.storage("stone")
    anywhere.do(lambda state: state.add_disk_encryption_set("des-one", anywhere.azure.vault, "payments", 2))
    anywhere.do(lambda state: state.add_sql_server("sql-one", anywhere.azure.vault, "payments"))

    found = anywhere.ask(read_services=read_services, **anywhere.azure.another_operator("Reader"))

    assert (found["complete"], found["not_read"]) == (True, [])
    assert consumers(found).keys() == {"stone", "des-one", "sql-one"}


@pytest.mark.parametrize("answer", Profile.settings()["resource_graph_denied"])
@pytest.mark.parametrize("named", [False, True])
def test_an_operator_without_any_subscription_knows_nothing(estate: Estate, answer: str, named: bool) -> None:
    estate.storage("stone")
    estate.azure.sandbox.profile = Profile(resource_graph_denied=answer)
    subscriptions = [estate.azure.view.subscription_id] if named else []

    found = estate.ask(names=["payments"], subscriptions=subscriptions, **estate.azure.another_operator())

    assert statuses(found) == {"payments": "unknown"}
    assert (found["complete"], found["searched"], found["not_searched"]) == (False, [], subscriptions)
    assert [one["what"] for one in found["not_read"]] == ["subscriptions"]
    assert found["blind_spots"] != []


def test_a_subscription_that_azure_has_omitted_is_named(estate: Estate) -> None:
    other = estate.do(lambda state: state.add_subscription(estate.azure.view.tenant_id).subscription_id)
    estate.storage("sthidden", subscription_id=other)

    found = estate.ask(names=["payments"], subscriptions=[other.upper(), estate.azure.view.subscription_id])

    assert statuses(found) == {"payments": "unknown"}
    assert found["not_searched"] == [other]
    assert [one["subscription_id"] for one in found["searched"]] == [estate.azure.view.subscription_id]


def test_only_the_subscriptions_that_are_set_are_searched(estate: Estate) -> None:
    other = estate.do(lambda state: state.add_subscription(estate.azure.view.tenant_id).subscription_id)
    estate.do(
        lambda state: state.assign_role(estate.azure.view.operator_client_id, f"/subscriptions/{other}", "Reader")
    )
    estate.storage("stother", subscription_id=other)
    estate.storage("sthere")

    assert consumers(estate.ask()).keys() == {"stother", "sthere"}
    assert consumers(estate.ask(subscriptions=[other])).keys() == {"stother"}


@pytest.mark.parametrize("read_services", [False, True])
def test_an_operator_who_sees_a_part_of_a_subscription_is_told_so(estate: Estate, read_services: bool) -> None:
    seen = estate.storage("stseen")
    estate.storage("sthidden", "archive")
    operator = estate.azure.another_operator("Reader", scope=seen)

    found = estate.ask(names=["payments", "archive"], read_services=read_services, **operator)

    assert statuses(found) == {"payments": "found", "archive": "unknown"}
    assert [one["access"] for one in found["searched"]] in (["part"], ["unknown"])
    assert "resources" in [one["what"] for one in found["not_read"]]


def test_a_role_that_excludes_a_service_does_not_read_everything(estate: Estate) -> None:
    what = PermissionSet(actions=("*/read",), not_actions=("Microsoft.Sql/*",))
    role = estate.do(lambda state: state.add_custom_role(estate.azure.view.tenant_id, "own", what, scopes=["/"]))

    found = estate.ask(names=["payments"], **estate.azure.another_operator(str(role)))

    assert [one["access"] for one in found["searched"]] == ["part"]
    assert statuses(found) == {"payments": "unknown"}


@pytest.mark.parametrize("route", ["SERVER_KEYS", "PROTECTOR"])
def test_a_server_whose_keys_cannot_be_read_is_unknown_unless_its_resource_names_one(
    estate: Estate, route: str
) -> None:
    estate.do(lambda state: state.add_sql_server("sql-one", estate.azure.vault, "payments"))
    estate.azure.sandbox.faults.add(
        Fault("arm", "GET", globals()[route], times=None, status=403, body=DENIED, content_type="application/json")
    )

    found = estate.ask(names=["payments", "archive"])

    assert statuses(found) == {"payments": "found", "archive": "unknown"}
    server = consumers(found)["sql-one"]
    assert (server["follows_new_versions"], server["read_from"]) == (None, "resource_graph")
    (gap,) = found["not_read"]
    assert (gap["what"], "not for you" in gap["reason"]) == ("sql_servers", True)


def test_a_server_that_was_deleted_a_moment_ago_is_no_gap(estate: Estate) -> None:
    estate.do(lambda state: state.add_sql_server("sql-gone", estate.azure.vault, "payments"))
    estate.azure.sandbox.faults.add(
        Fault("arm", "GET", SERVER_KEYS, status=404, body=GONE, content_type="application/json")
    )

    assert statuses(estate.ask(names=["payments"])) == {"payments": "none_found"}


def test_a_server_without_any_key_in_its_list_is_asked_for_its_protector(estate: Estate) -> None:
    """Microsoft's own key is in each list."""
    estate.do(lambda state: state.add_sql_server("sql-empty", estate.azure.vault, "payments"))
    estate.azure.sandbox.faults.add(Fault("arm", "GET", SERVER_KEYS, rewrite=lambda _body: b'{"value": []}'))

    assert consumers(estate.ask())["sql-empty"]["versions"] == [estate.version("payments")]


def test_a_resource_without_properties_is_unknown(estate: Estate) -> None:
    made = estate.storage("stblank")

    def blank(body: bytes) -> bytes:
        answer = json.loads(body)
        return json.dumps({**answer, "data": [{**one, "properties": None} for one in answer["data"]]}).encode()

    estate.azure.sandbox.faults.add(Fault("arm", "POST", RESOURCES, times=None, rewrite=blank))

    found = estate.ask(names=["payments"])

    assert (statuses(found), [one["resource_id"] for one in found["mentions"]]) == ({"payments": "unknown"}, [made])


@pytest.mark.parametrize("kind", ["Microsoft.Storage/storageAccounts", "Microsoft.Compute/diskEncryptionSets"])
def test_a_list_that_is_not_as_documented_is_not_read(estate: Estate, kind: str) -> None:
    estate.storage("stone")
    estate.do(lambda state: state.add_disk_encryption_set("des-one", estate.azure.vault, "payments"))
    route = f"/subscriptions/{{subscription}}/providers/{kind}"
    page = {"value": [{"id": "/x", "properties": {"encryption": True, "activeKey": {"keyUrl": True}}}]}
    estate.azure.sandbox.faults.add(
        Fault("arm", "GET", route, times=None, rewrite=lambda _body: json.dumps(page).encode())
    )

    found = estate.ask(names=["payments", "archive"], read_services=True)

    assert statuses(found) == {"payments": "found", "archive": "unknown"}
    assert len(consumers(found)) == 2


def test_a_response_that_lacks_resources_is_no_answer(estate: Estate) -> None:
    def shortened(body: bytes) -> bytes:
        answer = json.loads(body)
        return json.dumps({**answer, "totalRecords": len(answer["data"]) + 1}).encode()

    estate.azure.sandbox.faults.add(Fault("arm", "POST", RESOURCES, times=None, rewrite=shortened))

    found = estate.ask(names=["payments"])

    assert statuses(found) == {"payments": "unknown"}
    assert [one["what"] for one in found["not_read"]] == ["resource_graph"]


def test_a_resource_that_is_returned_twice_does_not_hide_a_missing_one(estate: Estate) -> None:
    """Pages that overlap while something is deleted between them."""
    estate.storage("stone", "archive")

    def twice(body: bytes) -> bytes:
        answer = json.loads(body)
        again = [{**one, "id": one["id"].upper()} for one in answer["data"]]
        return json.dumps({**answer, "data": answer["data"] + again, "totalRecords": 2 * len(again)}).encode()

    estate.azure.sandbox.faults.add(Fault("arm", "POST", RESOURCES, times=None, rewrite=twice))

    found = estate.ask(names=["payments", "archive"])

    assert statuses(found) == {"payments": "unknown", "archive": "found"}
    assert len(found["keys"][0]["consumers"]) == 1
    assert [one["what"] for one in found["not_read"]] == ["resource_graph"]


def test_a_vault_that_does_not_exist_is_not_searched_without_a_word(anywhere: Estate) -> None:
    wrong = anywhere.uri.replace("https://", "https://x")

    found = anywhere.ask(vault_uri=wrong, names=["payments"])

    assert statuses(found) == {"payments": "unknown"}
    assert [one["what"] for one in found["not_read"]] == ["vault"]
    assert "check vault_uri" in found["not_read"][0]["reason"]


def test_a_vault_is_recognized_however_its_address_is_written(anywhere: Estate) -> None:
    written = anywhere.uri.rstrip("/").upper().replace("HTTPS://", "https://") + ":443"

    assert statuses(anywhere.ask(vault_uri=written, names=["payments"])) == {"payments": "none_found"}


def test_azure_failing_to_answer_is_a_failure_with_its_words(estate: Estate) -> None:
    estate.azure.sandbox.faults.add(
        Fault("arm", "POST", RESOURCES, times=None, status=400, body=INVALID, content_type="application/json")
    )

    with pytest.raises(TaskError, match="ParserFailure") as failed:
        estate.ask()

    assert "correlationId" not in str(failed.value)


def test_a_fresh_resource_is_found_by_reading_the_services(estate: Estate) -> None:
    estate.do(lambda state: setattr(state, "resource_graph_lag", 600.0))
    estate.storage("stfresh")
    estate.do(lambda state: state.add_disk_encryption_set("des-fresh", estate.azure.vault, "payments"))
    estate.do(lambda state: state.add_sql_server("sql-fresh", estate.azure.vault, "payments"))
    estate.do(lambda state: state.add_sql_server("mi-fresh", estate.azure.vault, "payments", instance=True))

    assert statuses(estate.ask(names=["payments"])) == {"payments": "none_found"}
    found = estate.ask(names=["payments"], read_services=True)

    assert consumers(found).keys() == {"stfresh", "des-fresh", "sql-fresh", "mi-fresh"}
    assert {one["read_from"] for one in consumers(found).values()} == {"service"}


def test_a_subscription_that_never_used_a_service_is_complete(estate: Estate) -> None:
    body = json.dumps({"error": {"code": "MissingSubscriptionRegistration", "message": "not registered"}})
    estate.azure.sandbox.faults.add(
        Fault("arm", "GET", SERVERS, times=None, status=409, body=body, content_type="application/json")
    )

    assert statuses(estate.ask(names=["payments"], read_services=True)) == {"payments": "none_found"}


# Requests -------------------------------------------------------------------------------------------------------------


def test_one_pass_answers_for_all_keys(estate: Estate) -> None:
    """Given a thousand accounts with a key each; then one query finds them, in pages of two hundred."""

    def deed(state: Any) -> None:
        for number in range(1000):
            state.add_key(estate.azure.vault, f"key-{number:04}", "EC", days_ago=1.0)
            state.add_storage_account(f"st{number:04}", estate.azure.vault, f"key-{number:04}")

    estate.do(deed)
    mark = estate.azure.sandbox.journal.mark()

    found = estate.ask()

    asked = [one.route for one in estate.azure.sandbox.journal.since(mark) if one.plane == "arm"]
    assert len(found["keys"]) == 1000
    assert set(statuses(found).values()) == {"found"}
    # One for the subscriptions, six pages with the vault itself, one for the permissions in the only subscription.
    assert (asked.count(RESOURCES), len(asked)) == (7, 8)


def test_servers_and_disks_cost_what_is_documented(estate: Estate) -> None:
    for number in range(3):
        estate.do(lambda state, name=f"sql-other-{number}": state.add_sql_server(name))
    estate.do(lambda state: state.add_sql_server("sql-ours", estate.azure.vault, "payments"))
    estate.do(lambda state: state.add_disk_encryption_set("des-ours", estate.azure.vault, "payments"))
    mark = estate.azure.sandbox.journal.mark()

    estate.ask()

    asked = Counter(one.route for one in estate.azure.sandbox.journal.since(mark) if one.plane == "arm")
    assert (asked[RESOURCES], asked[SERVER_KEYS], asked[PROTECTOR]) == (2, 4, 1)
    assert sum(asked.values()) == 2 + 4 + 1 + 1 + 1


def test_reading_the_services_costs_four_requests_a_subscription(estate: Estate) -> None:
    mark = estate.azure.sandbox.journal.mark()

    estate.ask(read_services=True)

    assert len([one for one in estate.azure.sandbox.journal.since(mark) if one.plane == "arm"]) == 2 + 1 + 4


@pytest.mark.parametrize("most", [0, 1, 2])
def test_what_the_number_of_requests_does_not_permit_is_unknown(estate: Estate, most: int) -> None:
    estate.do(lambda state: state.add_sql_server("sql-one", estate.azure.vault, "payments"))
    estate.azure.sandbox.profile = Profile(sql_key_id="absent")
    mark = estate.azure.sandbox.journal.mark()

    found = estate.ask(names=["payments"], max_requests=most)

    assert statuses(found) == {"payments": "unknown"}
    assert "max_requests" in str(found["not_read"])
    asked = [one.route for one in estate.azure.sandbox.journal.since(mark) if one.plane == "arm"]
    assert len(asked) - asked.count(RESOURCES) <= most


def test_azure_in_trouble_is_not_asked_again_and_again(estate: Estate) -> None:
    for number in range(8):
        estate.do(lambda state, name=f"sql-{number}": state.add_sql_server(name))
    estate.azure.sandbox.faults.add(
        Fault("arm", "GET", SERVER_KEYS, times=None, status=503, body=BUSY, content_type="application/json")
    )
    mark = estate.azure.sandbox.journal.mark()

    found = estate.ask(names=["payments"])

    servers = {one.path for one in estate.azure.sandbox.journal.since(mark) if one.route == SERVER_KEYS}
    assert (len(servers), statuses(found)) == (3, {"payments": "unknown"})


# The vault ------------------------------------------------------------------------------------------------------------


def test_the_vault_is_that_of_the_group(anywhere: Estate) -> None:
    anywhere.storage("stone")
    name = anywhere.azure.group()

    found = anywhere.ask(group_name=name)

    assert consumers(found).keys() == {"stone"}
    assert (found["group"]["name"], found["vault_uri"].rstrip("/")) == (name, anywhere.uri.rstrip("/"))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"names": ["https://akv.vault.azure.net/keys/payments"]}, "names"),
        ({"names": [""]}, "names"),
        ({"subscriptions": ["production"]}, "subscriptions"),
        ({"vault_uri": "https://akv.vault.usgovcloudapi.net"}, "cloud_environment"),
        ({"vault_uri": "https://example.com"}, "vault_uri"),
        ({"group_name": "one", "dsm_endpoint": None}, "dsm_endpoint"),
    ],
)
def test_invalid_options_are_refused_before_any_request(estate: Estate, options: dict[str, Any], problem: str) -> None:
    mark = estate.azure.sandbox.journal.mark()

    with pytest.raises(TaskError, match=problem):
        estate.ask(**options)

    assert estate.azure.sandbox.journal.since(mark) == []


def test_an_address_cannot_change_the_query(estate: Estate) -> None:
    estate.storage("stone")

    found = estate.ask(vault_uri="https://x') or (type contains 'storage.vault.azure.net", names=["payments"])

    assert statuses(found) == {"payments": "unknown"}


# As a user runs it ----------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_the_playbook_task_is_not_changed_and_shows_no_secret(estate: Estate, tmp_path: Any) -> None:
    estate.storage("stone")
    sandbox = estate.azure.sandbox
    environment = {**sandbox.environment(), **sandbox.operator_environment(sandbox.world.public)}
    ansible = Ansible(environment, tmp_path)

    run = ansible.tasks(
        {"cdc_key_consumers_info": {"vault_uri": estate.uri, "names": ["payments"]}},
        {"cdc_key_consumers_info": {"group_name": estate.azure.group(), "read_services": True}},
        verbosity=3,
    )

    assert (run.code, run.changed) == (0, [])
    assert [consumers(one.result).keys() for one in run.outcomes] == [{"stone"}] * 2
    assert all(one.result["blind_spots"] for one in run.outcomes)
    for secret in (estate.azure.view.operator_client_secret, environment["DSM_API_KEY"]):
        assert secret not in run.output
