"""Nothing grows past what a reader takes in at once; see the medians with `pytest -rP`.

An exemption is a line here with its reason. One that is no longer needed fails, too.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import pytest

from tests.support.sources import Function, files, functions, line_count, shown

LIMITS = {
    "taskflow/**.py": 400,
    "tests/**.py": 500,
    "sql/functions/**.sql": 120,
    "migrations/**.py": 400,
}
FUNCTION_LINES = 60
PARAMETERS = 10

EXEMPT: dict[str, str] = {
    # "path" or "path:function": "reason",
    "taskflow/api/jobs.py:list_jobs": "each is a parameter of the query, by its name",
}


def folders() -> Iterable[tuple[str, str, int]]:
    for place, limit in LIMITS.items():
        folder, _, pattern = place.partition("/**")
        yield folder, f"*{pattern}", limit


def source_functions() -> list[Function]:
    paths = [*files("taskflow", "*.py"), *files("tests", "*.py"), *files("migrations", "*.py")]
    return [function for path in paths for function in functions(path)]


def key(function: Function) -> str:
    return f"{function.where.partition(':')[0]}:{function.name}"


@pytest.mark.parametrize(("folder", "pattern", "limit"), list(folders()))
def test_files_stay_readable(folder: str, pattern: str, limit: int) -> None:
    counted = {shown(path): line_count(path) for path in files(folder, pattern)}
    report(f"{folder} {pattern}", list(counted.values()), target=limit)
    too_long = [
        f"{path}: {lines} lines, limit {limit}"
        for path, lines in counted.items()
        if lines > limit and path not in EXEMPT
    ]
    assert not too_long, "split these where a reader would:\n" + "\n".join(too_long)


def test_functions_stay_readable() -> None:
    found = source_functions()
    report("function lines", [function.lines for function in found], target=FUNCTION_LINES)
    too_long = [
        f"{function.where} {function.name}: {function.lines} lines, limit {FUNCTION_LINES}"
        for function in found
        if function.lines > FUNCTION_LINES and key(function) not in EXEMPT
    ]
    assert not too_long, "\n".join(too_long)


def test_calls_stay_readable() -> None:
    # Tests take a fixture for each thing they need, so only the product's own calls count.
    too_many = [
        f"{function.where} {function.name}: {function.parameters} parameters, limit {PARAMETERS}"
        for function in source_functions()
        if function.where.startswith("taskflow/")
        and function.parameters > PARAMETERS
        and key(function) not in EXEMPT
    ]
    assert not too_many, "\n".join(too_many)


def test_exemptions_are_needed() -> None:
    long_files = {
        shown(path)
        for folder, pattern, limit in folders()
        for path in files(folder, pattern)
        if line_count(path) > limit
    }
    long_functions = {
        key(function)
        for function in source_functions()
        if function.lines > FUNCTION_LINES or function.parameters > PARAMETERS
    }
    assert not set(EXEMPT) - long_files - long_functions
    assert all(reason.strip() for reason in EXEMPT.values())


def report(what: str, numbers: list[int], target: int) -> None:
    if len(numbers) > 1:
        median = statistics.median(numbers)
        ninth = statistics.quantiles(numbers, n=10)[-1]
        print(  # noqa: T201 - the report is for `pytest -rP`
            f"{what}: {len(numbers)} counted, median {median:g}, p90 {ninth:.0f}, "
            f"longest {max(numbers)}, limit {target}"
        )
