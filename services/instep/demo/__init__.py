"""The demo: the whole journey of one network on a real Kafka, shown and judged.

`run` conducts it on a local platform of its own, `publishing` sends the files as each council would, `settled` waits until
everything is decided, `evidence` and `report` judge from the topics alone, `access_probes` tries what a council may not.
"""
