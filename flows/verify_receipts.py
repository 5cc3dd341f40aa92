"""Is every change of the site still told as it was?"""

from prefect import flow

from resonant.receipts import render_chain, render_receipts
from resonant.settings import read_settings
from tasks.host import find_host
from tasks.receipts import check_receipts, read_receipts
from tasks.report import publish_markdown

SHOWN = 20


@flow(name="verify-receipts")
def verify_receipts() -> str:
    """Read the log of all changes on the VM and check that no line was changed, removed, moved or cut off.

    The run fails with the first line that does not hold; the page shows the last 20 changes either way.
    """
    settings = read_settings()
    log = read_receipts(find_host(settings), 0)
    publish_markdown("receipts", render_receipts(log.receipts[-SHOWN:]), "The last changes of the site")
    return render_chain(check_receipts(log))
