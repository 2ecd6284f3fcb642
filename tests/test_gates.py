"""What decides about models is switched on in every new project."""

import yaml
from helpers.support import GENERATED


def test_every_gate_of_the_review_is_on_and_says_what_it_asks() -> None:
    text = (GENERATED / "params.yaml").read_text(encoding="utf-8")
    gates = text.partition("  gates:")[2].partition("\n\n")[0].splitlines()[1:]
    assert len(gates) == 13
    for line in gates:
        ((name, value),) = yaml.safe_load(line).items()
        assert (value is None) == (name == "max_psi"), name  # data that moves is reported; it refuses no model
        assert "#" in line, name
