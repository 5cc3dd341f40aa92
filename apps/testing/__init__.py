"""What the tests of both applications share: a real PostgreSQL, real processes, a Claude API that misbehaves on request."""
