"""Provisioning: what makes a cluster match a network's directory, and the registry's schema ids.

In: a directory of the network, the catalogue, and what the cluster holds now.
Out: topics, users, ACLs, quotas and the records of `instep.network`; `plan` and `access_changes` decide (pure), `apply` and
`access` act, `settling` makes sure that readers reach the end of `instep.network`.
"""
