"""`inkread batch --ray`: the same rows from a cluster, with a node killed in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import WriteNetwork
from helpers.batches import fill, rows_of
from inkread.batch.run import run
from inkread.cli import main

PICTURES = 1000

ray = pytest.importorskip("ray", reason="needs the extra 'ray'")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Return a cluster of a head and a node, a raylet each, with one core each."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # At 15, the workers get no time next to other work.
        patch.setenv("RAY_worker_niceness", "0")
        # The smallest object store that Ray accepts, in bytes.
        memory = 80_000_000
        head = {"num_cpus": 1, "object_store_memory": memory, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.add_node(num_cpus=1, object_store_memory=memory)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


def test_rows_are_the_same_when_a_node_is_killed_in_the_middle(cluster: Any, tmp_path: Path) -> None:
    scans = fill(tmp_path / "scans", PICTURES)
    node = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
    at_work: list[float] = []

    def kill_node(done: int, of: int | None) -> None:
        if done >= PICTURES // 5 and not at_work:
            at_work.append(ray.available_resources().get("CPU", 0))
            cluster.remove_node(node, allow_graceful=False)

    summary = run([scans], tmp_path / "out", ray=cluster.address, progress=kill_node)
    # Both nodes were reading, so this many cores were free.
    assert at_work == [0]
    assert summary.rows == PICTURES
    run([scans], tmp_path / "local", processes=2)
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "local")


def test_a_cluster_goes_on_where_processes_stopped_with_a_model_that_its_nodes_lack(
    cluster: Any, tmp_path: Path, write_network: WriteNetwork
) -> None:
    scans, model = fill(tmp_path / "scans", 30), write_network(tmp_path / "n.onnx", classes=11)
    words = ["batch", str(scans), str(tmp_path / "out"), "--model", str(model)]
    (scans / "broken.png").write_bytes(b"no picture")
    assert main([*words[:1], str(scans / "0000*.png"), *words[2:], "--processes", "1"]) == 0
    assert main([*words, "--ray", cluster.address]) == 1
    rows = rows_of(tmp_path / "out")
    assert [row["picture"] for row in rows] == sorted(map(str, scans.iterdir()))
    assert [row["error"]["code"] for row in rows if row["error"]] == ["not-a-picture"]
    assert len({row["model"] for row in rows}) == 1
