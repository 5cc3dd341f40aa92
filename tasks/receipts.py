"""The receipts on the VM: one for each change, also for one that failed."""

from resonant import receipts
from resonant.commands import receipts as commands
from resonant.receipts import Chain, Log, Receipt
from resonant.remote import Host
from tasks.options import step
from tasks.shell import run


@step("receipt", retries=3)
def append_receipt(host: Host, receipt: Receipt) -> None:
    """Also after the lease was lost: a receipt tells of a change and makes none."""
    run(host.unleased, commands.append(receipt.render()))


@step("read receipts", retries=2)
def read_receipts(host: Host, count: int) -> Log:
    """The last `count` lines of the log; 0: all of them."""
    return receipts.parse_log(run(host.unleased, commands.read(count)))


@step("verify receipts")
def check_receipts(log: Log) -> Chain:
    """Raises ReceiptsBroken naming the first line that does not hold."""
    return receipts.verify_chain(log.lines, log.head)
