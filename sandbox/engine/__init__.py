"""The Docker engine that everything in the sandbox runs on."""
