"""Makes a Kafka cluster match the directory of a network, which says who takes part and who may share what.

In: the directory, the catalogue of schemas, and the present contents of the cluster.
Out: topics, users, ACLs, quotas and the records of `instep.network`. Schema ids come from a registry where there is one.

`plan` and `access_changes` decide, and are pure. `apply` carries the plan out: `cluster_topics` and `access` change the
cluster, `network_writer` writes the records, and `settling` makes sure that readers reach the end of `instep.network`.
"""
