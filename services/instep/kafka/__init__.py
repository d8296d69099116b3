"""Connects services and commands to Kafka, and makes reading from Kafka safe. Nothing here changes a cluster.

`connection` knows where the cluster is and how to sign in. `secrets` keeps each user's secret. `diagnosis` says why a
connection fails. `soundness` warns of versions of Kafka that leave out the ends of transactions.

`follow` reads `instep.network`, where the agreements of the network lie, and keeps to the newest state, with the help
of `generations` and `freshness`. `log_ends` asks for the ends of logs and of transactions, with the requests of
`requests`. `record_parser` and `unpacking` make fetched batches safe to read.
"""
