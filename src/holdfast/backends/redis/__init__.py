"""Sessions in Redis or Valkey: one node, Sentinel or Cluster."""
