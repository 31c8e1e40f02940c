"""`pipeline report` on the real pipeline: a smaller network for the handwritten digits."""

import json
import re

from tests.conftest import Clone


def test_a_smaller_network_is_reviewed(reproduced: Clone) -> None:
    params = reproduced.path / "params.yaml"
    params.write_text(re.sub(r"hidden_layer_sizes: .*", "hidden_layer_sizes: [3]", params.read_text(encoding="utf-8")))
    reproduced.run("dvc", "repro")
    done = reproduced.run("pipeline", "report", check=False)
    assert done.returncode == 1, done.stderr
    assert "Worse, not allowed: accuracy" in done.stdout
    assert "parameters: train.arguments.hidden_layer_sizes" in done.stdout

    content = json.loads((reproduced.path / "report/report.json").read_text(encoding="utf-8"))
    assert content["base"]["source"] == "the DVC cache"
    assert content["proof"]["stale"] == [] and content["proof"]["lock"] == "not committed"
    assert [stage["stage"] for stage in content["changes"]["stages"]] == ["train", "evaluate", "package"]
    own = json.loads((reproduced.path / "metrics/evaluate/metrics.json").read_text(encoding="utf-8"))
    for name, row in content["comparison"]["metrics"].items():
        assert row["verdict"] == "not comparable" or abs(row["head"] - own[name]) < 1e-9, name

    html = (reproduced.path / "report/report.html").read_text(encoding="utf-8")
    assert html.count('<img src="data:image/png;base64,') == len(content["broken"]) + len(content["fixed"]) > 12
    assert html.count("<polyline") == 8, "loss and accuracy, train and validation, base and head"
    markdown = (reproduced.path / "report/report.md").read_text(encoding="utf-8")
    assert markdown.count("```mermaid") == 2 and "| class 8 |" in markdown
    assert not reproduced.run("git", "worktree", "list").stdout.strip().count("\n")
