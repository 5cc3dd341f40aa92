"""What Prometheus reads."""

import pytest
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture
def scrape(api):
    def scrape():
        families = text_string_to_metric_families(api.get("/metrics").text)
        return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}

    return scrape


def requests(samples, route, method, status):
    labels = (("method", method), ("route", route), ("status", status))
    return samples.get(("http_request_duration_seconds_count", labels), 0)


def test_durations_are_kept_by_route_template(api, create, scrape):
    for _ in range(3):
        api.get(f"/api/intents/{create()['id']}")

    samples = scrape()
    assert requests(samples, "/api/intents/{intent_id}", "GET", "200") == 3
    assert requests(samples, "/api/intents", "POST", "201") == 3


def test_a_scanner_does_not_grow_the_registry(api, scrape):
    for method in ("PROPFIND", "MKCOL", "LOCK", "SEARCH", "TRACE"):
        api.get(f"/{method}.php")
        api.request(method, "/")

    samples = scrape()
    assert requests(samples, "(none)", "GET", "404") == 5
    assert requests(samples, "(none)", "OTHER", "404") == 5


@pytest.mark.usefixtures("empty")
def test_intents_by_state_and_the_pool_are_gauges(create, scrape):
    create()

    samples = scrape()
    assert samples["intents", (("state", "pending"),)] == 1
    assert samples["intents", (("state", "failed"),)] == 0
    assert samples["database_up", ()] == 1
    assert samples["database_pool_connections", ()] >= 1
