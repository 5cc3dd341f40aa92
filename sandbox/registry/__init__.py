"""A local image registry that serves the stand-ins to the machines under the genuine names."""
