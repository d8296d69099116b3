"""Provisioning: makes a cluster match a network's directory, with schema ids from a registry where there is one.

In: a directory of the network, the catalogue, and the present contents of the cluster.
Out: topics, users, ACLs, quotas and the records of `instep.network`.

`plan` and `access_changes` decide, and are pure. `apply` carries the plan out: `cluster_topics` and `access` change the
cluster, `network_writer` writes the records, and `settling` makes sure that readers reach the end of `instep.network`.
"""
