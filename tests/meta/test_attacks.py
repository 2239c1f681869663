"""The security checklist: each attack on what is built so far has a test of this name.

The numbers are those of the checklist in the design's research on reliability, section 5. Those
that are not here are attacks on what is not built yet: campaigns and the dashboard (49 to 57).
"""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.support.sources import ROOT

AUTH, SECURITY, MATRIX = "api/test_auth", "api/test_security", "api/test_matrix"
TENANCY, ROLES = "sql/test_tenancy", "sql/test_roles"
FETCH, GUARD, SIGN = "webhooks/test_fetch", "webhooks/test_guard", "webhooks/test_sign"

TESTS: dict[int, tuple[str, str]] = {
    1: (MATRIX, "test_what_is_another_tenants_does_not_exist"),
    2: (SECURITY, "test_a_body_cannot_set_what_is_not_its_own"),
    3: (MATRIX, "test_each_role_may_what_the_table_says"),
    4: (TENANCY, "test_the_api_is_no_worker"),
    5: (TENANCY, "test_the_binding_ends_with_its_transaction"),
    6: (TENANCY, "test_every_table_is_under_row_level_security"),
    7: (TENANCY, "test_every_function_holds_the_api_to_its_tenant"),
    8: (TENANCY, "test_two_tenants_may_use_the_same_names"),
    9: (ROLES, "test_every_definer_function_pins_its_search_path"),
    10: (ROLES, "test_a_stranger_may_execute_nothing"),
    11: (SECURITY, "test_filters_are_values_never_sql"),
    12: (SECURITY, "test_names_fit_channels_and_addresses"),
    13: ("sql/test_rollups", "test_one_notification_names_what_was_busy"),
    14: ("worker/test_wakeups", "test_forged_wake_ups_make_a_worker_look_only_so_often"),
    15: (AUTH, "test_a_forged_token_is_refused"),
    16: (AUTH, "test_a_forged_token_is_refused"),
    17: (AUTH, "test_a_change_of_role_ends_tokens_at_once"),
    18: (SECURITY, "test_tokens_are_in_no_log_and_in_no_error"),
    19: (AUTH, "test_a_dump_holds_no_usable_key"),
    20: (AUTH, "test_a_key_goes_off_with_its_user"),
    21: (AUTH, "test_guessing_locks_the_account_for_a_while"),
    22: (AUTH, "test_a_forwarded_address_is_not_believed"),
    23: (SECURITY, "test_only_listed_origins_and_hosts"),
    24: ("api/test_docs", "test_only_named_files_are_served"),
    25: (AUTH, "test_a_page_of_another_site_cannot_use_the_cookie"),
    26: (SECURITY, "test_every_answer_has_the_headers_that_browsers_heed"),
    27: (SECURITY, "test_json_of_an_answer_is_text_for_browsers"),
    28: (SECURITY, "test_secrets_in_arguments_are_hidden_from_all_but_administrators"),
    29: (SECURITY, "test_a_request_id_cannot_forge_a_log"),
    30: (SECURITY, "test_a_large_body_is_refused_before_it_is_read"),
    31: (SECURITY, "test_what_cannot_be_stored_is_refused_with_a_reason"),
    32: (SECURITY, "test_what_cannot_be_stored_is_refused_with_a_reason"),
    33: (SECURITY, "test_what_cannot_be_stored_is_refused_with_a_reason"),
    34: (SECURITY, "test_a_page_has_at_most_200_lines"),
    35: (SECURITY, "test_a_cron_that_never_fires_is_told_soon"),
    36: (SECURITY, "test_a_graph_that_cannot_be_is_refused"),
    37: (TENANCY, "test_a_tenant_has_no_more_live_jobs_than_its_quota"),
    38: (SECURITY, "test_an_idempotency_key_is_its_tenants_and_its_routes"),
    39: (SECURITY, "test_a_task_is_a_name_in_a_registry_never_an_import"),
    40: (GUARD, "test_misleading_spellings_are_refused_or_found_out"),
    41: (FETCH, "test_a_name_that_changes_its_mind_is_asked_once"),
    42: (FETCH, "test_a_redirect_is_an_answer_and_not_followed"),
    43: (FETCH, "test_a_huge_answer_is_cut_and_the_rest_not_read"),
    44: ("api/test_webhooks", "test_what_a_receiver_said_is_for_administrators"),
    45: ("builtin/test_builtin", "test_what_may_not_be_asked_is_refused"),
    46: (SIGN, "test_every_flipped_bit_of_the_body_is_noticed"),
    47: (SIGN, "test_two_secrets_give_two_signatures_and_one_is_enough"),
    48: ("webhooks/test_delivery", "test_an_endpoint_that_is_gone_ends_it"),
    58: ("cli/test_psql", "test_the_password_is_not_on_the_command_line"),
    59: (SECURITY, "test_each_change_has_its_line_in_the_audit_trail"),
    60: (MATRIX, "test_what_is_open_is_what_has_to_be"),
}


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize("number", TESTS)
def test_each_attack_has_its_test(number: int) -> None:
    file, name = TESTS[number]
    assert name in functions_of(file)


def test_none_is_forgotten() -> None:
    assert sorted(set(range(1, 61)) - set(TESTS)) == list(range(49, 58))
