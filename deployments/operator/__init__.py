"""The operator's side: the tunnel to the VM's Prefect server and the worker of the pool `operator`."""
