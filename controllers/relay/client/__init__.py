"""The workload cluster's side: joins, dials out, serves streams, sends metrics."""
