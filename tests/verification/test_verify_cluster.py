"""`holdfast verify` on a Redis Cluster, while slots move and primaries stand still."""

import pytest

from holdfast.verification import Plan
from tests.redis_topologies import Cluster
from tests.verification.cluster_run import verify_cluster


@pytest.mark.slow
async def test_nothing_is_wrong_while_slots_move(
    own_cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is lost or doubled, no worker complains, and all own sessions are removed."""
    plan = Plan(
        url=own_cluster.url, namespace="verify-cluster", processes=2, callers=8, sessions=24,
        seconds=4, seed=5, faults=frozenset({"restart", "server-pause"}),
    )  # fmt: skip
    result, done = await verify_cluster(own_cluster, plan)
    assert result.ok, result.told()
    assert done["slots moved"] >= 12
    assert done["primaries stopped"] == 1
    assert "never retrieved" not in capfd.readouterr().err
    for node in own_cluster.primaries:
        kinds = {key.split(b":")[2] for key in node.ask("KEYS", "hf:*verify-cluster*")}
        assert kinds <= {b"d"}, "What is left are memories of deletions, for a minute"
