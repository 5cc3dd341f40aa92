"""`python -m backend`: one process, behind a reverse proxy on a private network."""

import logging

import uvicorn

from backend.settings import Settings


def main() -> None:
    settings = Settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(
        "backend.app:create_app",
        factory=True,
        host="0.0.0.0",  # noqa: S104 - inside a container; only the stack's network reaches it
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=1024,
        ws_max_queue=8,
        proxy_headers=True,
        forwarded_allow_ips="*",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
