"""What prefect.yaml cannot say: work pools, automations, reconciliation, and the operator's side of the connection."""
