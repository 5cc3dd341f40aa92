"""What Prometheus sees of the bridge. The success ratio is done / (done + failed)."""

from prometheus_client import Counter, Histogram

OUTCOMES = ("done", "failed", "postponed", "released", "lost")

PROCESSED = Counter("bridge_intents_processed", "Claims ended, by outcome.", ["outcome"])
ATTEMPTS = Histogram(
    "bridge_intent_attempts", "Attempts that an intent took until done or failed.", buckets=(1, 2, 3, 4, 5, 8)
)
API_SECONDS = Histogram(
    "bridge_api_request_duration_seconds",
    "Duration of single HTTP requests to the Claude API, the SDK's retries included, by status.",
    ["status"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60),
)

# So that rates and ratios exist before the first event.
for outcome in OUTCOMES:
    PROCESSED.labels(outcome)
