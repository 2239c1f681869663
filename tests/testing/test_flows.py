"""Workflows and batches in the testing kit: all in the test's transaction, time by its clock."""

from __future__ import annotations

from decimal import Decimal

from taskflow.testing import Kit
from tests.testing import shop


def test_a_flow_is_drained_to_its_end(taskflow: Kit) -> None:
    flow = shop.tf.flow("sale")
    ordered = flow.add(shop.order, Decimal(5))
    flow.delay("1h").after(ordered)
    flow.signal("paid").after(flow.nodes["delay"])
    flow.returns(ordered.out)
    run = flow.start()
    taskflow.drain()
    assert [step.state for step in run.steps()] == ["succeeded", "waiting", "pending"]
    taskflow.clock.advance("61m")
    taskflow.drain()
    assert run.signal("paid") == "taken"
    assert run.state() == "succeeded"
    assert Decimal(run.result()) == Decimal(10)


async def test_a_batch_is_drained_with_its_callback(taskflow: Kit) -> None:
    async with shop.tf.batch(on_success=shop.receipt.s(1)) as batch:
        batch.add(shop.receipt, 2)
    ran = await taskflow.adrain()
    assert [one.result for one in ran] == ["2 en", "1 en"]
    assert (await batch.handle.abatch()).state == "succeeded"
