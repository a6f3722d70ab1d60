"""Reads a page of metrics as Prometheus does, and prints it as JSON: a family a line.

Anything the parser of the official client does not take is an error; so is what promtool would
warn of: a family without help or type, a counter without `_total`, a sample twice.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families


def main():
    text = sys.stdin.read()
    assert text.endswith("\n"), "the last line has no end"
    seen = set()
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge"), family.name
        samples = []
        for sample in family.samples:
            is_total = sample.name.endswith("_total")
            assert is_total == (family.type == "counter"), sample.name
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in seen, key
            seen.add(key)
            samples.append([sample.name, sample.labels, sample.value])
        assert samples, f"{family.name} has no sample"
        print(json.dumps({"family": family.name, "kind": family.type, "samples": samples}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
