"""The dashboard's API: intents over JSON, live updates over a WebSocket, metrics for Prometheus."""
