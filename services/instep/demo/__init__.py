"""Runs the demo: moves invented records between councils over a real Kafka, shows the results, and judges them.

`run` conducts the demo on a local platform of its own. `exports` splits the sample data, `publishing` sends each council's
files, and `settled` waits until everything is decided. `evidence` and `report` judge from the topics alone. `access_probes`
tries what a council may not do. `journey` holds the results, `record` and `summary` write them for programs and people.
"""
